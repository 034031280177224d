/** How one operation of Thaw's graph becomes nodes of ONNX. */
import type { Value } from "../../../../nn/graph";
import type { GraphWriter } from "../graph-writer";

/** A node of Thaw's graph with its values. */
export interface Operands<A = any> {
  readonly attrs: A;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly outputs: Readonly<Record<string, Value>>;
}

export type WriteOperation = (w: GraphWriter, operands: Operands) => void;

export type OperationWriters = Readonly<Record<string, WriteOperation>>;

/** An operation of each element of x alone, in whatever order x lies. */
export function ofEach(f: (w: GraphWriter, x: string, attrs: any) => string): WriteOperation {
  return (w, { attrs, inputs: { x }, outputs: { y } }) => {
    const order = w.orderOf(x);
    w.set(y, f(w, w.as(x, order), attrs), order);
  };
}

/** ONNX's order of paddings: all beginnings, then all ends. */
export const beginsAndEnds = ([top, bottom, left, right]: readonly number[]): number[] => [top, left, bottom, right];

/** Types as ONNX numbers them. */
export const types = { float: 1, int64: 7, bool: 9 } as const;

/** The tensor as another type. */
export const cast = (w: GraphWriter, x: string, to: keyof typeof types): string =>
  w.node("Cast", [x], { to: types[to] });
