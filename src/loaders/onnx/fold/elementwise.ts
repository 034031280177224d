/** Folding of elementwise operations: what shape arithmetic and exported constants are made of. */
import { ThawError } from "../../../errors";
import { describe } from "../attributes";
import {
  broadcastDims,
  broadcastStrides,
  checkFolded,
  product,
  walk,
  type HostTensor,
  type Kind,
} from "../host-tensor";
import type { OnnxNode } from "../ir";

type Two = (a: number, b: number) => number;

const bit = (value: boolean) => (value ? 1 : 0);

const comparisons: Readonly<Record<string, Two>> = {
  Equal: (a, b) => bit(a === b),
  Less: (a, b) => bit(a < b),
  LessOrEqual: (a, b) => bit(a <= b),
  Greater: (a, b) => bit(a > b),
  GreaterOrEqual: (a, b) => bit(a >= b),
  And: (a, b) => bit(a !== 0 && b !== 0),
  Or: (a, b) => bit(a !== 0 || b !== 0),
  Xor: (a, b) => bit((a !== 0) !== (b !== 0)),
};

const arithmetic: Readonly<Record<string, Two>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Min: Math.min,
  Max: Math.max,
};

const unary: Readonly<Record<string, (x: number) => number>> = {
  Neg: (x) => -x,
  Abs: Math.abs,
  Sqrt: Math.sqrt,
  Reciprocal: (x) => 1 / x,
  Exp: Math.exp,
  Log: Math.log,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Sign: Math.sign,
  Not: (x) => bit(x === 0),
  Sin: Math.sin,
  Cos: Math.cos,
  Tanh: Math.tanh,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Relu: (x) => Math.max(x, 0),
  Softplus: (x) => Math.log1p(Math.exp(x)),
  // To the nearest, halves to the even number.
  Round: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
};

/** The float array for floats, float64 for whole numbers, bytes for truth values. */
function made(kind: Kind, dims: readonly number[], who: string): HostTensor {
  const count = product(dims);
  checkFolded(who, count);
  const data =
    kind === "float" ? new Float32Array(count) : kind === "int" ? new Float64Array(count) : new Uint8Array(count);
  return { dims, kind, data };
}

/** A weight that is only calculated with stays a weight: its numbers came from training. */
const weightOf = (...inputs: readonly HostTensor[]) => {
  const weight = inputs.find((x) => x.weight !== undefined && product(x.dims) > 1)?.weight;
  return weight === undefined ? {} : { weight };
};

function combine(
  who: string,
  kind: Kind,
  inputs: readonly HostTensor[],
  f: (...values: number[]) => number,
): HostTensor {
  const dims = broadcastDims(who, ...inputs.map((x) => x.dims));
  const result = made(kind, dims, who);
  const strides = inputs.map((x) => broadcastStrides(x.dims, dims));
  const data = inputs.map((x) => x.data);
  walk(dims, strides, (at, offsets) => (result.data[at] = f(...offsets.map((o, k) => data[k][o]))));
  return { ...result, ...weightOf(...inputs) };
}

/** Result of an elementwise node with constant inputs, or undefined where the operator is none of these. */
export function foldElementwise(node: OnnxNode, inputs: readonly HostTensor[]): HostTensor | undefined {
  const who = describe(node);
  const { op } = node;
  const [a, b, c] = inputs;
  if (Object.hasOwn(comparisons, op) && b) return combine(who, "bool", [a, b], comparisons[op]);
  if (Object.hasOwn(arithmetic, op) && b) {
    const two = arithmetic[op];
    const whole = a.kind !== "float" && op === "Div" ? (x: number, y: number) => Math.trunc(divided(who, x, y)) : two;
    return inputs.slice(1).reduce((sum, x) => combine(who, sum.kind, [sum, x], whole), a);
  }
  if (op === "Mod" && b) {
    const truncating = node.attributes.get("fmod") === 1;
    return combine(who, a.kind, [a, b], (x, y) => (truncating ? x % y : x - y * Math.floor(divided(who, x, y))));
  }
  if (Object.hasOwn(unary, op)) return combine(who, op === "Not" ? "bool" : a.kind, [a], unary[op]);
  if (op === "Where" && c) return combine(who, b.kind, [a, b, c], (w, x, y) => (w !== 0 ? x : y));
  if (op === "Cast" || op === "CastLike") return cast(node, inputs);
  if (op === "Clip") {
    const low = inputs[1]?.data[0] ?? (node.attributes.get("min") as number | undefined) ?? -Infinity;
    const high = inputs[2]?.data[0] ?? (node.attributes.get("max") as number | undefined) ?? Infinity;
    return combine(who, a.kind, [a], (x) => Math.min(Math.max(x, low), high));
  }
  return undefined;
}

function divided(who: string, x: number, y: number): number {
  if (y === 0) throw new ThawError(who, `divides ${x} by 0`, "a divisor that is not 0");
  return x / y;
}

const floats = new Set([1, 10, 11, 16]);

function cast(node: OnnxNode, [x, target]: readonly HostTensor[]): HostTensor {
  const to = Number(node.attributes.get("to") ?? 1);
  const kind: Kind = node.op === "CastLike" ? target.kind : to === 9 ? "bool" : floats.has(to) ? "float" : "int";
  if (kind === x.kind) return x;
  const change = kind === "bool" ? (v: number) => bit(v !== 0) : kind === "int" ? Math.trunc : (v: number) => v;
  return combine(describe(node), kind, [x], change);
}
