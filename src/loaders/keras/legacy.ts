/** Legacy `.h5` files of Keras 1 to 3: full models, and weights alone. */
import { ThawError } from "../../errors";
import type { Layer } from "../../nn/layer";
import { Container, type FunctionalModel } from "../../nn/model";
import type { Parameter } from "../../nn/parameter";
import type { Sequential } from "../../nn/sequential";
import { assign, type Assignment, type Matching } from "../assign";
import { openHdf5, type Hdf5File } from "../hdf5";
import { parseJson } from "../json";
import { NameIndex } from "../names";
import type { StoredTensor } from "../tensors";
import { modelFromConfig, type ConfigOptions } from "./config";
import { dialectOf } from "./dialect";
import { keepTraining, saysTraining } from "./training";
import { sampleCounts } from "./weights";

/** Whether a file is in this format, rather than `.weights.h5` of Keras 3. */
export const isLegacy = (file: Hdf5File): boolean => rootOf(file) !== undefined;

/** The group with the weights: "model_weights" in full models, the file itself in others. */
function rootOf(file: Hdf5File): string | undefined {
  return ["model_weights", "/"].find((group) => file.texts(group, "layer_names") !== undefined);
}

/**
 * @param owned the bytes are nobody else's, and may become the weights' memory.
 * @throws for weights without a model, and for whatever keeps the file from being carried over exactly.
 */
export async function readLegacyModel(
  name: string,
  bytes: Uint8Array,
  options: ConfigOptions,
  owned: boolean,
): Promise<FunctionalModel | Sequential> {
  const file = await openHdf5(name, bytes, owned);
  try {
    const text = file.attribute("/", "model_config");
    if (text === undefined) {
      const weights = isLegacy(file) || file.paths.some((p) => /(^|\/)vars\/\d+$/.test(p));
      throw new ThawError(
        name,
        weights ? "holds weights without a model" : "is an HDF5 file without a Keras model",
        "a model with its configuration (model_config)",
        weights ? "Build the model, then call loadWeights(model, source)." : "Save it with model.save('name.keras').",
      );
    }
    const config = parseJson(`${name}/model_config`, text);
    const dialect = dialectOf(file.attribute("/", "keras_version"), config);
    const model = await modelFromConfig(name, config, dialect, options);
    model.assignPaths();
    assign(name, model, file, matchLegacyWeights(name, model, file));
    const training = file.attribute("/", "training_config");
    if (training !== undefined) keepLegacyTraining(name, model, file, training);
    return model;
  } finally {
    file.close();
  }
}

/** The optimizer stands beside the rest here; its state is known as Keras 3 writes it. */
function keepLegacyTraining(name: string, model: Container, file: Hdf5File, text: string): void {
  const { optimizer_config: optimizer, ...rest } = parseJson(`${name}/training_config`, text);
  const config = { ...rest, optimizer };
  if (!saysTraining(config)) return;
  const names = file.texts("optimizer_weights", "weight_names") ?? [];
  const isKnown = names.length === 0 || (names[0].endsWith("/iteration") && names[1]?.endsWith("/learning_rate"));
  const found = names.map((weight) => file.get(`optimizer_weights/${weight}`));
  const variables = isKnown ? found.filter((tensor) => tensor !== undefined) : undefined;
  keepTraining(model, { file: name, config, variables });
}

/** One layer's, or one nested model's, weights in the file. */
interface Group {
  readonly name: string;
  readonly weights: readonly { readonly name: string; readonly path: string }[];
}

function readGroups(name: string, file: Hdf5File, root: string): Group[] {
  const prefix = root === "/" ? "" : `${root}/`;
  const present = new Set(file.paths);
  return (file.texts(root, "layer_names") ?? []).map((layer) => {
    const weights = (file.texts(`${prefix}${layer}`, "weight_names") ?? []).map((weight) => {
      const path = `${prefix}${layer}/${weight}`.replace(/\/+/g, "/");
      if (present.has(path)) return { name: weight, path };
      throw new ThawError(name, `lists the weight ${weight} of ${layer}, and has no such tensor`, path);
    });
    return { name: layer, weights };
  });
}

/**
 * Finds each weight by name within its layer or nested model. Only where a plain layer's names say nothing does the order
 * count: it is always the same for one layer.
 */
export function matchLegacyWeights(name: string, model: Container, file: Hdf5File): Matching {
  const root = rootOf(file) ?? "/";
  const groups = readGroups(name, file, root).filter((g) => g.weights.length > 0);
  const assignments: Assignment[] = [];
  const unexpected: string[] = [];
  const flip = isTheano(file, root);
  for (const [group, owner] of pairUp(model, groups)) {
    const layers = owner instanceof Container ? owner.flatLayers() : owner ? [owner] : [];
    const index = new NameIndex(layers);
    const found = group.weights.map((weight) => ({ ...weight, parameter: index.take(weight.name) }));
    const byOrder =
      owner && !(owner instanceof Container) ? restInOrder(owner, found, file) : new Map<string, Parameter>();
    for (const { path, parameter = byOrder.get(path) } of found) {
      if (!parameter) unexpected.push(path);
      else {
        const turned = flip && parameter.name === "kernel" && ownerOf(layers, parameter)?.className === "Conv2D";
        assignments.push({ parameter, path, ...(turned && { convert: flipWindow }) });
      }
    }
  }
  return { assignments, unexpected, optional: sampleCounts(model) };
}

const ownerOf = (layers: readonly Layer[], p: Parameter) => layers.find((layer) => layer.parameters.includes(p));

/**
 * Groups with the layers they belong to: by name, and where no name is known, as for a network built anew
 * (`dense_7` for `dense_1`), in order, as Keras does.
 */
function pairUp(model: Container, groups: readonly Group[]): [Group, Layer | undefined][] {
  const byName = new Map<string, Layer>([...model.flatLayers(), ...model.layers].map((layer) => [layer.name, layer]));
  const named = groups.map((group): [Group, Layer | undefined] => [group, byName.get(group.name)]);
  if (named.some(([, layer]) => layer)) return named;
  const weighty = model.layers.filter((layer) => layer.allParameters().length > 0);
  const alike =
    weighty.length === groups.length && groups.every((g, i) => g.weights.length === weighty[i].allParameters().length);
  return alike ? groups.map((group, i) => [group, weighty[i]]) : named;
}

/** A plain layer's weights whose names say nothing (`uniform1`), in order, where count and shapes fit. */
function restInOrder(
  layer: Layer,
  found: readonly { readonly path: string; readonly parameter: Parameter | undefined }[],
  file: Hdf5File,
): Map<string, Parameter> {
  const known = new Set(found.map((f) => f.parameter));
  const rest = layer.parameters.filter((p) => !known.has(p));
  const paths = found.filter((f) => !f.parameter).map((f) => f.path);
  const fit =
    paths.length === rest.length && paths.every((path, i) => file.shape(path)?.join() === rest[i].shape.join());
  return new Map(fit ? paths.map((path, i) => [path, rest[i]]) : []);
}

/** Theano convolved where the others correlate: its windows are turned by 180 degrees. */
const isTheano = (file: Hdf5File, root: string): boolean =>
  (file.attribute(root, "backend") ?? file.attribute("/", "backend")) === "theano";

/** Both spatial dimensions of [height, width, ...] the other way round. */
function flipWindow({ shape, data }: StoredTensor): StoredTensor {
  const taps = (shape[0] ?? 1) * (shape[1] ?? 1);
  const size = data.length / taps;
  const result = new Float32Array(data.length);
  for (let i = 0; i < taps; i++) result.set(data.subarray(i * size, (i + 1) * size), (taps - 1 - i) * size);
  return { shape, data: result };
}
