/** Rates along half a cosine (Loshchilov and Hutter 2017, SGDR), and what goes in front. */
import { checkRate, checkShare, checkSteps, type Schedule } from "./check";

const half = (t: number) => 0.5 * (1 + Math.cos(Math.PI * t));

/** Half a cosine from `rate` down to `alpha * rate` over `decaySteps`, after an optional linear rise from 0 (Keras's CosineDecay). */
export function cosineDecay(rate: number, decaySteps: number, { alpha = 0, warmupSteps = 0 } = {}): Schedule {
  checkRate("cosineDecay", "rate", rate);
  checkSteps("cosineDecay", "decaySteps", decaySteps);
  checkShare("cosineDecay", "alpha", alpha);
  checkSteps("cosineDecay", "warmupSteps", warmupSteps, 0);
  return (step) => {
    if (step < warmupSteps) return (rate * step) / warmupSteps;
    return rate * (alpha + (1 - alpha) * half(Math.min(1, (step - warmupSteps) / decaySteps)));
  };
}

/**
 * Half a cosine again and again (Keras's CosineDecayRestarts): each span is `tMul` times as long as the one before and begins
 * at `mMul` times its rate; the rate never falls below `alpha * rate`.
 */
export function cosineDecayRestarts(
  rate: number,
  firstDecaySteps: number,
  { tMul = 2, mMul = 1, alpha = 0 } = {},
): Schedule {
  const who = "cosineDecayRestarts";
  checkRate(who, "rate", rate);
  checkSteps(who, "firstDecaySteps", firstDecaySteps);
  checkSteps(who, "tMul", tMul); // shorter and shorter spans would come to an end
  checkRate(who, "mMul", mMul);
  checkShare(who, "alpha", alpha);
  return (step) => {
    let start = 0;
    let span = firstDecaySteps;
    let restarts = 0;
    // A span a round, which is no more rounds than restarts so far.
    while (step >= start + span) {
      start += span;
      span *= tMul;
      restarts++;
    }
    return rate * ((1 - alpha) * mMul ** restarts * half((step - start) / span) + alpha);
  };
}

/**
 * A linear rise in front of any schedule: from `startRate` (default 0) in step 0 to the schedule's first rate in step `steps`,
 * where the schedule begins with its step 0 (Goyal et al. 2017).
 */
export function warmUp(steps: number, schedule: number | Schedule, { startRate = 0 } = {}): Schedule {
  checkSteps("warmUp", "steps", steps);
  checkRate("warmUp", "startRate", startRate);
  if (typeof schedule === "number") checkRate("warmUp", "rate", schedule);
  const then = typeof schedule === "number" ? () => schedule : schedule;
  const target = then(0);
  return (step) => (step < steps ? startRate + ((target - startRate) * step) / steps : then(step - steps));
}

/**
 * One cycle (Smith and Topin 2018, "Super-Convergence"), as PyTorch's OneCycleLR with cosine annealing and its defaults: up from
 * `maxRate / divFactor` to `maxRate` in the first `pctStart` of `totalSteps`, then down to `maxRate / divFactor / finalDivFactor`,
 * where it stays.
 */
export function oneCycle(
  maxRate: number,
  totalSteps: number,
  { pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = {},
): Schedule {
  checkRate("oneCycle", "maxRate", maxRate);
  checkSteps("oneCycle", "totalSteps", totalSteps, 2);
  checkShare("oneCycle", "pctStart", pctStart);
  checkSteps("oneCycle", "divFactor", divFactor, Number.MIN_VALUE);
  checkSteps("oneCycle", "finalDivFactor", finalDivFactor, Number.MIN_VALUE);
  const first = maxRate / divFactor;
  const last = first / finalDivFactor;
  const top = Math.max(0, pctStart * totalSteps - 1); // the step of the highest rate, which need not be a whole one
  const end = totalSteps - 1;
  const between = (from: number, to: number, t: number) => to + (from - to) * half(t);
  return (step) => {
    if (step < top) return between(first, maxRate, step / top);
    return end > top ? between(maxRate, last, Math.min(1, (step - top) / (end - top))) : maxRate;
  };
}
