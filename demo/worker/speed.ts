/** How long a step takes, by the speed of steps that ran here: time a FLOP and time a dispatch. */

interface Measured {
  readonly flops: number;
  readonly dispatches: number;
  readonly seconds: number;
}

/** A head on cached features has a ten-thousandth of a step's FLOPs: nothing follows from it for steps this many times as large. */
const farthest = 20;

export class Speed {
  readonly #measured: Measured[] = [];

  /** A step's numbers, and the mean time of the steps of a training. */
  add(measured: Measured): void {
    if (measured.seconds > 0 && Number.isFinite(measured.seconds)) this.#measured.push(measured);
  }

  /**
   * Undefined where nothing near as large has run yet. One kind of step that ran: in proportion to its cost, where a dispatch counts as much as its share of the FLOPs. Several:
   * seconds = a * flops + b * dispatches by least squares of relative errors, neither below 0.
   */
  predict(flops: number, dispatches: number): number | undefined {
    const rows = this.#measured.filter((row) => row.flops * farthest >= flops).slice(-8);
    if (rows.length === 0) return undefined;
    const [a, b] = solve(rows);
    return a * flops + b * dispatches;
  }
}

/** Time a FLOP and time a dispatch. */
function solve(rows: readonly Measured[]): [number, number] {
  let [ff, fd, dd, f, d] = [0, 0, 0, 0, 0];
  for (const row of rows) {
    const [x, y] = [row.flops / row.seconds, row.dispatches / row.seconds];
    ff += x * x;
    fd += x * y;
    dd += y * y;
    f += x;
    d += y;
  }
  const determinant = ff * dd - fd * fd;
  if (determinant > 1e-6 * ff * dd) {
    const [a, b] = [(f * dd - d * fd) / determinant, (d * ff - f * fd) / determinant];
    if (a >= 0 && b >= 0) return [a, b];
    return a < 0 ? [0, d / dd] : [f / ff, 0];
  }
  // Steps of one kind: half of their time for either.
  return [0.5 * (f / ff), 0.5 * (d / dd)];
}
