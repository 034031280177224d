/** Weights of Keras 3 (`model.weights.h5`): every variable has its path, which follows from classes and order of the layers. */
import { snakeCase, type Layer } from "../../nn/layer";
import { InputLayer } from "../../nn/layers/input";
import { Container } from "../../nn/model";
import type { Parameter } from "../../nn/parameter";
import { Sequential } from "../../nn/sequential";
import type { Assignment, Matching } from "../assign";
import type { TensorFile } from "../tensors";
import { ScalarOperation } from "./scalar-operation";

/** A weight file that may say to which layer a group belongs. */
export interface KerasWeightFile extends TensorFile {
  attribute(group: string, name: string): string | undefined;
}

/**
 * Paths of a layer's children as Keras's saving_lib names them: the class name in snake case, counted within the container
 * in the order of `model.layers` (`conv2d`, `conv2d_1`), whatever the layers are called. Operation nodes are no layers, and
 * a Sequential does not count its input.
 */
export function childPaths(model: Container): [string, Layer][] {
  const counters = new Map<string, number>();
  return model.layers
    .filter(
      (layer) => !(layer instanceof ScalarOperation) && !(model instanceof Sequential && layer instanceof InputLayer),
    )
    .map((layer) => {
      const base = snakeCase(layer.className);
      const n = counters.get(base) ?? 0;
      counters.set(base, n + 1);
      return [n === 0 ? base : `${base}_${n}`, layer];
    });
}

/** A place in the file and what it fills. */
interface Slot {
  /** Where the tensor may lie; versions differ. */
  readonly paths: readonly string[];
  readonly parameter: Parameter;
  readonly layer: Layer;
}

/** Folders of the children: "layers" since Keras 2.16, another name in the `.keras` files of Keras 2.13 to 2.15. */
const childFolders = ["layers", "_layer_checkpoint_dependencies"];

/** Names of layers that groups carry since Keras 3.6, each read once. */
class GroupNames {
  readonly #names = new Map<string, string | undefined>();

  constructor(readonly file: KerasWeightFile) {}

  of(group: string): string | undefined {
    if (!this.#names.has(group)) this.#names.set(group, this.file.attribute(group, "name"));
    return this.#names.get(group);
  }

  /** The folder of the layer of this name and class within a model's folder, where there is one alone. */
  find(folder: string, layer: Layer): string | undefined {
    const inside = this.file.paths.filter((p) => p.startsWith(folder)).map((p) => p.slice(folder.length).split("/")[0]);
    const base = snakeCase(layer.className);
    const alike = [...new Set(inside)].filter(
      (child) => child.replace(/_\d+$/, "") === base && this.of(`${folder}${child}/vars`) === layer.name,
    );
    return alike.length === 1 ? alike[0] : undefined;
  }
}

function slotsOf(model: Container, folder: string, prefix: string, seen: Set<Layer>, names: GroupNames): Slot[] {
  return childPaths(model).flatMap(([counted, layer]) => {
    // A layer that is used twice is written once, at the first place.
    if (seen.has(layer)) return [];
    seen.add(layer);
    if (layer.allParameters().length === 0) return [];
    // Keras counts in the order in which it has built the model, which need not be the file's.
    const written = names.of(`${prefix}${folder}/${counted}/vars`);
    const moved = written !== undefined && written !== layer.name && names.find(`${prefix}${folder}/`, layer);
    const path = `${prefix}${folder}/${moved === false || moved === undefined ? counted : moved}/`;
    return layer instanceof Container ? slotsOf(layer, folder, path, seen, names) : layerSlots(layer, path);
  });
}

/** Layers that Keras builds of other layers (attention) keep their variables there: `query_dense/vars/0`. */
export function layerSlots(layer: Layer, path: string): Slot[] {
  const counters = new Map<string, number>();
  return layer.parameters.map((parameter) => {
    const [part] = parameter.name.includes("/") ? parameter.name.split("/") : [""];
    const n = counters.get(part) ?? 0;
    counters.set(part, n + 1);
    const folders = part === "" ? [""] : childFoldersOfAttention(part);
    return { paths: folders.map((folder) => `${path}${folder}vars/${n}`), parameter, layer };
  });
}

/** Attribute names in Keras, which had an underscore in front in some versions. */
function childFoldersOfAttention(part: string): string[] {
  const attribute = part === "attention_output" ? "output_dense" : `${part}_dense`;
  return [`${attribute}/`, `_${attribute}/`];
}

/** What a file may hold beside the weights of the model. */
const isForeign = (path: string) =>
  /^(optimizer|metrics|loss_tracker|compile_metrics|seed_generator|_?compile)|(^|\/)_?seed_generator/.test(path);

export function matchKerasWeights(model: Container, file: KerasWeightFile): Matching {
  const folder = childFolders.find((f) => file.paths.some((p) => p.startsWith(`${f}/`))) ?? childFolders[0];
  const names = new GroupNames(file);
  const slots = slotsOf(model, folder, "", new Set(), names);
  const present = new Set(file.paths);
  const left = new Set(file.paths.filter((path) => !isForeign(path)));
  const problems: string[] = [];
  const assignments: Assignment[] = [];
  for (const { paths, parameter, layer } of slots) {
    const path = paths.find((p) => present.has(p));
    if (path === undefined) continue;
    left.delete(path);
    // Since Keras 3.6, groups carry the layer's name.
    const group = path.slice(0, path.lastIndexOf("/"));
    const written = names.of(group);
    if (written !== undefined && written !== layer.name && !parameter.name.includes("/"))
      problems.push(`${path} belongs to ${written}, expected ${layer.name}`);
    assignments.push({ parameter, path });
  }
  return {
    assignments,
    unexpected: [...left],
    places: new Map(slots.map((slot) => [slot.parameter, slot.paths[0]])),
    problems,
    optional: sampleCounts(model),
  };
}

/** Normalization counts the samples it has seen, which only its adaptation needs and some files lack. */
export const sampleCounts = (model: Container): Set<Parameter> =>
  new Set(
    model
      .flatLayers()
      .filter((layer) => layer.className === "Normalization")
      .flatMap((layer) => layer.parameters.filter((p) => p.name === "count")),
  );
