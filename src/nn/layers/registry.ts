/** Layers by Keras's class names: what files are read with. */
import { ThawError } from "../../errors";
import { Layer, type LayerOptions } from "../layer";
import * as layers from "./index";
import * as insideApplications from "./layer-scale"; // of keras.applications: in files, and not in Keras's public API
import { isIgnorable, unsupportedDefaults } from "./keras-options";

type Options = Record<string, unknown>;
type LayerClass = new (options: LayerOptions) => Layer;

const isLayerClass = (value: unknown): value is LayerClass =>
  typeof value === "function" && value.prototype instanceof Layer;

const classes = new Map<string, LayerClass>(
  Object.entries({ ...layers, ...insideApplications }).filter((entry): entry is [string, never] =>
    isLayerClass(entry[1]),
  ),
);

/** Makes more classes known; whatever else is among these values is passed over. */
export function registerLayers(more: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(more)) if (isLayerClass(value)) classes.set(name, value);
}

/** Keras's class names of all layers that are loaded, in alphabetical order. */
export function knownLayers(): string[] {
  return [...classes.keys()].toSorted();
}

/** Whether it is the layer of its class name, and not another that has the name, as ONNX's operators do. */
export const isKnownLayer = (layer: Layer): boolean => classes.get(layer.className) === layer.constructor;

/** What any layer takes beside its own configuration. */
const common = new Set(["name", "trainable", "seed"]);

/**
 * Makes a layer from a Keras configuration in camelCase. How weights begin (initializers) and what Keras's training asks
 * of them (regularizers, constraints) is left aside; an option that would change what the layer computes is not.
 *
 * @throws when the class or an option is not known, or an option's value is not supported.
 */
export function createLayer(className: string, options: Readonly<Options> = {}): Layer {
  const LayerOfClass = classes.get(className);
  const name = typeof options.name === "string" ? options.name : className;
  if (!LayerOfClass) {
    const who = name === className ? className : `${name} (${className})`;
    throw new ThawError(who, `the layer class ${className} is not known`, `one of ${knownLayers().join(", ")}`);
  }
  const layer = new LayerOfClass(className === "InputLayer" ? inputOptions(options) : options);
  const own = new Set(Object.keys(layer.config()));
  for (const [option, value] of Object.entries(options)) {
    if (own.has(option) || common.has(option) || isIgnorable(option) || value === undefined) continue;
    if (className === "LeakyReLU" && option === "alpha") continue; // Keras 2's name
    const known = Object.hasOwn(unsupportedDefaults, option);
    if (known && (value ?? null) === unsupportedDefaults[option]) continue;
    const expected = known
      ? JSON.stringify(unsupportedDefaults[option])
      : `one of its options: ${[...own].join(", ") || "none"}`;
    throw new ThawError(
      name,
      `${className} was given ${option} = ${JSON.stringify(value)}, which Thaw does not have`,
      expected,
    );
  }
  return layer;
}

/** Keras writes an input's shape with the batch: [null, 32, 32, 3]. */
function inputOptions(options: Readonly<Options>): LayerOptions {
  const shape = options.shape ?? asList(options.batchShape ?? options.batchInputShape)?.slice(1);
  const list = asList(shape);
  if (!list?.every((size) => typeof size === "number" && Number.isInteger(size) && size > 0)) {
    const name = typeof options.name === "string" ? options.name : "InputLayer";
    throw new ThawError(
      name,
      `its shape is ${JSON.stringify(shape)}`,
      "known sizes, e.g. [224, 224, 3]",
      "Give the model a fixed input size in Keras, or load it with { inputShape }.",
    );
  }
  return { ...options, shape: list } as LayerOptions;
}

const asList = (value: unknown): unknown[] | undefined => (Array.isArray(value) ? value : undefined);
