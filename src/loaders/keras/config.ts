/** From a Keras configuration to layers: Sequential and functional models, nested, with shared layers. */
import { ThawError } from "../../errors";
import { Layer, type SampleShape } from "../../nn/layer";
import { camelCaseKeys } from "../../nn/layers/keras-options";
import { createLayer } from "../../nn/layers/registry";
import type { FunctionalModel } from "../../nn/model";
import { Sequential } from "../../nn/sequential";
import { customFactory, refuseUnknownLayers, type CustomLayers } from "./custom";
import { modernize, type Dialect } from "./dialect";
import { CallCounter } from "./call-counter";
import { buildFunctional } from "./functional";
import { keras1Classes } from "./keras1";
import { isModel, isObject, isSequential, readLayers, readSerialised, type Serialised } from "./json";
import { loadLayersOf } from "./more-layers";

export interface ConfigOptions {
  /** Sample shape of the only input, for models that were saved without fixed sizes. */
  readonly inputShape?: SampleShape;
  /** Layers that Thaw does not know, by Keras's class name; `registerLayer` does the same for all files. */
  readonly customLayers?: CustomLayers;
}

/** What building a model needs to know, handed down to the models inside. */
export interface BuildContext {
  /** The file, for messages. */
  readonly file: string;
  readonly dialect: Dialect;
  readonly customLayers?: CustomLayers;
  readonly inputShape?: SampleShape | undefined;
}

/** @throws for unknown layers, and for anything that cannot be carried over without changing what the model computes. */
export async function modelFromConfig(
  file: string,
  value: unknown,
  dialect: Dialect,
  options: ConfigOptions = {},
): Promise<FunctionalModel | Sequential> {
  const serialised = readSerialised(file, value);
  if (!isModel(serialised)) {
    throw new ThawError(
      file,
      `holds a ${serialised.className}`,
      "a Functional or Sequential model",
      "Subclassed models have no graph in the file; rebuild them with the functional API.",
    );
  }
  await loadLayersOf(value);
  refuseUnknownLayers(file, serialised, dialect === 1 ? keras1Classes : [], options.customLayers);
  const { customLayers, inputShape } = options;
  return modelFrom(serialised, { file, dialect, ...(customLayers && { customLayers }), inputShape });
}

const modelFrom = (s: Serialised, context: BuildContext): FunctionalModel | Sequential =>
  isSequential(s) ? sequentialFrom(s, context) : buildFunctional(s, context, layerFrom);

/** One layer, or a model within a model. */
export function layerFrom(s: Serialised, context: BuildContext): Layer {
  refuseQuantized(context.file, s);
  const factory = customFactory(s, context.customLayers);
  if (factory) return customLayer(context.file, s, factory(camelCaseKeys(s.config)));
  if (isModel(s)) return modelFrom(s, context);
  const { className, config } = modernize(s.className, { ...camelCaseKeys(s.config), name: s.name }, context.dialect);
  if (className === "InputLayer") fixShape(config, context);
  const layer = createLayer(className, config);
  if (typeof s.config.trainable === "boolean") layer.trainable = s.config.trainable;
  return layer;
}

function customLayer(file: string, s: Serialised, layer: unknown): Layer {
  if (!(layer instanceof Layer))
    throw new ThawError(`${file}: ${s.name}`, `the factory of ${s.className} made no layer`, "a Layer");
  if (layer.name !== s.name)
    throw new ThawError(
      `${file}: ${s.name}`,
      `the factory of ${s.className} made a layer named ${layer.name}`,
      `the name ${s.name}`,
      "Hand config.name on to the layer.",
    );
  return layer;
}

/** Inputs saved with open sizes take the given shape. */
function fixShape(config: Record<string, unknown>, { inputShape }: BuildContext): void {
  const shape = config.batchShape ?? config.batchInputShape;
  if (inputShape && Array.isArray(shape) && shape.slice(1).some((d) => d === null))
    config.batchShape = [null, ...inputShape];
}

function refuseQuantized(file: string, { config, className, name }: Serialised): void {
  const policy = isObject(config.dtype) ? config.dtype : undefined;
  const mode = isObject(policy?.config) ? policy.config.mode : undefined;
  if (policy?.class_name === "QuantizedDTypePolicy" || config.quantization_config || typeof mode === "string") {
    throw new ThawError(
      `${file}: ${name} (${className})`,
      `is quantized (${typeof mode === "string" ? mode : "int8"})`,
      "weights in floating point",
      "Save the model before quantizing it.",
    );
  }
}

function sequentialFrom(s: Serialised, context: BuildContext): Sequential {
  const model = new Sequential([], typeof s.config.name === "string" ? { name: s.config.name } : {});
  const entries = readLayers(context.file, s);
  const start = knownShape(s.config.build_input_shape) ?? firstShape(entries) ?? context.inputShape;
  // Its input layer comes first where there is one, and then says the same or is open.
  let shape: SampleShape | undefined = start;
  const counter = new CallCounter(context.file, s.name);
  for (const [i, entry] of entries.entries()) {
    const layer = layerFrom(entry, { ...context, inputShape: shape });
    if (i === 0 && start && entry.className !== "InputLayer") model.setInputShape(start);
    counter.add(layer);
    model.add(layer);
    shape = model.hasShape ? model.outputs[0].shape : undefined;
  }
  counter.finish(model);
  return model;
}

/** Older files have the input's shape in the options of the first layer. */
function firstShape(entries: readonly Serialised[]): SampleShape | undefined {
  const config = entries[0]?.config;
  return config && entries[0].className !== "InputLayer"
    ? knownShape(config.batch_input_shape ?? config.batch_shape)
    : undefined;
}

/** A shape with the batch in front, where all its sizes are known. */
function knownShape(value: unknown): SampleShape | undefined {
  const sizes = Array.isArray(value) ? value.slice(1) : [];
  return sizes.length > 0 && sizes.every((d) => Number.isInteger(d) && d > 0) ? (sizes as number[]) : undefined;
}
