/** Which learning rate: a short training with a growing rate, and its curve. */
import { ThawError } from "../../errors";
import type { Container } from "../../nn/model";
import type { Dataset, FitOptions, StreamedDataset } from "../../nn/trainer";
import type { ModelTrainer } from "../../train/model-trainer";
import { sampleCount } from "../data/labelled";
import { holdWeights } from "../hold-weights";

export interface FindLearningRateOptions extends Pick<
  FitOptions,
  "batchSize" | "classWeight" | "preparation" | "seed" | "signal"
> {
  /** Rate of the first step; default 1e-6. */
  readonly from?: number;
  /** Rate of the last step; default 1. */
  readonly to?: number;
  /** Default 100. The data is gone through as often as that takes. */
  readonly steps?: number;
  /** Weight of the past in the smoothed loss; default 0.9. 0 does not smooth. */
  readonly smoothing?: number;
  /** Ends where the smoothed loss exceeds the best so far by this factor; default 4, as in fastai. */
  readonly divergence?: number;
}

/** One entry a step, until it diverged. */
export interface LearningRateCurve {
  readonly rates: readonly number[];
  readonly losses: readonly number[];
  /** Exponential average with bias correction, as Adam's: what the choice is made by. */
  readonly smoothed: readonly number[];
  /**
   * The rate at which the smoothed loss falls fastest, by its logarithm: good to begin with. Undefined where it never fell: the range is too
   * high, or nothing can be learnt.
   */
  readonly steepest: number | undefined;
  /** A tenth of the rate at which the smoothed loss was least: the cautious choice. */
  readonly cautious: number;
  /** Whether the loss grew beyond `divergence` before the last step. */
  readonly diverged: boolean;
}

/**
 * The learning-rate range test (Smith 2017, section 3.3): trains with a rate that grows by the same factor in each step, and
 * records the loss. Weights, optimizer and its state are afterwards as they were before.
 *
 * @throws for a model that is not compiled, and ranges that are empty.
 */
export async function findLearningRate(
  model: Container,
  data: Dataset | StreamedDataset,
  options: FindLearningRateOptions = {},
): Promise<LearningRateCurve> {
  const { from = 1e-6, to = 1, steps = 100, smoothing = 0.9, divergence = 4, ...fit } = options;
  const who = "findLearningRate";
  if (!(from > 0 && to > from && to < Infinity))
    throw new ThawError(who, `rates from ${from} to ${to}`, "0 < from < to");
  if (!Number.isInteger(steps) || steps < 10) throw new ThawError(who, `${steps} steps`, "a whole number, 10 or more");
  if (!(smoothing >= 0 && smoothing < 1))
    throw new ThawError(who, `smoothing ${smoothing}`, "a number from 0 to below 1");
  if (!(divergence > 1)) throw new ThawError(who, `divergence ${divergence}`, "a number above 1");
  const trainer = model.compiledWith as ModelTrainer | undefined;
  if (!trainer)
    throw new ThawError(who, `${model.name} is not compiled`, "a compiled model", "Call model.compile() first.");

  const putBack = await holdWeights(model);
  const state = await model.readTrainingState();
  const { optimizer, learningRate } = trainer;
  const rateOf = (step: number) => from * (to / from) ** (step / (steps - 1));
  const curve = { rates: [] as number[], losses: [] as number[], smoothed: [] as number[] };
  const end = new AbortController();
  const abort = () => end.abort();
  options.signal?.addEventListener("abort", abort);
  let [average, best, diverged] = [0, Infinity, false];
  const take = (step: number, loss: number) => {
    if (diverged || curve.rates.length >= steps) return;
    average = smoothing * average + (1 - smoothing) * loss;
    const smooth = average / (1 - smoothing ** (curve.rates.length + 1));
    curve.rates.push(rateOf(step - 1));
    curve.losses.push(loss);
    curve.smoothed.push(smooth);
    best = Math.min(best, smooth);
    diverged = smooth > divergence * best;
    if (diverged || curve.rates.length >= steps) end.abort();
  };
  const stepsAnEpoch = Math.ceil(sampleCount(data) / (fit.batchSize ?? Math.min(32, sampleCount(data))));
  try {
    trainer.learningRate = undefined;
    await model.fit(data, {
      ...fit,
      epochs: Math.ceil(steps / stepsAnEpoch),
      optimizer: { ...optimizer, learningRate: (iteration) => rateOf(Math.min(steps, iteration) - 1) },
      signal: end.signal,
      callbacks: [{ onBatchEnd: (step, logs) => take(step, logs.loss) }],
    });
  } catch (error) {
    // A loss that is not finite is where the curve ends; anything else is an error.
    if (!(error instanceof ThawError && /a finite loss/.test(error.message))) throw error;
    diverged = true;
  } finally {
    options.signal?.removeEventListener("abort", abort);
    trainer.useOptimizer(optimizer);
    trainer.learningRate = learningRate;
    model.writeTrainingState(state);
    putBack();
  }
  options.signal?.throwIfAborted();
  return { ...curve, ...suggestions(curve), diverged };
}

/** Slopes over this many steps to each side: single steps are noise. */
const reach = 3;

function suggestions({ rates, smoothed }: { rates: readonly number[]; smoothed: readonly number[] }) {
  const lowest = smoothed.indexOf(Math.min(...smoothed));
  let [steepest, least] = [undefined as number | undefined, 0];
  // Behind the lowest it may fall again after a rise, by rates that are too high already.
  for (let i = reach; i + reach <= lowest; i++) {
    // Equal factors between rates: the slope over steps is that over the logarithm.
    const slope = smoothed[i + reach] - smoothed[i - reach];
    if (slope < least) [steepest, least] = [rates[i], slope];
  }
  return { steepest, cautious: (rates[lowest] ?? Number.NaN) / 10 };
}
