import { formatShape, ThawError } from "../../errors";
import type { Container } from "../../nn/model";
import type { Dataset } from "../../nn/trainer";
import { sampleCount } from "../data/labelled";

/**
 * Samples of a data set that a model can read.
 *
 * @throws where there are none, and for another shape.
 */
export function checkSamples(
  who: string,
  model: Container,
  data: Dataset,
  what: "unlabelled" | "labelled" = "unlabelled",
): number {
  const wanted = formatShape(model.inputShape);
  if (formatShape(data.shape) !== wanted)
    throw new ThawError(who, `${what} samples of shape ${formatShape(data.shape)}`, wanted, "Resize the samples.");
  const count = sampleCount(data);
  if (count === 0) throw new ThawError(who, `there are no ${what} samples`, "at least one");
  if (!Number.isInteger(count))
    throw new ThawError(who, `${data.x.length} values of ${what} samples`, `a multiple of the numbers in ${wanted}`);
  return count;
}
