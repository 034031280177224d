/** From a Keras 3 configuration to layers: Sequential and functional models, nested, with shared layers. */
import { ThawError } from "../../errors";
import type { SampleShape } from "../../nn/layer";
import type { Layer } from "../../nn/layer";
import { camelCaseKeys } from "../../nn/layers/keras-options";
import { createLayer } from "../../nn/layers/registry";
import { Container, FunctionalModel } from "../../nn/model";
import { Sequential } from "../../nn/sequential";
import type { SymbolicTensor } from "../../nn/symbolic";
import { isObject, readHistories, readSerialised, readTensor, type History, type Json, type Serialised } from "./json";
import { ScalarOperation, scalarOperations } from "./scalar-operation";

export interface ConfigOptions {
  /** Sample shape of the only input, for models that were saved without fixed sizes. */
  readonly inputShape?: SampleShape;
}

/** @throws for unknown layers, and for anything that cannot be carried over without changing what the model computes. */
export function modelFromConfig(
  name: string,
  value: unknown,
  options: ConfigOptions = {},
): FunctionalModel | Sequential {
  const serialised = readSerialised(name, value);
  const model = isModel(serialised) ? layerFrom(name, serialised, options) : undefined;
  if (!(model instanceof FunctionalModel || model instanceof Sequential)) {
    throw new ThawError(
      name,
      `holds a ${serialised.className}`,
      "a Functional or Sequential model",
      "Subclassed models have no graph in the file; rebuild them with the functional API.",
    );
  }
  return model;
}

const isModel = ({ className }: Serialised) => ["Functional", "Model", "Sequential"].includes(className);

function layerFrom(file: string, s: Serialised, options: ConfigOptions): Layer {
  refuseQuantized(file, s);
  if (s.className === "Sequential") return sequentialFrom(file, s.config, options);
  if (isModel(s)) return functionalFrom(file, s.config, options);
  const config = camelCaseKeys(s.config);
  if (s.className === "InputLayer") fixShape(config, options);
  const layer = createLayer(s.className, config);
  if (typeof s.config.trainable === "boolean") layer.trainable = s.config.trainable;
  return layer;
}

/** Inputs saved with open sizes take the given shape. */
function fixShape(config: Record<string, unknown>, { inputShape }: ConfigOptions): void {
  const shape = config.batchShape ?? config.batchInputShape;
  if (inputShape && Array.isArray(shape) && shape.slice(1).some((d) => d === null))
    config.batchShape = [null, ...inputShape];
}

function refuseQuantized(file: string, { config, className }: Serialised): void {
  const policy = isObject(config.dtype) ? config.dtype : undefined;
  const mode = isObject(policy?.config) ? policy.config.mode : undefined;
  if (policy?.class_name === "QuantizedDTypePolicy" || config.quantization_config || typeof mode === "string") {
    const who = `${file}: ${String(config.name)} (${className})`;
    throw new ThawError(
      who,
      `is quantized (${typeof mode === "string" ? mode : "int8"})`,
      "weights in floating point",
      "Save the model before quantizing it.",
    );
  }
}

function sequentialFrom(file: string, config: Json, options: ConfigOptions): Sequential {
  const layers = listOfLayers(file, config).map((s) => layerFrom(file, s, options));
  const name = typeof config.name === "string" ? { name: config.name } : {};
  const model = new Sequential(layers, name);
  const shape = Array.isArray(config.build_input_shape)
    ? (config.build_input_shape.slice(1) as (number | null)[])
    : undefined;
  const known = shape?.every((d) => d !== null) ? shape : options.inputShape;
  if (known) model.setInputShape(known);
  return model;
}

function listOfLayers(file: string, config: Json): Serialised[] {
  if (!Array.isArray(config.layers))
    throw new ThawError(file, `the model ${String(config.name)} has no list of layers`, "config.layers");
  return config.layers.map((l) => readSerialised(file, l));
}

function functionalFrom(file: string, config: Json, options: ConfigOptions): FunctionalModel {
  const builder = new FunctionalBuilder(file, config, options);
  return builder.build();
}

/** One call of a layer that waits for its inputs. */
interface PendingCall {
  readonly layer: Layer;
  readonly node: unknown;
  readonly key: string;
}

const keyOf = (layer: string, call: number) => `${layer}\u0000${call}`;

class FunctionalBuilder {
  readonly #file: string;
  readonly #config: Json;
  readonly #entries: readonly { s: Serialised; layer: Layer; name: string }[];
  readonly #results = new Map<string, readonly SymbolicTensor[]>();

  constructor(file: string, config: Json, options: ConfigOptions) {
    this.#file = file;
    this.#config = config;
    this.#entries = listOfLayers(file, config).map((s) => ({
      s,
      layer: s.module.startsWith("keras.src.ops") ? operationFrom(file, s) : layerFrom(file, s, options),
      name: String(s.config.name),
    }));
  }

  build(): FunctionalModel {
    const inputs = readHistories(this.#file, this.#config.input_layers);
    for (const { layer } of inputs) this.#addInput(layer);
    this.#connectAll();
    const outputs = readHistories(this.#file, this.#config.output_layers).map((h) => this.#tensor(h));
    const model = new FunctionalModel({
      inputs: inputs.map((h) => this.#tensor(h)),
      outputs,
      ...(typeof this.#config.name === "string" && { name: this.#config.name }),
    });
    // Names in weight files count layers in the file's order. Layers that lead to no output are not part of the model.
    const used = new Set(model.layers);
    model.reorder(this.#entries.map((e) => e.layer).filter((l) => used.has(l)));
    return model;
  }

  #addInput(name: string): void {
    const entry = this.#entries.find((e) => e.name === name);
    if (entry?.s.className !== "InputLayer")
      throw new ThawError(this.#file, `the input ${name} is no InputLayer`, "an InputLayer");
    const [shape] = [(entry.layer as unknown as { shape: SampleShape }).shape];
    this.#results.set(keyOf(name, 0), [
      { layer: entry.layer, call: { layer: entry.layer, inputs: [], options: {} }, index: 0, shape },
    ]);
  }

  /** Calls can stand in any order in a file: those whose inputs are there go first, until all have gone. */
  #connectAll(): void {
    let waiting: PendingCall[] = this.#entries.flatMap(({ s, layer, name }) => {
      // A nested model was called once while it was built; files count its later calls from 1.
      const first = layer instanceof FunctionalModel && this.#firstCall(name) > 0 ? 1 : 0;
      return s.inboundNodes.map((node, i) => ({ layer, node, key: keyOf(name, i + first) }));
    });
    while (waiting.length > 0) {
      const blocked = waiting.filter((call) => !this.#connect(call));
      if (blocked.length === waiting.length) {
        const names = blocked.map((c) => c.layer.name).join(", ");
        throw new ThawError(
          this.#file,
          `the inputs of ${names} lead nowhere or in a circle`,
          "calls that follow from the model's inputs",
        );
      }
      waiting = blocked;
    }
  }

  /** The lowest call number by which the file refers to a layer. */
  #firstCall(name: string): number {
    const numbers: number[] = [];
    const visit = (value: unknown): void => {
      const tensor = readTensor(value);
      if (tensor) {
        if (tensor.layer === name) numbers.push(tensor.call);
      } else if (Array.isArray(value)) value.forEach(visit);
      else if (isObject(value)) Object.values(value).forEach(visit);
    };
    for (const { s } of this.#entries) visit(s.inboundNodes);
    for (const h of readHistories(this.#file, this.#config.output_layers)) if (h.layer === name) numbers.push(h.call);
    return numbers.length > 0 ? Math.min(...numbers) : 0;
  }

  /** False while an input is missing. */
  #connect({ layer, node, key }: PendingCall): boolean {
    const args = isObject(node) && Array.isArray(node.args) ? node.args : [];
    const kwargs = isObject(node) && isObject(node.kwargs) ? node.kwargs : {};
    const found: SymbolicTensor[] = [];
    for (const value of args.flat()) {
      const history = readTensor(value);
      if (!history) {
        if (layer instanceof ScalarOperation || value === null) continue;
        throw new ThawError(`${this.#file}: ${layer.name}`, `is called with ${JSON.stringify(value)}`, "tensors");
      }
      const results = this.#results.get(keyOf(history.layer, history.call));
      if (!results) return false;
      found.push(results[history.output]);
    }
    if (found.length === 0)
      throw new ThawError(`${this.#file}: ${layer.name}`, "is called without tensors", "at least one");
    const training = kwargs.training === false ? { training: false } : {};
    const result = layer.apply(found, training);
    const shapes = layer instanceof Container ? layer.outputs.length : 1;
    this.#results.set(
      key,
      Array.from({ length: shapes }, (_, index) => ({
        ...result,
        index,
        shape: index === 0 ? result.shape : (layer as Container).outputs[index].shape,
      })),
    );
    return true;
  }

  #tensor({ layer, call, output }: History): SymbolicTensor {
    const results = this.#results.get(keyOf(layer, call));
    if (!results?.[output])
      throw new ThawError(
        this.#file,
        `refers to output ${output} of call ${call} of ${layer}`,
        "a call that the file describes",
      );
    return results[output];
  }
}

/** Operation nodes (`x + 3.0` in MobileNetV3): arithmetic of a tensor and a number, or of two tensors. */
function operationFrom(file: string, s: Serialised): Layer {
  const name = String(s.config.name);
  const node = s.inboundNodes[0];
  const args = isObject(node) && Array.isArray(node.args) ? node.args : [];
  const numbers = args.filter((a) => typeof a === "number");
  if (numbers.length === 0) return createLayer(s.className, { name });
  if (!scalarOperations.includes(s.className) || args.length !== 2) {
    throw new ThawError(
      `${file}: ${name}`,
      `the operation ${s.className} with ${args.length} arguments is not known`,
      `${scalarOperations.join(", ")} with a number`,
    );
  }
  return new ScalarOperation({
    name,
    operation: s.className,
    value: numbers[0],
    numberFirst: typeof args[0] === "number",
  });
}
