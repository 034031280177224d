/** Cases of the interop run: each is a test, and a line of out/interop/cases.jsonl, of which tools/interop.mjs makes out/interop.json. */
import fs from "node:fs";
import { it } from "vitest";

export interface Outcome {
  /** Relative error; null where nothing was compared. */
  readonly error: number | null;
  /** The largest error that is agreement. */
  readonly tolerance: number;
  readonly detail?: string;
}

function append(file: string, record: object): void {
  fs.mkdirSync("out/interop", { recursive: true });
  fs.appendFileSync(`out/interop/${file}`, `${JSON.stringify(record)}\n`);
}

/** A test that is recorded whether it fails or not. The run says in `detail` what a reader should know of it. */
export function interopCase(id: string, run: () => Promise<Outcome>, timeout?: number): void {
  it(
    id,
    async () => {
      let outcome: Outcome;
      try {
        outcome = await run();
      } catch (error) {
        append("cases.jsonl", { id, ok: false, error: null, detail: firstLine(error) });
        throw error;
      }
      const { error, tolerance, detail = "" } = outcome;
      const ok = error === null || error <= tolerance; // not true of NaN
      append("cases.jsonl", { id, ok, error, detail: ok ? detail : `${detail} tolerance ${tolerance}`.trim() });
      if (!ok) throw new Error(`${id}: relative error ${error}; expected at most ${tolerance}. ${detail}`);
    },
    timeout,
  );
}

/** What out/interop.json tells besides cases, e.g. the table of the ONNX node tests. */
export function recordFacts(facts: Readonly<Record<string, unknown>>): void {
  append("facts.jsonl", facts);
}

export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0].slice(0, 600);
}

/**
 * The largest absolute difference over the largest expected magnitude.
 *
 * @throws when the lengths differ, or the expected values say nothing.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length)
    throw new Error(`Thaw gave ${actual.length} numbers; expected ${expected.length}`);
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!Number.isFinite(difference)) return Number.NaN;
    worst = Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  if (largest === 0) throw new Error("the expected output is zero everywhere, which shows nothing");
  return worst / largest;
}
