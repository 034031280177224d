/** What tuning a plan found, as a table. */
import type { TimedCandidate, TunedProblem, TuningResult } from "./tune";

export class TuningReport {
  constructor(readonly fields: TuningResult) {}

  /** Microseconds of a step by the usual variants and by those chosen, over the problems that were timed now. */
  get microseconds(): { readonly before: number; readonly after: number } {
    let [before, after] = [0, 0];
    for (const { problem, candidates, answer } of this.fields.timed) {
      const times = problem.layers.length;
      const chosen = candidates.find((c) => c.variant === answer.variant)!.microseconds!;
      before += times * (candidates[0].microseconds ?? chosen);
      after += times * chosen;
    }
    return { before, after };
  }

  /** The problems that run by another variant than the usual one, among those timed now. */
  get changes(): readonly TunedProblem[] {
    return this.fields.timed.filter(({ candidates, answer }) => answer.variant !== candidates[0].variant);
  }

  /** One entry a problem. */
  toJSON(): object {
    const { timed, known, left, failed, milliseconds } = this.fields;
    const { before, after } = this.microseconds;
    return {
      milliseconds,
      failed,
      before,
      after,
      timed: timed.map(({ problem, candidates, answer }) => ({
        key: problem.key,
        layers: problem.layers,
        candidates,
        variant: answer.variant,
      })),
      known: known.map(({ problem, answer }) => ({ key: problem.key, variant: answer.variant })),
      left: left.map(({ key }) => key),
    };
  }

  /** A row a problem: how often a step runs it, what it is, its first layer, the choice, and the times, the usual variant first. */
  toString(): string {
    const { timed, known, left, failed, milliseconds } = this.fields;
    const { before, after } = this.microseconds;
    const rows = timed.map(({ problem, candidates, answer }) => [
      `${problem.layers.length} x`,
      problem.op,
      problem.layers[0],
      answer.variant === candidates[0].variant ? "as usual" : answer.variant,
      candidates.map(describe).join(", "),
    ]);
    const widths = [0, 1, 2, 3].map((i) => Math.max(0, ...rows.map((row) => row[i].length)));
    return [
      ...rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")),
      `${timed.length} problems timed in ${(milliseconds / 1000).toFixed(1)} s, ${known.length} known before, ` +
        `${left.length} left${failed > 0 ? `; ${failed} candidates could not run` : ""}`,
      `these kernels: ${(before / 1000).toFixed(1)} ms a step by the usual variants, ${(after / 1000).toFixed(1)} ms as chosen`,
    ].join("\n");
  }
}

function describe({ variant, microseconds }: TimedCandidate): string {
  if (microseconds === undefined) return `${variant} failed`;
  return `${variant} ${microseconds < 1000 ? `${microseconds.toFixed(0)} us` : `${(microseconds / 1000).toFixed(1)} ms`}`;
}
