/**
 * The graph that layers write and compile passes read: values and operations as plain data. Layers emit the forward
 * part; `differentiate` adds the backward part to the same lists.
 */
import { ThawError } from "../errors";
import type { Shape } from "../kernels/operation";
import { findOperation } from "../kernels/registry";
import type { Parameter } from "./parameter";

/** When a node runs: once when weights change, before each step's forward, and so on. */
export type Phase = "setup" | "feed" | "forward" | "backward" | "update";

export type ValueRole =
  | "input" // written from outside, once a batch
  | "parameter" // a weight
  | "state" // a moving statistic
  | "constant" // fixed numbers of a layer, e.g. a per-channel scale
  | "computed" // output of a node
  | "resource"; // a whole buffer that the runtime provides: arenas, ring of results

export interface Value {
  readonly id: number;
  readonly name: string;
  readonly shape: Shape;
  readonly role: ValueRole;
  readonly layer: string;
  readonly parameter?: Parameter;
  /** Of a constant. */
  readonly data?: Float32Array;
  /** Holds f16, two values in each 32-bit word, instead of f32. */
  readonly half?: true;
  /** Of a resource: which one. */
  readonly resource?: string;
}

export interface Node {
  readonly id: number;
  op: string;
  attrs: Record<string, unknown>;
  /** Input name -> value id. */
  inputs: Record<string, number>;
  /** Output name -> value id. */
  outputs: Record<string, number>;
  readonly layer: string;
  phase: Phase;
  /** What a backward node computes: the gradient of an activation, of a weight, or a sum of gradients. */
  readonly gradient?: "dx" | "dw" | "sum";
  /** What was merged into this node, for the plan's reader: "bias", "batch normalization", "relu". */
  readonly merged: string[];
}

export class Graph {
  readonly values: Value[] = [];
  nodes: Node[] = [];
  readonly #parameters = new Map<Parameter, Value>();
  #layer: string[] = [];
  phase: Phase = "forward";
  #nextNode = 0;

  constructor(readonly batchSize: number) {}

  /** Path of the layer that is emitting, e.g. `mobilenetv2/block_1_expand`. */
  get layer(): string {
    return this.#layer.at(-1) ?? "";
  }

  /** Runs `body` with nodes and errors attributed to a layer. */
  within<T>(layer: string, body: () => T): T {
    this.#layer.push(layer);
    try {
      return body();
    } finally {
      this.#layer.pop();
    }
  }

  value(fields: Omit<Value, "id" | "layer"> & { layer?: string }): Value {
    const value = { layer: this.layer, ...fields, id: this.values.length };
    this.values.push(value);
    return value;
  }

  input(name: string, shape: Shape): Value {
    return this.value({ name, shape, role: "input" });
  }

  constant(name: string, shape: Shape, data: ArrayLike<number>): Value {
    return this.value({ name, shape, role: "constant", data: Float32Array.from(data) });
  }

  /** The value of a parameter; a shared layer's parameter is one value however often it is called. */
  parameter(p: Parameter): Value {
    let value = this.#parameters.get(p);
    if (!value) {
      value = this.value({
        name: p.path || p.name,
        shape: p.shape,
        role: p.kind === "weight" ? "parameter" : "state",
        parameter: p,
      });
      this.#parameters.set(p, value);
    }
    return value;
  }

  /**
   * Adds an operation. Inputs that are undefined are left out (optional ones).
   *
   * @returns its outputs by name.
   * @throws the operation's own error when shapes do not fit.
   */
  emit(
    op: string,
    attrs: object,
    inputs: Readonly<Record<string, Value | undefined>>,
    more: { layer?: string; gradient?: Node["gradient"]; phase?: Phase } = {},
  ): Record<string, Value> {
    const definition = findOperation(op);
    const present = Object.entries(inputs).filter((entry): entry is [string, Value] => entry[1] !== undefined);
    const layer = more.layer ?? this.layer;
    const shapes = inLayer(layer, () =>
      definition.shapes(attrs, Object.fromEntries(present.map(([name, v]) => [name, v.shape]))),
    );
    const outputs: Record<string, Value> = {};
    const halves = definition.halves?.(attrs) ?? [];
    for (const name of definition.outputs) {
      const half = halves.includes(name) && { half: true as const };
      outputs[name] = this.value({
        name: `${layer}:${op}.${name}`,
        shape: shapes[name],
        role: "computed",
        layer,
        ...half,
      });
    }
    this.nodes.push({
      id: this.#nextNode++,
      op,
      attrs: { ...attrs },
      inputs: Object.fromEntries(present.map(([name, v]) => [name, v.id])),
      outputs: Object.fromEntries(Object.entries(outputs).map(([name, v]) => [name, v.id])),
      layer,
      phase: more.phase ?? this.phase,
      ...(more.gradient && { gradient: more.gradient }),
      merged: [],
    });
    return outputs;
  }

  /** `emit` for operations with one interesting output, the first. */
  apply(op: string, attrs: object, inputs: Readonly<Record<string, Value | undefined>>): Value {
    const outputs = this.emit(op, attrs, inputs);
    return outputs[findOperation(op).outputs[0]];
  }

  shapesOf(node: Node): Record<string, Shape> {
    const all = { ...node.inputs, ...node.outputs };
    return Object.fromEntries(Object.entries(all).map(([name, id]) => [name, this.values[id].shape]));
  }
}

/** An operation's error with the layer that asked for it in front: `conv1: conv2d: x has shape ...`. */
function inLayer<T>(layer: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof ThawError && layer && !error.message.startsWith(layer))
      error.message = `${layer}: ${error.message}`;
    throw error;
  }
}
