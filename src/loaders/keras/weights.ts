/** Weights by path, strictly: every variable of the model has its tensor in the file, and the file has no others. */
import { formatShape, ThawError } from "../../errors";
import { snakeCase, type Layer } from "../../nn/layer";
import { InputLayer } from "../../nn/layers/input";
import { Container } from "../../nn/model";
import { Sequential } from "../../nn/sequential";
import type { Parameter } from "../../nn/parameter";
import type { WeightFile } from "../hdf5";
import { ScalarOperation } from "./scalar-operation";

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
  readonly path: string;
  readonly parameter: Parameter;
  readonly layer: Layer;
}

/** Folders of the children: "layers" since Keras 2.16, another name in the `.keras` files of Keras 2.13 to 2.15. */
const childFolders = ["layers", "_layer_checkpoint_dependencies"];

function slotsOf(model: Container, folder: string, prefix: string, seen: Set<Layer>): Slot[] {
  return childPaths(model).flatMap(([name, layer]) => {
    // A layer that is used twice is written once, at the first place.
    if (seen.has(layer)) return [];
    seen.add(layer);
    const path = `${prefix}${folder}/${name}/`;
    return layer instanceof Container ? slotsOf(layer, folder, path, seen) : layerSlots(layer, path);
  });
}

/** Layers that Keras builds of other layers keep their variables there. */
function layerSlots(layer: Layer, path: string): Slot[] {
  return layer.parameters.map((parameter, i) => ({ path: `${path}vars/${i}`, parameter, layer }));
}

/** What a file may hold beside the weights of the model. */
const isForeign = (path: string) =>
  !/^(optimizer|metrics|loss_tracker|compile_metrics|seed_generator|_?compile)|\/seed_generator/.test(path);

/**
 * Assigns every weight.
 *
 * @throws with all that is missing, left over or of another shape, both shapes named.
 */
export function assignWeights(name: string, model: Container, file: WeightFile): void {
  const folder = childFolders.find((f) => file.paths.some((p) => p.startsWith(`${f}/`))) ?? childFolders[0];
  const slots = slotsOf(model, folder, "", new Set());
  const left = new Set(file.paths.filter(isForeign));
  const problems: string[] = [];
  const found: { slot: Slot; data: Float32Array }[] = [];
  for (const slot of slots) {
    const { path, parameter, layer } = slot;
    const label = `${parameter.path} (${path})`;
    left.delete(path);
    const tensor = file.get(path);
    if (!tensor) {
      problems.push(`${label} is missing, expected ${formatShape(parameter.shape)}`);
      continue;
    }
    const written = file.attribute(path.slice(0, path.lastIndexOf("/")), "name");
    if (written !== undefined && written !== layer.name)
      problems.push(`${path} belongs to ${written}, expected ${layer.name}`);
    const same =
      tensor.shape.length === parameter.shape.length && tensor.shape.every((d, i) => d === parameter.shape[i]);
    if (!same)
      problems.push(`${label} has shape ${formatShape(tensor.shape)}, expected ${formatShape(parameter.shape)}`);
    else found.push({ slot, data: tensor.data });
  }
  dropCounts(left, slots);
  for (const path of left) problems.push(`${path} ${formatShape(file.get(path)?.shape)} has no place in the model`);
  if (problems.length > 0) {
    const shown = problems.slice(0, 8).join("; ");
    const more = problems.length > 8 ? `; and ${problems.length - 8} more` : "";
    throw new ThawError(
      name,
      `${problems.length} of ${slots.length} weights do not fit: ${shown}${more}`,
      "exactly the weights of the model",
    );
  }
  for (const { slot, data } of found) slot.parameter.assign(data);
}

/** Normalization also stores how many samples it has seen (variable 2), which only its adaptation needs. */
function dropCounts(left: Set<string>, slots: readonly Slot[]): void {
  for (const { path, layer } of slots) if (layer.className === "Normalization") left.delete(path.replace(/\d+$/, "2"));
}
