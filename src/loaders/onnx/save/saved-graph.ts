/** An ONNX graph that is ready to be written, as plain data. */
import type { Parameter } from "../../../nn/parameter";

/** A number that is written as a float; bare numbers are integers. */
export interface Float {
  readonly float: number;
}

/** As the file holds it: f32. */
export const float = (value: number): Float => ({ float: Math.fround(value) });

export type SavedAttribute = number | readonly number[] | string | Float;

export type SavedAttributes = Readonly<Record<string, SavedAttribute>>;

export interface SavedNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: SavedAttributes;
}

/** How a weight's numbers lie in the file: read as `dims`, with axes in another order. */
export interface Arranged {
  readonly dims: readonly number[];
  readonly order: readonly number[];
}

export interface SavedTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: "float" | "int64";
  /** Asked for when the file is written, and not before. */
  readonly data: () => Float32Array | readonly number[];
  /** The weight that it is. */
  readonly weight?: Arranged & { readonly parameter: Parameter };
}

/** Sizes as numbers; "batch" is left open. */
export interface SavedPort {
  readonly name: string;
  readonly dims: readonly (number | "batch")[];
}

export interface SavedGraph {
  readonly name: string;
  readonly nodes: readonly SavedNode[];
  readonly initializers: readonly SavedTensor[];
  readonly inputs: readonly SavedPort[];
  readonly outputs: readonly SavedPort[];
}
