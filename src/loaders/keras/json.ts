/** The parts of a Keras configuration that the importer reads, and how they are checked. */
import { ThawError } from "../../errors";
import { isObject, shown, type Json } from "../json";

export { isObject, type Json } from "../json";

/** A serialised object: class and configuration. */
export interface Serialised {
  readonly className: string;
  /** Python module, e.g. "keras.layers" or "keras.src.ops.numpy". */
  readonly module: string;
  /** Under which a custom class was registered, e.g. "my_package>MyLayer". */
  readonly registeredName: string;
  readonly config: Json;
  /** The layer's name: of the configuration, or beside it. */
  readonly name: string;
  readonly inboundNodes: readonly unknown[];
}

/** @throws when it is not `{ class_name, config }`. */
export function readSerialised(who: string, value: unknown): Serialised {
  // Keras 1 and 2.0 wrote the list of a Sequential's layers in place of its configuration.
  const bare = isObject(value) && Array.isArray(value.config) ? { layers: value.config } : undefined;
  if (!isObject(value) || typeof value.class_name !== "string" || !(bare || isObject(value.config))) {
    throw new ThawError(who, `a layer is ${shown(value)}`, "an object with class_name and config");
  }
  const config: Json = bare ?? (value.config as Json);
  const text = (key: string) => (typeof value[key] === "string" ? value[key] : "");
  return {
    className: value.class_name,
    module: text("module"),
    registeredName: text("registered_name"),
    config,
    name: typeof config.name === "string" ? config.name : text("name") || value.class_name,
    inboundNodes: Array.isArray(value.inbound_nodes) ? value.inbound_nodes : [],
  };
}

/** The entries of a model's `layers`. */
export function readLayers(who: string, { config, name }: Serialised): Serialised[] {
  if (!Array.isArray(config.layers))
    throw new ThawError(who, `the model ${name} has no list of layers`, "config.layers");
  return config.layers.map((entry) => readSerialised(who, entry));
}

export const isSequential = ({ className }: Serialised): boolean => className === "Sequential";

export const isModel = (s: Serialised): boolean => isSequential(s) || ["Functional", "Model"].includes(s.className);

/** Reference to one output of one call of a layer: [layer name, call, output]. */
export interface History {
  readonly layer: string;
  readonly call: number;
  readonly output: number;
}

/** A tensor in the arguments of a call as Keras 3 writes it, or undefined for a constant. */
export function readTensor(value: unknown): History | undefined {
  if (!isObject(value) || value.class_name !== "__keras_tensor__" || !isObject(value.config)) return undefined;
  return readHistory(value.config.keras_history);
}

export function readHistory(value: unknown): History | undefined {
  if (!Array.isArray(value) || typeof value[0] !== "string") return undefined;
  return { layer: value[0], call: Number(value[1] ?? 0), output: Number(value[2] ?? 0) };
}

/** `input_layers` and `output_layers`: one reference, a list of them, or an object of them, as versions differ. */
export function readHistories(name: string, value: unknown): History[] {
  const single = readHistory(value);
  if (single) return [single];
  const list = isObject(value) ? Object.values(value) : Array.isArray(value) ? value : [];
  const histories = list.map(readHistory);
  if (histories.length === 0 || histories.some((h) => !h)) {
    throw new ThawError(name, `inputs or outputs are ${shown(value)}`, "references [layer, call, output]");
  }
  return histories as History[];
}
