/** What every kind of row needs to be measured. */
import type { Gpu } from "../../../src/index";
import type { Pace } from "../measure/timing";
import type { Absent, System } from "../result";

export interface Context {
  readonly gpu: Gpu;
  /** Pace of the next row: a quick run that is late hurries. */
  readonly pace: () => Pace;
  readonly quick: boolean;
  readonly large: boolean;
  /** Whether a quick run is so late that what the goals do not ask for is left out. */
  readonly late: () => boolean;
  /** Whether a row is wanted; also true for the beginning of wanted rows' ids. */
  readonly wants: (id: string) => boolean;
  readonly say: (text: string) => void;
  readonly absences: Absences;
  /** ONNX Runtime's WebAssembly, by URL or itself, or why it cannot run. */
  readonly ort: OrtPlace;
}

export type OrtPlace = { readonly wasm: string | Uint8Array } | { readonly missing: string };

/** Collects why figures are missing. */
export class Absences {
  readonly #reasons: Record<string, Partial<Record<System, string>>> = {};

  note(row: string, system: System, reason: string): void {
    (this.#reasons[row] ??= {})[system] = reason;
  }

  get all(): Absent {
    return this.#reasons;
  }
}

/** Tells a peer's failure apart from the benchmark's own: the row goes on without the peer, and says why. */
export async function attempt<T>(
  { absences, say }: Context,
  row: string,
  system: System,
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    // Where TF.js disagrees no time can be believed; another peer may be wrong by itself.
    if (error instanceof Disagreement && system === "tfjs") throw error;
    const reason = error instanceof Error ? error.message : String(error);
    say(`${row}: ${system}: ${reason}`);
    absences.note(row, system, reason);
    return undefined;
  }
}

export class Disagreement extends Error {}

/** Results agree to this, relative to the largest value. */
export const tolerance = 1e-3;

/** @throws when results differ: times of something else are worth nothing. */
export function checkAgreement(who: string, error: number): string {
  if (error > tolerance)
    throw new Disagreement(
      `${who}: results differ from Thaw's by ${error.toExponential(1)}; expected at most ${tolerance}`,
    );
  return `results agree to ${error.toExponential(0)}`;
}
