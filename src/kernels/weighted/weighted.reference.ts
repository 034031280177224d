import {
  binaryCrossEntropyGradientReference,
  binaryCrossEntropyReference,
  binaryCrossEntropyWithGradientReference,
  categoricalCrossEntropyGradientReference,
  categoricalCrossEntropyReference,
  categoricalCrossEntropyWithGradientReference,
  meanSquaredErrorGradientReference,
  meanSquaredErrorReference,
  meanSquaredErrorWithGradientReference,
} from "../losses/losses.reference";
import { reference, type Reference } from "../reference";
import { weightedName } from "./weighted";

const weighted = (loss: Reference) =>
  reference(
    weightedName(loss.name),
    (attrs, inputs, shapes, step) => {
      const weights = inputs.weights!;
      const weigh = (v: Float64Array) => v.map((e, i) => e * weights[Math.floor((i * weights.length) / v.length)]);
      const results = loss.run(attrs, inputs, shapes, step);
      return Object.fromEntries(Object.entries(results).map(([name, v]) => [name, weigh(v)]));
    },
    loss.terms,
  );

export const weightedCategoricalReference = weighted(categoricalCrossEntropyReference);
export const weightedCategoricalGradientReference = weighted(categoricalCrossEntropyGradientReference);
export const weightedBinaryReference = weighted(binaryCrossEntropyReference);
export const weightedBinaryGradientReference = weighted(binaryCrossEntropyGradientReference);
export const weightedSquaredReference = weighted(meanSquaredErrorReference);
export const weightedSquaredGradientReference = weighted(meanSquaredErrorGradientReference);
export const weightedCategoricalBothReference = weighted(categoricalCrossEntropyWithGradientReference);
export const weightedBinaryBothReference = weighted(binaryCrossEntropyWithGradientReference);
export const weightedSquaredBothReference = weighted(meanSquaredErrorWithGradientReference);
