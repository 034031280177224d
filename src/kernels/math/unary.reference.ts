import { erf } from "../activation/activation.reference";
import { reference } from "../reference";
import { unaryNumbers, type UnaryAttrs, type UnaryKind } from "./unary";

type F = (x: number, alpha: number, beta: number) => number;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const bool = (b: boolean) => Number(b);
const zero: F = () => 0;

/** The nearest whole number, the even one of two. */
function roundEven(x: number): number {
  const low = Math.floor(x);
  return x - low === 0.5 ? 2 * Math.round(low / 2) : Math.round(x);
}

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const elu: F = (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x));
const eluSlope: F = (x, alpha) => (x > 0 ? 1 : alpha * Math.exp(x));

/** f and f', except for those that depend on whether bounds are there. */
const functions: Readonly<Record<Exclude<UnaryKind, "clip">, readonly [F, F]>> = {
  abs: [Math.abs, Math.sign],
  ceil: [Math.ceil, zero],
  floor: [Math.floor, zero],
  round: [roundEven, zero],
  sign: [Math.sign, zero],
  neg: [(x) => -x, () => -1],
  exp: [Math.exp, Math.exp],
  log: [Math.log, (x) => 1 / x],
  sqrt: [Math.sqrt, (x) => 0.5 / Math.sqrt(x)],
  reciprocal: [(x) => 1 / x, (x) => -1 / x ** 2],
  sin: [Math.sin, Math.cos],
  cos: [Math.cos, (x) => -Math.sin(x)],
  tan: [Math.tan, (x) => 1 / Math.cos(x) ** 2],
  asin: [Math.asin, (x) => 1 / Math.sqrt(1 - x * x)],
  acos: [Math.acos, (x) => -1 / Math.sqrt(1 - x * x)],
  atan: [Math.atan, (x) => 1 / (1 + x * x)],
  sinh: [Math.sinh, Math.cosh],
  cosh: [Math.cosh, Math.sinh],
  asinh: [Math.asinh, (x) => 1 / Math.sqrt(x * x + 1)],
  acosh: [Math.acosh, (x) => 1 / Math.sqrt(x * x - 1)],
  atanh: [Math.atanh, (x) => 1 / (1 - x * x)],
  erf: [erf, (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)],
  not: [(x) => bool(x === 0), zero],
  isnan: [(x) => bool(Number.isNaN(x)), zero],
  isinf: [(x) => bool(Math.abs(x) === Infinity), zero],
  selu: [(x, alpha, gamma) => gamma * elu(x, alpha, 0), (x, alpha, gamma) => gamma * eluSlope(x, alpha, 0)],
  celu: [
    (x, alpha) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha)),
    (x, alpha) => (x > 0 ? 1 : Math.exp(x / alpha)),
  ],
  elu: [elu, eluSlope],
  hardSigmoid: [
    (x, a, b) => Math.min(Math.max(a * x + b, 0), 1),
    (x, a, b) => (a * x + b > 0 && a * x + b < 1 ? a : 0),
  ],
  thresholdedRelu: [(x, alpha) => (x > alpha ? x : 0), (x, alpha) => bool(x > alpha)],
  softsign: [(x) => x / (1 + Math.abs(x)), (x) => 1 / (1 + Math.abs(x)) ** 2],
  mish: [
    (x) => x * Math.tanh(softplus(x)),
    (x) => Math.tanh(softplus(x)) + (x * sigmoid(x)) / Math.cosh(softplus(x)) ** 2,
  ],
  leakyRelu: [(x, alpha) => (x >= 0 ? x : alpha * x), (x, alpha) => (x >= 0 ? 1 : alpha)],
  shrink: [
    (x, bias, lambd) => (x < -lambd ? x + bias : x > lambd ? x - bias : 0),
    (x, _, lambd) => bool(Math.abs(x) > lambd),
  ],
  logSigmoid: [(x) => -softplus(-x), (x) => sigmoid(-x)],
  toInt: [Math.trunc, zero],
  toBool: [(x) => bool(x !== 0), zero],
};

function pair(attrs: UnaryAttrs): readonly [F, F] {
  if (attrs.kind !== "clip") return functions[attrs.kind];
  const { min = -Infinity, max = Infinity } = attrs;
  return [(x) => Math.min(Math.max(x, min), max), (x) => bool(x >= min && x <= max)];
}

export const unaryReference = reference<UnaryAttrs>("unary", (attrs, { x }) => ({
  y: x!.map((v) => pair(attrs)[0](v, ...unaryNumbers(attrs))),
}));

export const unaryGradientReference = reference<UnaryAttrs>("unaryGradient", (attrs, { dy, x }) => ({
  dx: x!.map((v, i) => dy![i] * pair(attrs)[1](v, ...unaryNumbers(attrs))),
}));
