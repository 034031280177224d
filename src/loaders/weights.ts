/** Weights from a file onto a model that is there already. */
import { ThawError } from "../errors";
import type { Container } from "../nn/model";
import type { Parameter } from "../nn/parameter";
import { assign, type Assignment, type AssignOptions, type Matching, type WeightReport } from "./assign";
import { openHdf5 } from "./hdf5";
import { parseJson } from "./json";
import { readKerasWeights, type Bytes } from "./keras/index";
import { isLegacy, matchLegacyWeights } from "./keras/legacy";
import { openShards } from "./keras/shards";
import { matchKerasWeights } from "./keras/weights";
import { openSafetensors } from "./safetensors";
import { openSource, type ModelSource, type OpenedSource, type SourceOptions } from "./source";
import type { StoredTensor, TensorFile } from "./tensors";
import { isTfjs, matchNames } from "./tfjs/index";
import { openTfjsWeights } from "./tfjs/weights";

/** The path of a parameter (`conv1/kernel`) for the name of a tensor; null or nothing leaves the tensor out. */
export type NameMap = Readonly<Record<string, string | null>> | ((name: string) => string | null | undefined);

export interface LoadWeightsOptions extends AssignOptions, SourceOptions {
  /** For safetensors: where tensors go whose names are not those of the model. Names not in an object count as they are. */
  readonly names?: NameMap;
  /**
   * For safetensors: brings a tensor to Keras's layout. Layouts are not guessed: PyTorch has convolutions as
   * [filters, channels, height, width] where Keras has [height, width, channels, filters], and Dense transposed.
   */
  readonly transpose?: (tensor: StoredTensor, parameter: Parameter, name: string) => StoredTensor;
}

/**
 * Loads weights onto a built model. The format is known by content:
 *
 * - `.weights.h5` of Keras 3, also sharded (`.weights.json` with its shards), and the weights of a `.keras` file: by the
 *   places that follow from the layers' order;
 * - legacy `.h5` of Keras 1 to 3 and TF.js's model.json with shards: by names, in whatever order;
 * - safetensors: by names, as `layer/variable` or through `names`.
 *
 * Of a compiled model the GPU keeps its values until `model.writeWeights()`.
 *
 * @returns what was loaded, what the file lacks, and what it has beyond the model.
 * @throws ThawError when anything does not fit, unless `strict` is false; then nothing of the model has changed.
 * @example await loadWeights(base, "mobilenet_no_top.h5");
 * @example await loadWeights(model, "x.safetensors", { names: (n) => n.replace("features.0.0.weight", "Conv1/kernel"), strict: false });
 */
export async function loadWeights(
  model: Container,
  source: ModelSource,
  options: LoadWeightsOptions = {},
): Promise<WeightReport> {
  const opened = await openSource(source, options);
  requireBuilt(model);
  model.assignPaths();
  const { name, bytes, format, owned } = opened;
  switch (format) {
    case "zip":
      return await fromHdf5(model, `${name}/model.weights.h5`, await readKerasWeights(name, bytes, owned), options);
    case "hdf5":
      return await fromHdf5(model, name, opened, options);
    case "json":
      return await fromIndex(model, opened, options);
    case "safetensors": {
      const file = openSafetensors(name, bytes);
      return assign(name, model, file, matchSafetensors(model, file, options), options);
    }
    default:
      throw new ThawError(
        name,
        "is of a format that holds no weights for a built model",
        ".weights.h5, .weights.json, .h5, .keras, TF.js's model.json or safetensors",
      );
  }
}

function requireBuilt(model: Container): void {
  const open = model.flatLayers().find((layer) => !layer.built && layer.className !== "InputLayer");
  if (open)
    throw new ThawError(
      model.name,
      `its layer ${open.name} has no weights yet, because its input's shape is not known`,
      "a built model",
      "Give the model an input shape.",
    );
}

async function fromHdf5(
  model: Container,
  name: string,
  { bytes, owned }: Bytes,
  options: AssignOptions,
): Promise<WeightReport> {
  const file = await openHdf5(name, bytes, owned);
  try {
    const matching = isLegacy(file) ? matchLegacyWeights(name, model, file) : matchKerasWeights(model, file);
    return assign(name, model, file, matching, options);
  } finally {
    file.close();
  }
}

async function fromIndex(model: Container, source: OpenedSource, options: AssignOptions): Promise<WeightReport> {
  const json = parseJson(source.name, source.bytes);
  if (isTfjs(json)) {
    const file = await openTfjsWeights(source, json.weightsManifest);
    return assign(source.name, model, file, matchNames(model, file), options);
  }
  const file = await openShards(source, json);
  try {
    return assign(source.name, model, file, matchKerasWeights(model, file), options);
  } finally {
    file.close();
  }
}

function matchSafetensors(model: Container, file: TensorFile, { names, transpose }: LoadWeightsOptions): Matching {
  const left = new Map(model.allParameters().map((p) => [p.path, p]));
  const assignments: Assignment[] = [];
  const unexpected: string[] = [];
  const problems: string[] = [];
  for (const tensor of file.paths) {
    const goal = goalOf(tensor, names);
    if (goal === null) continue;
    const parameter = left.get(goal);
    left.delete(goal);
    if (!parameter) {
      unexpected.push(tensor);
      if (goal !== tensor)
        problems.push(`${tensor} is mapped to ${goal}, which the model has not, or has a tensor for already`);
      continue;
    }
    const convert = transpose && ((stored: StoredTensor) => transpose(stored, parameter, tensor));
    assignments.push({ parameter, path: tensor, ...(convert && { convert }) });
  }
  return { assignments, unexpected, problems };
}

/** null: to be left out. */
function goalOf(tensor: string, names: NameMap | undefined): string | null {
  if (typeof names === "function") return names(tensor) ?? null;
  return names && Object.hasOwn(names, tensor) ? names[tensor] : tensor;
}
