/** Orders of samples in which every step has what it needs: `shuffle` of `fit`, with data sets of a whole number of steps. */
import type { Dataset } from "../../nn/trainer";
import { epochSeed, shuffledOrder } from "../../train/resident";
import { sampleCount } from "../data/labelled";
import { take } from "../data/select";

/** Draws without end: all numbers below `count` in random order, then all in another order, and so on. */
export function deck(count: number, seed: number): (draw: number) => number {
  let number = -1;
  let order = new Uint32Array(0);
  return (draw) => {
    const wanted = Math.floor(draw / count);
    if (wanted !== number) {
      number = wanted;
      order = shuffledOrder(count, epochSeed(seed, wanted));
    }
    return order[draw % count];
  };
}

/** The data set with its first samples again behind it, so that it has a whole number of steps: an epoch has as many draws as the set samples. */
export function padded<D extends Dataset>(data: D, step: number): D {
  const count = sampleCount(data);
  const whole = Math.ceil(count / step) * step;
  return whole === count
    ? data
    : take(
        data,
        Array.from({ length: whole }, (_, i) => i % count),
      );
}

/**
 * Full batches only, in each of which all samples differ: the last one of an epoch is filled up with samples that came in earlier ones.
 *
 * @param count samples, at least `batchSize`
 */
export function fullBatches(count: number, batchSize: number, seed: number): (epoch: number) => Uint32Array {
  const length = Math.ceil(count / batchSize) * batchSize;
  return (epoch) => {
    const order = shuffledOrder(count, epochSeed(seed, epoch));
    return Uint32Array.from({ length }, (_, i) => order[i % count]);
  };
}

export interface MixedBatches {
  readonly labelled: number;
  readonly unlabelled: number;
  /** Labelled samples a step. */
  readonly batchSize: number;
  /** Unlabelled samples a step for each labelled one. */
  readonly mu: number;
  readonly steps: number;
  readonly seed: number;
}

/** Steps of `batchSize` labelled samples and then `mu * batchSize` unlabelled ones; these follow the labelled ones in the data set. */
export function mixedBatches({ labelled, unlabelled, batchSize, mu, steps, seed }: MixedBatches) {
  const [first, second] = [deck(labelled, 2 * seed), deck(unlabelled, 2 * seed + 1)];
  const step = batchSize * (1 + mu);
  return (epoch: number): Uint32Array =>
    Uint32Array.from({ length: steps * step }, (_, i) => {
      const [number, place] = [epoch * steps + Math.floor(i / step), i % step];
      if (place < batchSize) return first(number * batchSize + place);
      return labelled + second(number * batchSize * mu + place - batchSize);
    });
}
