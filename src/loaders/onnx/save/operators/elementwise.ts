/** Sums, products, comparisons and choices of two or three tensors with broadcasting. */
import type { ScalarAffineAttrs } from "../../../../kernels/elementwise/affine";
import type { AddAttrs } from "../../../../kernels/elementwise/binary";
import type { ArithmeticAttrs, ArithmeticKind } from "../../../../kernels/math/arithmetic";
import type { GraphWriter } from "../graph-writer";
import { cast, ofEach, type OperationWriters, type WriteOperation } from "./writer";

/** y = f(a, b) in the order that both can lie in. */
const ofTwo =
  (f: (w: GraphWriter, a: string, b: string, attrs: any) => string): WriteOperation =>
  (w, { attrs, inputs: { a, b }, outputs: { y } }) => {
    const { names, order } = w.aligned([a, b], y.shape.length);
    w.set(y, f(w, names[0], names[1], attrs), order);
  };

const times = (w: GraphWriter, x: string, factor: number, name: string): string =>
  factor === 1 ? x : w.node("Mul", [x, w.scalar(name, factor)]);

/** Differences and means are written as such. */
function add(w: GraphWriter, a: string, b: string, { scaleA = 1, scaleB = 1 }: AddAttrs): string {
  if (scaleA === scaleB) return times(w, w.node("Add", [a, b]), scaleA, "scale");
  if (scaleB === -1) return w.node("Sub", [times(w, a, scaleA, "scale_a"), b]);
  if (scaleA === -1) return w.node("Sub", [times(w, b, scaleB, "scale_b"), a]);
  return w.node("Add", [times(w, a, scaleA, "scale_a"), times(w, b, scaleB, "scale_b")]);
}

function affine(w: GraphWriter, x: string, { scale, offset }: ScalarAffineAttrs): string {
  if (scale === -1 && offset === 0) return w.node("Neg", [x]);
  if (scale === -1) return w.node("Sub", [w.scalar("offset", offset), x]);
  const scaled = times(w, x, scale, "scale");
  return offset === 0 ? scaled : w.node("Add", [scaled, w.scalar("offset", offset)]);
}

const arithmeticOperators: Readonly<Partial<Record<ArithmeticKind, string>>> = {
  sub: "Sub",
  div: "Div",
  pow: "Pow",
  min: "Min",
  max: "Max",
};

const comparisons: Readonly<Partial<Record<ArithmeticKind, string>>> = {
  equal: "Equal",
  less: "Less",
  lessOrEqual: "LessOrEqual",
  greater: "Greater",
  greaterOrEqual: "GreaterOrEqual",
};

const logic: Readonly<Partial<Record<ArithmeticKind, string>>> = { and: "And", or: "Or", xor: "Xor" };

function arithmetic(w: GraphWriter, a: string, b: string, { kind }: ArithmeticAttrs): string {
  const plain = arithmeticOperators[kind];
  if (plain) return w.node(plain, [a, b]);
  const comparison = comparisons[kind];
  if (comparison) return cast(w, w.node(comparison, [a, b]), "float");
  const logical = logic[kind];
  if (logical) return cast(w, w.node(logical, [cast(w, a, "bool"), cast(w, b, "bool")]), "float");
  switch (kind) {
    case "fmod":
      return w.node("Mod", [a, b], { fmod: 1 });
    case "quotient": // of whole numbers: ONNX's division of integers goes towards 0 too
      return cast(w, w.node("Div", [cast(w, a, "int64"), cast(w, b, "int64")]), "float");
    default: // the sign of b: ONNX's Mod has that for integers only
      return w.node("Sub", [a, w.node("Mul", [w.node("Floor", [w.node("Div", [a, b])]), b])]);
  }
}

const where: WriteOperation = (w, { inputs: { c, a, b }, outputs: { y } }) => {
  const { names, order } = w.aligned([c, a, b], y.shape.length);
  w.set(y, w.node("Where", [cast(w, names[0], "bool"), names[1], names[2]]), order);
};

export const elementwise: OperationWriters = {
  add: ofTwo(add),
  multiply: ofTwo((w, a, b) => w.node("Mul", [a, b])),
  arithmetic: ofTwo(arithmetic),
  affine: ofEach(affine),
  where,
};
