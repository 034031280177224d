/** The parts of a Keras configuration that the importer reads, and how they are checked. */
import { ThawError } from "../../errors";

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A serialised object: class and configuration. */
export interface Serialised {
  readonly className: string;
  /** Python module, e.g. "keras.layers" or "keras.src.ops.numpy". */
  readonly module: string;
  readonly config: Json;
  readonly inboundNodes: readonly unknown[];
}

/** @throws when it is not `{ class_name, config }`. */
export function readSerialised(name: string, value: unknown): Serialised {
  if (!isObject(value) || typeof value.class_name !== "string" || !isObject(value.config)) {
    throw new ThawError(
      name,
      `a layer is ${JSON.stringify(value)?.slice(0, 80)}`,
      "an object with class_name and config",
    );
  }
  return {
    className: value.class_name,
    module: typeof value.module === "string" ? value.module : "",
    config: value.config,
    inboundNodes: Array.isArray(value.inbound_nodes) ? value.inbound_nodes : [],
  };
}

/** Reference to one output of one call of a layer: [layer name, call, output]. */
export interface History {
  readonly layer: string;
  readonly call: number;
  readonly output: number;
}

/** A tensor in the arguments of a call, or undefined for a constant. */
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
  const bad = histories.findIndex((h) => !h);
  if (bad >= 0 || histories.length === 0) {
    throw new ThawError(
      name,
      `inputs or outputs are ${JSON.stringify(value)?.slice(0, 80)}`,
      "references [layer, call, output]",
    );
  }
  return histories as History[];
}
