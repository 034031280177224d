/** Rates that fall step by step, by Keras's formulas. */
import { ThawError } from "../../errors";
import { checkRate, checkSteps, type Schedule } from "./check";

/** The same rate in every step; for `warmUp` and for comparisons. */
export function constantRate(rate: number): Schedule {
  checkRate("constantRate", "rate", rate);
  return () => rate;
}

/** `rate * decayRate ^ floor(step / every)`: a step down every so many steps (default: to a tenth). */
export function stepDecay(rate: number, every: number, decayRate = 0.1): Schedule {
  checkRate("stepDecay", "rate", rate);
  checkSteps("stepDecay", "every", every);
  checkRate("stepDecay", "decayRate", decayRate);
  return (step) => rate * decayRate ** Math.floor(step / every);
}

/** `rate * decayRate ^ (step / decaySteps)`; with `staircase` in whole powers (Keras's ExponentialDecay). */
export function exponentialDecay(
  rate: number,
  decaySteps: number,
  decayRate: number,
  { staircase = false } = {},
): Schedule {
  checkRate("exponentialDecay", "rate", rate);
  checkSteps("exponentialDecay", "decaySteps", decaySteps);
  checkRate("exponentialDecay", "decayRate", decayRate);
  return (step) => rate * decayRate ** (staircase ? Math.floor(step / decaySteps) : step / decaySteps);
}

/** `rate / (1 + decayRate * step / decaySteps)`; with `staircase` in whole multiples (Keras's InverseTimeDecay). */
export function inverseTimeDecay(
  rate: number,
  decaySteps: number,
  decayRate: number,
  { staircase = false } = {},
): Schedule {
  checkRate("inverseTimeDecay", "rate", rate);
  checkSteps("inverseTimeDecay", "decaySteps", decaySteps);
  checkRate("inverseTimeDecay", "decayRate", decayRate);
  return (step) => rate / (1 + decayRate * (staircase ? Math.floor(step / decaySteps) : step / decaySteps));
}

/**
 * `(rate - endRate) * (1 - step / decaySteps) ^ power + endRate` (Keras's PolynomialDecay, with its defaults). With `cycle` the
 * span grows to the next multiple of `decaySteps` whenever it is over; else the rate stays at `endRate`.
 */
export function polynomialDecay(
  rate: number,
  decaySteps: number,
  { endRate = 0.0001, power = 1, cycle = false } = {},
): Schedule {
  checkRate("polynomialDecay", "rate", rate);
  checkSteps("polynomialDecay", "decaySteps", decaySteps);
  checkRate("polynomialDecay", "endRate", endRate);
  checkRate("polynomialDecay", "power", power);
  return (step) => {
    const span = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
    return (rate - endRate) * (1 - Math.min(step, span) / span) ** power + endRate;
  };
}

/** `values[i]` up to and including step `boundaries[i]`, the last value afterwards (Keras's PiecewiseConstantDecay). */
export function piecewiseConstant(boundaries: readonly number[], values: readonly number[]): Schedule {
  const who = "piecewiseConstant";
  if (values.length !== boundaries.length + 1)
    throw new ThawError(who, `${values.length} values`, `${boundaries.length + 1}, one more than boundaries`);
  boundaries.forEach((b, i) => {
    if (!(b >= 0 && Number.isFinite(b)) || (i > 0 && b <= boundaries[i - 1]))
      throw new ThawError(who, `boundaries ${boundaries.join(", ")}`, "steps from 0, each larger than the one before");
  });
  for (const value of values) checkRate(who, "value", value);
  return (step) => {
    const i = boundaries.findIndex((b) => step <= b);
    return values[i < 0 ? values.length - 1 : i];
  };
}
