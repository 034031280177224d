/** An ONNX graph as plain data. */
import type { HostTensor, Kind } from "./host-tensor";

export type AttributeValue = number | string | readonly number[] | readonly string[] | HostTensor | OnnxGraph;

export interface OnnxNode {
  /** As in the file, or made of its output where it has none. */
  readonly name: string;
  readonly op: string;
  /** "" is ONNX's own. */
  readonly domain: string;
  /** Version of the operator set that the node means. */
  readonly opset: number;
  /** Names of values; "" where an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

export interface OnnxInput {
  readonly name: string;
  /** A number, or the name of a size that the file leaves open; undefined where it says nothing. */
  readonly dims: readonly (number | string | undefined)[] | undefined;
  readonly kind: Kind;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, HostTensor>;
  /** Without those that have an initializer. */
  readonly inputs: readonly OnnxInput[];
  readonly outputs: readonly string[];
  /** What wrote the file, its name of the network, and what it says beside the graph; of whole files. */
  readonly producer?: string;
  readonly name?: string;
  readonly metadata?: ReadonlyMap<string, string>;
}

/** Which function a node calls, if it calls one. */
export const functionKey = (domain: string, name: string): string => JSON.stringify([domain, name]);

/** Begins the key of an attribute that takes its value from one of the function's that the node stands in. */
export const referencePrefix = "reference to ";

/** Whether an attribute is a graph of its own. */
export const isGraph = (value: unknown): value is OnnxGraph =>
  typeof value === "object" && value !== null && "nodes" in value;
