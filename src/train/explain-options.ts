/** What is wrong with the options of `fit`. */
import { ThawError } from "../errors";
import type { Container } from "../nn/model";
import type { Settings } from "./fit";

/** @param count samples of the training data */
export function explainOptions(model: Container, settings: Settings, count: number): ThawError {
  const { cacheFeatures, epochs, batchSize, validationBatchSize } = settings;
  for (const [name, value] of Object.entries({ epochs, batchSize, validationBatchSize }))
    if (!Number.isInteger(value) || value < 1)
      return new ThawError("fit", `${name} ${value}`, "a whole number above 0");
  if (!["auto", true, false, "float16"].includes(cacheFeatures))
    return new ThawError("fit", `cacheFeatures ${String(cacheFeatures)}`, '"auto", true, false or "float16"');
  if (batchSize > count) {
    const remedy = "Use a smaller batch size.";
    return new ThawError("fit", `batch size ${batchSize} with ${count} samples`, `at most ${count}`, remedy);
  }
  return new ThawError(
    "fit",
    `every layer of ${model.name} is frozen`,
    "at least one trainable layer with weights",
    "Set trainable on a layer.",
  );
}
