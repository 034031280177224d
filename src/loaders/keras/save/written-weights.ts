/** Which weights a written model has, and where Keras looks for them. */
import { snakeCase, type Layer } from "../../../nn/layer";
import { InputLayer } from "../../../nn/layers/input";
import type { Shape } from "../../../kernels/operation";
import type { Parameter } from "../../../nn/parameter";
import type { Entry, WrittenModel } from "./entries";
import { kerasOrder } from "./keras-order";

/** A layer in the file, with its path in `model.weights.h5` and the names on the way to it. */
export interface WrittenLayer {
  /** "layers/functional/layers/conv2d_1". */
  readonly path: string;
  /** Names of the models it stands in, the outermost left out, and its own. */
  readonly names: readonly string[];
  readonly entry: Entry;
  readonly parameters: readonly Parameter[];
}

/**
 * All layers and models of a model in Keras's order, a model before what is in it. Paths count classes within each model;
 * operations are no layers, and a Sequential does not count its input.
 */
export function writtenLayers(model: WrittenModel, prefix = "", names: readonly string[] = []): WrittenLayer[] {
  const counters = new Map<string, number>();
  return kerasOrder(model).flatMap((entry): WrittenLayer[] => {
    if (entry.isOperation || (model.className === "Sequential" && entry.className === "InputLayer")) return [];
    const base = snakeCase(entry.className);
    const n = counters.get(base) ?? 0;
    counters.set(base, n + 1);
    const path = `${prefix}layers/${n === 0 ? base : `${base}_${n}`}`;
    const here = [...names, entry.name];
    const own = { path, names: here, entry, parameters: entry.model ? [] : parametersOf(entry.layer) };
    return entry.model ? [own, ...writtenLayers(entry.model, `${path}/`, here)] : [own];
  });
}

const parametersOf = (layer: Layer | undefined): readonly Parameter[] =>
  !layer || layer instanceof InputLayer ? [] : layer.parameters;

/** Parameters that train now, in the order of Keras's `model.trainable_variables`: layer by layer, nested ones where they stand. */
export function trainableOf(model: WrittenModel): TrainableWeight[] {
  return writtenLayers(model).flatMap(({ names, parameters, entry }) =>
    parameters
      .filter((p) => p.trainable)
      .map((parameter) => ({
        name: [...names, parameter.name].join("_"),
        parameter,
        shape: shapeInKeras(entry, parameter),
      })),
  );
}

export interface TrainableWeight {
  /** With the names of its layer and models. */
  readonly name: string;
  readonly parameter: Parameter;
  readonly shape: Shape;
}

/** Imported networks have the factors of a LayerScale with dimensions of 1 in front. */
export const shapeInKeras = (entry: Entry, { shape, count }: Parameter): Shape =>
  entry.className === "LayerScale" ? [count] : shape;
