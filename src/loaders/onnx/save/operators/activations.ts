/** Activation functions under ONNX's names, so that other runtimes fuse them. */
import type { Activation } from "../../../../kernels/activation/activation";
import type { UnaryAttrs } from "../../../../kernels/math/unary";
import type { GraphWriter } from "../graph-writer";
import { float, type SavedAttributes } from "../saved-graph";
import { cast, ofEach, type OperationWriters, type WriteOperation } from "./writer";

/** Clip with the bounds that there are; a bound without the other leaves the first place empty. */
function clip(w: GraphWriter, x: string, min: number | undefined, max: number | undefined): string {
  const bounds = [min === undefined ? "" : w.scalar("min", min), ...(max === undefined ? [] : [w.scalar("max", max)])];
  return w.node("Clip", [x, ...bounds]);
}

/** min(x from the threshold on, slope * (x - threshold) below it; maxValue), as Keras's ReLU has it. */
function rectifier(w: GraphWriter, x: string, { slope = 0, maxValue, threshold = 0 }: Activation): string {
  if (threshold === 0 && slope === 0) return maxValue === undefined ? w.node("Relu", [x]) : clip(w, x, 0, maxValue);
  if (threshold === 0) {
    const leaky = w.node("LeakyRelu", [x], { alpha: float(slope) });
    return maxValue === undefined ? leaky : clip(w, leaky, undefined, maxValue);
  }
  const from = w.scalar("threshold", threshold);
  const above = w.node("GreaterOrEqual", [x, from]);
  const below =
    slope === 0 ? w.scalar("below", 0) : w.node("Mul", [w.node("Sub", [x, from]), w.scalar("slope", slope)]);
  const y = w.node("Where", [above, x, below]);
  return maxValue === undefined ? y : clip(w, y, undefined, maxValue);
}

function activation(w: GraphWriter, x: string, a: Activation): string {
  switch (a.kind) {
    case "linear":
      return x;
    case "relu":
      return rectifier(w, x, a);
    case "sigmoid":
      return w.node("Sigmoid", [x]);
    case "tanh":
      return w.node("Tanh", [x]);
    case "silu": // Swish is an operator from opset 24 on
      return w.node("Mul", [x, w.node("Sigmoid", [x])]);
    case "hardSigmoid":
      return w.node("HardSigmoid", [x], { alpha: float(1 / 6), beta: float(0.5) });
    case "hardSilu":
      return w.node("HardSwish", [x]);
    case "gelu":
      return w.node("Gelu", [x]);
    case "geluTanh":
      return w.node("Gelu", [x], { approximate: "tanh" });
    case "elu":
      return w.node("Elu", [x], { alpha: float(a.slope ?? 1) });
    case "softplus":
      return w.node("Softplus", [x]);
  }
}

/** Functions that are one operator of ONNX without attributes. */
const plainFunctions: Readonly<Record<string, string>> = {
  abs: "Abs",
  ceil: "Ceil",
  floor: "Floor",
  round: "Round",
  sign: "Sign",
  neg: "Neg",
  exp: "Exp",
  log: "Log",
  sqrt: "Sqrt",
  reciprocal: "Reciprocal",
  sin: "Sin",
  cos: "Cos",
  tan: "Tan",
  asin: "Asin",
  acos: "Acos",
  atan: "Atan",
  sinh: "Sinh",
  cosh: "Cosh",
  asinh: "Asinh",
  acosh: "Acosh",
  atanh: "Atanh",
  erf: "Erf",
  softsign: "Softsign",
  mish: "Mish",
};

/** Functions with numbers: the operator, and its names of alpha and beta. */
const shaped: Readonly<Record<string, readonly [op: string, ...names: string[]]>> = {
  selu: ["Selu", "alpha", "gamma"],
  celu: ["Celu", "alpha"],
  elu: ["Elu", "alpha"],
  hardSigmoid: ["HardSigmoid", "alpha", "beta"],
  thresholdedRelu: ["ThresholdedRelu", "alpha"],
  leakyRelu: ["LeakyRelu", "alpha"],
  shrink: ["Shrink", "bias", "lambd"],
};

/** Thaw's numbers that are not 0 are true, and truth is 1. */
const truth: Readonly<Record<string, (w: GraphWriter, x: string) => string>> = {
  not: (w, x) => w.node("Not", [cast(w, x, "bool")]),
  isnan: (w, x) => w.node("IsNaN", [x]),
  isinf: (w, x) => w.node("IsInf", [x]),
  toBool: (w, x) => cast(w, x, "bool"),
};

function unary(w: GraphWriter, x: string, attrs: UnaryAttrs): string {
  const { kind } = attrs;
  if (kind in plainFunctions) return w.node(plainFunctions[kind], [x]);
  if (kind in truth) return cast(w, truth[kind](w, x), "float");
  if (kind in shaped) {
    const [op, first, second] = shaped[kind];
    const given: Record<string, SavedAttributes[string]> = {};
    if (attrs.alpha !== undefined) given[first] = float(attrs.alpha);
    if (second && attrs.beta !== undefined) given[second] = float(attrs.beta);
    return w.node(op, [x], given);
  }
  switch (kind) {
    case "logSigmoid": // without the logarithm of a number that has become 0
      return w.node("Neg", [w.node("Softplus", [w.node("Neg", [x])])]);
    case "toInt":
      return cast(w, cast(w, x, "int64"), "float");
    default:
      return clip(w, x, attrs.min, attrs.max);
  }
}

/** x above 0, slope * x below. */
export const prelu: WriteOperation = (w, { inputs: { x, slope }, outputs: { y } }) => {
  const order = w.orderOf(x);
  w.set(y, w.node("PRelu", [w.as(x, order), w.broadcast(slope, order)]), order);
};

export const activations: OperationWriters = { activation: ofEach(activation), unary: ofEach(unary) };
