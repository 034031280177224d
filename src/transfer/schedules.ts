/** Learning rates as functions of the step, counted from 0. Pass one where an optimizer takes a learning rate. */

/** Half a cosine from `rate` down to `alpha * rate` over `decaySteps`, after an optional linear rise from 0 (Keras's CosineDecay). */
export function cosineDecay(
  rate: number,
  decaySteps: number,
  { alpha = 0, warmupSteps = 0 } = {},
): (step: number) => number {
  return (step) => {
    if (step < warmupSteps) return (rate * step) / warmupSteps;
    const t = Math.min(1, (step - warmupSteps) / decaySteps);
    return rate * (alpha + (1 - alpha) * 0.5 * (1 + Math.cos(Math.PI * t)));
  };
}

/** `rate * decayRate ^ (step / decaySteps)`; with `staircase` in whole powers (Keras's ExponentialDecay). */
export function exponentialDecay(
  rate: number,
  decaySteps: number,
  decayRate: number,
  { staircase = false } = {},
): (step: number) => number {
  return (step) => rate * decayRate ** (staircase ? Math.floor(step / decaySteps) : step / decaySteps);
}

/** `values[i]` up to and including step `boundaries[i]`, the last value afterwards (Keras's PiecewiseConstantDecay). */
export function piecewiseConstant(boundaries: readonly number[], values: readonly number[]): (step: number) => number {
  return (step) => {
    const i = boundaries.findIndex((b) => step <= b);
    return values[i < 0 ? values.length - 1 : i];
  };
}
