/** Functions of one number, and operations of several tensors with broadcasting. */
import { ThawError } from "../../../errors";
import type { Value } from "../../../nn/graph";
import { affineOf, type NumberOperation } from "../../number-arithmetic";
import { describe, numberOf, textOf } from "../attributes";
import { broadcastDims, isHost, type Kind } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { align, kindOfAll } from "../layout/align";
import type { Emitter, Operand } from "../layout/emitter";
import { dimsOf, type Tensor } from "../layout/tensor";
import { knownInput, scalarOf, tensorInput, type Emit, type Inputs, type Operators } from "./operator";

/** Operation and attributes of a function; `kind` of the result where it is another than the input's. */
type Function = (node: OnnxNode) => readonly [op: string, attrs: object, kind?: Kind];

const activation =
  (attrs: object): Function =>
  () => ["activation", attrs];
const unary =
  (kind: string, result?: Kind): Function =>
  () => ["unary", { kind }, result];
const withAlpha =
  (kind: string, alpha: number): Function =>
  (node) => ["unary", { kind, alpha: numberOf(node, "alpha", alpha) }];

/** relu6(x + 3) / 6 has a form of its own; other slopes are the general one. */
const hardSigmoid: Function = (node) => {
  const [alpha, beta] = [numberOf(node, "alpha", 0.2), numberOf(node, "beta", 0.5)];
  const usual = Math.abs(alpha - 1 / 6) < 1e-6 && beta === 0.5;
  return usual ? ["activation", { kind: "hardSigmoid" }] : ["unary", { kind: "hardSigmoid", alpha, beta }];
};

/** Functions and what they are in the engine; ONNX's defaults. */
const functions: Readonly<Record<string, Function>> = {
  Relu: activation({ kind: "relu" }),
  Sigmoid: activation({ kind: "sigmoid" }),
  Tanh: activation({ kind: "tanh" }),
  Softplus: activation({ kind: "softplus" }),
  HardSwish: activation({ kind: "hardSilu" }),
  Elu: (node) => ["activation", { kind: "elu", slope: numberOf(node, "alpha", 1) }],
  LeakyRelu: (node) => ["activation", { kind: "relu", slope: numberOf(node, "alpha", 0.01) }],
  Gelu: (node) => ["activation", { kind: textOf(node, "approximate", "none") === "tanh" ? "geluTanh" : "gelu" }],
  HardSigmoid: hardSigmoid,
  Celu: withAlpha("celu", 1),
  ThresholdedRelu: withAlpha("thresholdedRelu", 1),
  Selu: (node) => [
    "unary",
    {
      kind: "selu",
      alpha: numberOf(node, "alpha", 1.6732631921768188),
      beta: numberOf(node, "gamma", 1.0507010221481323),
    },
  ],
  Shrink: (node) => ["unary", { kind: "shrink", alpha: numberOf(node, "bias", 0), beta: numberOf(node, "lambd", 0.5) }],
  Softsign: unary("softsign"),
  Mish: unary("mish"),
  Neg: () => ["affine", { scale: -1, offset: 0 }],
  Abs: unary("abs"),
  Ceil: unary("ceil"),
  Floor: unary("floor"),
  Round: unary("round"),
  Sign: unary("sign"),
  Exp: unary("exp"),
  Log: unary("log"),
  Sqrt: unary("sqrt"),
  Reciprocal: unary("reciprocal"),
  Sin: unary("sin"),
  Cos: unary("cos"),
  Tan: unary("tan"),
  Asin: unary("asin"),
  Acos: unary("acos"),
  Atan: unary("atan"),
  Sinh: unary("sinh"),
  Cosh: unary("cosh"),
  Asinh: unary("asinh"),
  Acosh: unary("acosh"),
  Atanh: unary("atanh"),
  Erf: unary("erf"),
  Not: unary("not", "bool"),
  IsNaN: unary("isnan", "bool"),
  IsInf: unary("isinf", "bool"),
};

const emitFunction =
  (f: Function): Emit =>
  (e, node, inputs) => {
    const [op, attrs, kind] = f(node);
    const x = tensorInput(e, node, inputs, 0);
    return [{ ...e.unary(op, attrs, x), kind: kind ?? x.kind }];
  };

/** Bounds that are known: a clipped ramp, or one bound. relu is what begins at 0. */
const clip: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const bound = (i: number, key: string) => {
    const given = knownInput(node, inputs, i)?.data[0] ?? (node.attributes.has(key) ? numberOf(node, key) : undefined);
    return given !== undefined && Math.abs(given) < 3.4e38 ? given : undefined;
  };
  const [min, max] = [bound(1, "min"), bound(2, "max")];
  if (min === undefined && max === undefined) return [x];
  if (min === 0 && (max === undefined || max > 0))
    return [e.unary("activation", { kind: "relu", ...(max !== undefined && { maxValue: max }) }, x)];
  return [e.unary("unary", { kind: "clip", ...(min !== undefined && { min }), ...(max !== undefined && { max }) }, x)];
};

/** Where each sample's element is below 0, it is multiplied by a slope of its channel: relu(x) - slope * relu(-x). */
const prelu: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const above = e.unary("activation", { kind: "relu" }, x);
  const below = e.unary("activation", { kind: "relu" }, e.unary("affine", { scale: -1, offset: 0 }, x));
  const sloped = combine(e, node, [below, inputs[1]!], (a, b) => e.apply("multiply", {}, { a, b }));
  return [combine(e, node, [above, sloped], (a, b) => e.apply("add", { scaleB: -1 }, { a, b }))];
};

export function combine(
  e: Emitter,
  node: OnnxNode,
  operands: readonly Operand[],
  write: (...values: Value[]) => Value,
  kind?: Kind,
): Tensor {
  const { values, layout } = align(e, describe(node), operands);
  return { ...layout, value: write(...values), kind: kind ?? kindOfAll(operands) };
}

/** What a number can stand in for a tensor in, without an operand in memory. */
const withNumber: Readonly<Record<string, NumberOperation>> = {
  Add: "Add",
  Sub: "Subtract",
  Mul: "Multiply",
  Div: "Divide",
};

const kinds: Readonly<Record<string, string>> = {
  Div: "div",
  Pow: "pow",
  Min: "min",
  Max: "max",
  Equal: "equal",
  Less: "less",
  LessOrEqual: "lessOrEqual",
  Greater: "greater",
  GreaterOrEqual: "greaterOrEqual",
  And: "and",
  Or: "or",
  Xor: "xor",
};

const comparisons = new Set(["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor"]);

function pair(e: Emitter, node: OnnxNode, x: Operand, y: Operand): Tensor {
  const { op } = node;
  const [first, second] = [scalarOf(x), scalarOf(y)];
  const tensor = isHost(x) ? y : x;
  const number = isHost(x) ? first : second;
  if (number !== undefined && !isHost(tensor) && tensor.kind === "float") {
    const keeps =
      broadcastDims(describe(node), ...[x, y].map((o) => (isHost(o) ? (o.repeats ?? o).dims : dimsOf(o)))).length ===
      tensor.axes.length;
    const affine = Object.hasOwn(withNumber, op) ? affineOf(withNumber[op], number, isHost(x)) : undefined;
    if (keeps && affine) return affine.scale === 1 && affine.offset === 0 ? tensor : e.unary("affine", affine, tensor);
    if (keeps && op === "Pow" && !isHost(x)) {
      if (number === 2) return { ...tensor, value: e.apply("multiply", {}, { a: tensor.value, b: tensor.value }) };
      if (number === 0.5) return e.unary("unary", { kind: "sqrt" }, tensor);
    }
  }
  const kind: Kind = comparisons.has(op) ? "bool" : kindOfAll([x, y]);
  const write = (a: Value, b: Value): Value => {
    if (op === "Add") return e.apply("add", {}, { a, b });
    if (op === "Sub") return e.apply("add", { scaleB: -1 }, { a, b });
    if (op === "Mul") return e.apply("multiply", {}, { a, b });
    const of = op === "Mod" ? (node.attributes.get("fmod") === 1 ? "fmod" : "mod") : kinds[op];
    const y = e.apply("arithmetic", { kind: of }, { a, b });
    // Whole numbers divide towards 0.
    return op === "Div" && kind === "int" ? e.apply("unary", { kind: "toInt" }, { x: y }) : y;
  };
  return combine(e, node, [x, y], write, kind);
}

const two: Emit = (e, node, inputs) => [pair(e, node, inputs[0]!, inputs[1]!)];

/** Sum, Mean, Max and Min of any number of tensors. */
const many =
  (op: string, mean = false): Emit =>
  (e, node, inputs) => {
    const list = inputs.filter((x) => x !== undefined);
    const total = list.slice(1).reduce<Operand>((sum, x) => pair(e, { ...node, op }, sum, x), list[0]);
    if (isHost(total)) throw new ThawError(describe(node), "has only constants", "a tensor");
    return [mean && list.length > 1 ? e.unary("affine", { scale: 1 / list.length, offset: 0 }, total) : total];
  };

const where: Emit = (e, node, inputs) => {
  const [c, a, b] = inputs as Operand[];
  return [
    combine(e, node, [c, a, b], (cc, aa, bb) => e.apply("where", {}, { c: cc, a: aa, b: bb }), kindOfAll([a, b])),
  ];
};

/** Numbers are f32 on the GPU whatever their type; only what a type cannot hold is cut off. */
const cast: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const to = node.op === "CastLike" ? undefined : numberOf(node, "to");
  const kind: Kind =
    to === undefined ? inputs[1]!.kind : to === 9 ? "bool" : [1, 10, 11, 16].includes(to) ? "float" : "int";
  if (kind === "bool" && x.kind !== "bool") return [{ ...e.unary("unary", { kind: "toBool" }, x), kind }];
  if (kind === "int" && x.kind === "float") return [{ ...e.unary("unary", { kind: "toInt" }, x), kind }];
  return [{ ...x, kind }];
};

const swish: Emit = (e, node, inputs: Inputs) => {
  const alpha = numberOf(node, "alpha", 1);
  const x = tensorInput(e, node, inputs, 0);
  if (alpha === 1) return [e.unary("activation", { kind: "silu" }, x)];
  const scaled = e.unary("affine", { scale: alpha, offset: 0 }, x);
  const gate = e.unary("activation", { kind: "sigmoid" }, scaled);
  return [{ ...x, value: e.apply("multiply", {}, { a: x.value, b: gate.value }) }];
};

export const elementwise: Operators = {
  ...Object.fromEntries(Object.entries(functions).map(([op, f]) => [op, emitFunction(f)])),
  ...Object.fromEntries([...Object.keys(kinds), "Add", "Sub", "Mul", "Mod"].map((op) => [op, two])),
  Sum: many("Add"),
  Mean: many("Add", true),
  Max: many("Max"),
  Min: many("Min"),
  Clip: clip,
  PRelu: prelu,
  Where: where,
  Cast: cast,
  CastLike: cast,
  Swish: swish,
};
