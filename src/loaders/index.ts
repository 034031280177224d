/** Import of pretrained networks, and export of trained ones. Libraries that only some formats need are loaded when such a file comes. */
import { ThawError } from "../errors";
import type { FunctionalModel } from "../nn/model";
import type { Sequential } from "../nn/sequential";
import { parseJson } from "./json";
import type { ConfigOptions } from "./keras/config";
import { readKeras } from "./keras/index";
import { readLegacyModel } from "./keras/legacy";
import { knownPreprocessing, parsePreprocessing, type PreprocessingOption } from "./preprocessing";
import { openSource, type ModelSource, type OpenedSource, type SourceOptions } from "./source";
import { isTfjs, readTfjs } from "./tfjs/index";

export type { WeightReport } from "./assign";
export { freezePoints, lastOfBlocks, type FreezePoint } from "../nn/freeze-points";
export { identify, type FileIdentity } from "./identify";
export { loadMoreLayers } from "./keras/more-layers";
export type {
  Conv2DTransposeOptions,
  EmbeddingOptions,
  GroupNormalizationOptions,
  MultiHeadAttentionOptions,
  UnitNormalizationOptions,
} from "../nn/layers/more/index";
export { registerLayer, type CustomLayers, type LayerFactory } from "./keras/custom";
export { trainingOf, type SavedTraining } from "./keras/training";
export { preprocessings, withPreprocessing, type PreprocessingOption } from "./preprocessing";
export { saveModel, type SaveOptions, type SaveTarget } from "./save";
export type { SavedFile, SaveFormat } from "./saved-file";
export { openSource, type ModelSource, type OpenedSource, type Progress, type SourceOptions } from "./source";
export type { StoredTensor } from "./tensors";
export { loadWeights, type LoadWeightsOptions, type NameMap } from "./weights";

export interface LoadOptions extends ConfigOptions, SourceOptions {
  /** What the network expects of its pixels, where neither the file nor the architecture tells it: see `withPreprocessing`. */
  readonly preprocessing?: PreprocessingOption;
}

/**
 * Loads a model with its weights; the format is known by content.
 *
 * Reads `.keras` files, legacy `.h5` models of Keras 1 to 3, TF.js layers-models (model.json with its shards) and ONNX (opset 7 to
 * 22, with external data). Layers of Keras's files keep their names, `trainable` flags and order; those of ONNX are named after
 * the modules or nodes they come from, and images are channels last as everywhere in Thaw. `model.preprocessing` says what is known of the pixels that it expects.
 *
 * @param source a path (in Node) or URL, a File, the bytes, or all files of the model in a list.
 * @throws ThawError for a missing, truncated or damaged file, layers that Thaw does not know, and weights that do not fit.
 * @example const base = await loadModel("mobilenet_v2.keras");
 * @example const net = await loadModel([...input.files], { onProgress: ({ loaded }) => show(loaded) });
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<FunctionalModel | Sequential> {
  const opened = await openSource(source, options);
  const model = await read(opened, options);
  const { preprocessing } = options;
  const known =
    preprocessing === undefined
      ? knownPreprocessing(model, opened.format !== "protobuf")
      : parsePreprocessing(opened.name, preprocessing);
  if (known) model.preprocessing = known;
  return model;
}

async function read(opened: OpenedSource, options: LoadOptions): Promise<FunctionalModel | Sequential> {
  const { name, bytes, format, owned } = opened;
  switch (format) {
    case "zip":
      return await readKeras(name, bytes, options, owned);
    case "hdf5":
      return await readLegacyModel(name, bytes, options, owned);
    case "json":
      return await readJsonModel(opened, options);
    case "safetensors":
      throw weightsOnly(name, "safetensors has no layers");
    case "protobuf": {
      const { readOnnx } = await import("./onnx/index");
      const files = new Map<string, Promise<Uint8Array>>(); // many tensors lie in one file, which is read once
      const sibling = async (location: string) => {
        const file = files.get(location) ?? opened.sibling(location);
        files.set(location, file);
        return await file;
      };
      return await readOnnx(name, bytes, { sibling, owned });
    }
    default:
      throw new ThawError(
        name,
        "is of an unknown format",
        "a .keras file, a Keras model as .h5, TF.js's model.json or ONNX",
        "Save the model with model.save('name.keras').",
      );
  }
}

async function readJsonModel(source: OpenedSource, options: LoadOptions): Promise<FunctionalModel | Sequential> {
  const json = parseJson(source.name, source.bytes);
  if (isTfjs(json)) return await readTfjs(source, json, options);
  if (Object.hasOwn(json, "weight_map")) throw weightsOnly(source.name, "an index of shards has no layers");
  throw new ThawError(source.name, "is a JSON file of an unknown kind", "TF.js's model.json, with a modelTopology");
}

const weightsOnly = (name: string, why: string) =>
  new ThawError(
    name,
    `holds weights alone: ${why}`,
    "a model",
    "Build the model, then call loadWeights(model, source).",
  );
