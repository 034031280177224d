/**
 * The layers that a graph was written from, as text beside it: which class, which settings, what is called on what. ONNX's nodes do not
 * tell a Dense with an activation from a Dense and an Activation, and know no models in models; with this the import makes the same
 * model again, where it finds that the same nodes come of it (restore.ts).
 */
import { ThawError } from "../../../errors";
import type { Layer } from "../../../nn/layer";
import { InputLayer } from "../../../nn/layers/input";
import { createLayer, knownLayers } from "../../../nn/layers/registry";
import { Container, FunctionalModel } from "../../../nn/model";
import { Sequential } from "../../../nn/sequential";
import { connect, topologicalOrder, type LayerCall, type SymbolicTensor } from "../../../nn/symbolic";
import { isObject, parseJson, type Json } from "../../json";
import { registeredLayer } from "../../keras/custom";
import { ScalarOperation, type ScalarOperationOptions } from "../../keras/scalar-operation";

/** An output of a call: number of the call, number of the output. */
type Source = readonly [call: number, output: number];

interface CallEntry {
  readonly layer: number;
  readonly inputs: readonly Source[];
  readonly training?: boolean;
}

/** Layers by their numbers in the table; a layer in several places is one entry. */
interface Entry {
  readonly class: string;
  readonly name: string;
  readonly config?: Json;
  readonly layers?: readonly number[];
  readonly calls?: readonly CallEntry[];
  readonly inputs?: readonly Source[];
  readonly outputs?: readonly Source[];
  readonly input?: { readonly name: string; readonly shape: readonly number[] };
}

/** A layer as the table has it; undefined for classes that nobody registered, and for ONNX's operators, which settings alone do not make. */
function makeLayer(className: string, options: Json): Layer | undefined {
  const factory = registeredLayer(className);
  if (factory) return factory(options);
  if (className === "ScalarOperation") return new ScalarOperation(options as unknown as ScalarOperationOptions);
  return knownLayers().includes(className) ? createLayer(className, options) : undefined;
}

/** @returns undefined where some layer cannot be told in words. */
export function describeArchitecture(model: Container): string | undefined {
  const table: Entry[] = [];
  const numbers = new Map<Layer, number>();
  const add = (layer: Layer): number => {
    const found = numbers.get(layer);
    if (found !== undefined) return found;
    const entry = layer instanceof Container ? container(layer, add) : plainLayer(layer);
    table.push(entry);
    numbers.set(layer, table.length - 1);
    return table.length - 1;
  };
  try {
    add(model);
  } catch (error) {
    if (error instanceof Indescribable) return undefined;
    throw error;
  }
  return JSON.stringify({ version: 1, layers: table });
}

class Indescribable extends Error {}

function plainLayer(layer: Layer): Entry {
  const config = layer.config();
  const entry = { class: layer.className, name: layer.name, config };
  let again: Layer | undefined;
  try {
    again = makeLayer(layer.className, { ...(JSON.parse(JSON.stringify(config)) as Json), name: layer.name });
  } catch {
    // Settings that the class itself refuses, or a factory of the user's that wants more.
  }
  if (again?.constructor !== layer.constructor) throw new Indescribable();
  return entry;
}

function container(model: Container, add: (layer: Layer) => number): Entry {
  if (model instanceof Sequential) {
    const { name } = model.inputs[0].layer;
    const layers = model.layers.map(add);
    return { class: "Sequential", name: model.name, layers, input: { name, shape: model.inputShape } };
  }
  if (!(model instanceof FunctionalModel)) throw new Indescribable();
  const calls = [...new Set([...model.inputs.map((t) => t.call), ...topologicalOrder(model.outputs)])];
  const number = new Map(calls.map((call, i) => [call, i]));
  const source = (t: SymbolicTensor): Source => [number.get(t.call)!, t.index];
  return {
    class: "Functional",
    name: model.name,
    layers: model.layers.map(add),
    // The input of a model that begins within another: what makes it is not part of it.
    calls: calls.map(({ layer, inputs, options }) => ({
      layer: add(layer),
      inputs: model.inputs.some((t) => t.layer === layer) ? [] : inputs.map(source),
      ...(options.training !== undefined && { training: options.training }),
    })),
    inputs: model.inputs.map(source),
    outputs: model.outputs.map(source),
  };
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/**
 * The model that the text tells of, with weights as they begin.
 *
 * @param largest calls of layers, nested models written out, that a file with so many nodes can come of
 * @throws for texts that are none of these.
 */
export function buildArchitecture(name: string, text: string, largest: number): FunctionalModel | Sequential {
  const { version, layers: table } = parseJson(name, text);
  const wrong = (happened: string) => new ThawError(name, happened, "an architecture as Thaw writes it");
  if (version !== 1 || !isList(table)) throw wrong(`says version ${String(version)}`);
  const made: Layer[] = [];
  const sizes: number[] = [];
  const at = (i: unknown): Layer => {
    const layer = typeof i === "number" ? made[i] : undefined;
    if (!layer) throw wrong("refers to a layer that it does not have yet");
    return layer;
  };
  for (const entry of table) {
    if (!isObject(entry) || typeof entry.class !== "string" || typeof entry.name !== "string")
      throw wrong("has no layers");
    const e = entry as unknown as Entry;
    const called = e.layers ? (e.calls ? e.calls.map((c) => c.layer) : e.layers) : [];
    const size = called.reduce((sum, i) => sum + (sizes[i] ?? 1), 1);
    if (size > largest) throw wrong(`calls more than ${largest} layers`);
    sizes.push(size);
    const layer = e.layers ? buildContainer(e, at) : makeLayer(e.class, { ...e.config, name: e.name });
    if (!layer) throw wrong(`has the class ${e.class}`);
    made.push(layer);
  }
  const model = made.at(-1);
  if (!(model instanceof FunctionalModel || model instanceof Sequential)) throw wrong("ends in a layer");
  return model;
}

function buildContainer(e: Entry, at: (i: unknown) => Layer): FunctionalModel | Sequential {
  const layers = e.layers!.map(at);
  if (e.class === "Sequential") return new Sequential([new InputLayer(e.input!), ...layers], { name: e.name });
  const outputsOf: SymbolicTensor[][] = [];
  const tensor = ([call, output]: Source) => outputsOf[call][output];
  for (const { layer: number, inputs, training } of e.calls!) {
    const layer = at(number);
    if (inputs.length > 0) {
      outputsOf.push(connect(layer, inputs.map(tensor), training === undefined ? {} : { training }));
      continue;
    }
    const shape = layer instanceof InputLayer ? layer.shape : [];
    const call: LayerCall = { layer, inputs: [], options: {} };
    outputsOf.push([{ layer, call, index: 0, shape }]);
  }
  const model = new FunctionalModel({
    inputs: e.inputs!.map(tensor),
    outputs: e.outputs!.map(tensor),
    name: e.name,
  });
  model.reorder(layers);
  return model;
}
