/** From a model to the files of a format, after what is checked for every format. */
import { ThawError } from "../errors";
import type { Container } from "../nn/model";
import type { SaveOptions } from "./save";
import { requireBuilt, requireDistinctPaths, requireFinite } from "./save-checks";
import type { SavedFile, SaveFormat, TrainedWith } from "./saved-file";

/** @param name of the main file. */
export async function savedFiles(
  model: Container,
  format: SaveFormat,
  name: string,
  options: SaveOptions,
): Promise<readonly SavedFile[]> {
  const trained = options.optimizer ? requireTrained(model, format) : undefined;
  requireBuilt(model);
  requireDistinctPaths(model);
  await model.readWeights();
  if (!options.allowNonFinite) requireFinite(model);
  options.signal?.throwIfAborted();
  const state = await trained?.();
  const one = (bytes: Uint8Array): readonly SavedFile[] => [{ name, bytes }];
  switch (format) {
    case "keras":
    case "h5": {
      const { writeKeras, writeLegacyModel } = await import("./keras/save/index");
      return one(await (format === "keras" ? writeKeras : writeLegacyModel)(model, { trained: state }));
    }
    case "weights.h5": {
      const { writeKerasWeights } = await import("./keras/save/index");
      return one(await writeKerasWeights(model));
    }
    case "onnx": {
      const { writeOnnx } = await import("./onnx/save/index");
      return one(await writeOnnx(model, options.onnx));
    }
    case "tfjs": {
      const { writeTfjs } = await import("./tfjs/save");
      return writeTfjs(model, name);
    }
    case "safetensors": {
      const { writeSafetensors } = await import("./safetensors-save");
      return one(writeSafetensors(model));
    }
  }
}

/** What reads the state of training. @throws where the format has no place for it, or there is none. */
function requireTrained(model: Container, format: SaveFormat): () => Promise<TrainedWith> {
  if (format !== "keras" && format !== "h5")
    throw new ThawError(
      model.name,
      `the optimizer's state was asked for in the format ${format}`,
      ".keras or .h5, which can hold it",
      "Leave { optimizer } out.",
    );
  const compiled = model.compiledWith;
  if (!compiled)
    throw new ThawError(
      model.name,
      "its optimizer's state was asked for, and it is not compiled",
      "a compiled model",
      "Call await model.compile({ gpu, optimizer, loss }) first, or leave { optimizer } out.",
    );
  return async () => ({ compiled, state: await model.readTrainingState() });
}
