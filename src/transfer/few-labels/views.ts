/** Augmented views of a batch's samples, for trainings that compare views of the same sample. */
import { formatShape, ThawError } from "../../errors";
import type { Batch, Preparation } from "../../nn/compile/trace";
import type { Graph, Value } from "../../nn/graph";

/**
 * What an augmentation makes of samples. Rows draw random numbers of their own, so that samples which stand twice in `x` come out as two
 * different views.
 *
 * @throws for augmentations that change labels or the size of the samples.
 */
export function augmented(who: string, g: Graph, augmentation: Preparation, batch: Batch, x: Value): Value {
  const result = augmentation.apply(g, { ...batch, x });
  const { labels, loss, metrics, lossInputs } = result;
  if (labels !== batch.labels || loss !== batch.loss || metrics !== batch.metrics || lossInputs !== batch.lossInputs)
    throw new ThawError(
      who,
      `the augmentation ${augmentation.key} changes labels`,
      "one that changes samples only",
      "Leave mixup and CutMix out.",
    );
  if (formatShape(result.x.shape) !== formatShape(x.shape))
    throw new ThawError(
      who,
      `the augmentation ${augmentation.key} makes ${formatShape(result.x.shape)} of ${formatShape(x.shape)}`,
      "views of the samples' size",
    );
  return result.x;
}

/** Rows from `from` up to, not including, `to`. */
export function rowsOf(g: Graph, x: Value, from: number, to: number): Value {
  const begin = x.shape.map((_, axis) => (axis === 0 ? from : 0));
  return g.apply("slice", { begin, size: [to - from, ...x.shape.slice(1)] }, { x });
}

/** One below the other. */
export const stacked = (g: Graph, ...parts: readonly Value[]): Value =>
  g.apply("concatenate", { axis: 0 }, Object.fromEntries(parts.map((v, i) => [`x${i}`, v])));
