import type { Activation } from "./activation";
import { reference } from "../reference";

export function erf(v: number): number {
  // Series for small arguments, continued fraction (as exp(-v^2) times a rational) is not needed: the Taylor series of
  // erf converges everywhere and 60 terms give full double precision for |v| < 4; beyond that erf is 1 to 1e-8.
  if (Math.abs(v) > 5) return Math.sign(v);
  let term = v;
  let sum = v;
  for (let n = 1; n < 120; n++) {
    term *= (-v * v) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v, low), high);

/** f(x), written as in Keras's documentation. */
export function activate(a: Activation, x: number): number {
  switch (a.kind) {
    case "linear":
      return x;
    case "relu": {
      const threshold = a.threshold ?? 0;
      return Math.min(x >= threshold ? x : (a.slope ?? 0) * (x - threshold), a.maxValue ?? Infinity);
    }
    case "sigmoid":
      return sigmoid(x);
    case "tanh":
      return Math.tanh(x);
    case "silu":
      return x * sigmoid(x);
    case "hardSigmoid":
      return clamp(x / 6 + 0.5, 0, 1);
    case "hardSilu":
      return x * clamp(x / 6 + 0.5, 0, 1);
    case "gelu":
      return 0.5 * x * (1 + erf(x / Math.SQRT2));
    case "geluTanh":
      return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    case "elu":
      return x > 0 ? x : (a.slope ?? 1) * (Math.exp(x) - 1);
    case "softplus":
      return Math.log1p(Math.exp(x));
  }
}

/** f'(x) by its formula; the gradient check compares it with differences of `activate`. */
function slopeAt(a: Activation, v: number): number {
  switch (a.kind) {
    case "linear":
      return 1;
    case "relu":
      return v >= (a.maxValue ?? Infinity) ? 0 : v > (a.threshold ?? 0) ? 1 : (a.slope ?? 0);
    case "sigmoid":
      return v * (1 - v); // v is y
    case "tanh":
      return 1 - v * v; // v is y
    case "silu":
      return sigmoid(v) * (1 + v * (1 - sigmoid(v)));
    case "hardSigmoid":
      return Math.abs(v) < 3 ? 1 / 6 : 0;
    case "hardSilu":
      return v >= 3 ? 1 : v <= -3 ? 0 : v / 3 + 0.5;
    case "gelu":
      return 0.5 * (1 + erf(v / Math.SQRT2)) + (v * Math.exp(-0.5 * v * v)) / Math.sqrt(2 * Math.PI);
    case "geluTanh": {
      const c = Math.sqrt(2 / Math.PI);
      const t = Math.tanh(c * (v + 0.044715 * v ** 3));
      return 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * c * (1 + 3 * 0.044715 * v * v);
    }
    case "elu":
      return v > 0 ? 1 : v + (a.slope ?? 1); // v is y
    case "softplus":
      return sigmoid(v);
  }
}

export const activationReference = reference<Activation>("activation", (a, { x }) => ({
  y: x!.map((v) => activate(a, v)),
}));

export const activationGradientReference = reference<Activation>(
  "activationGradient",
  (a, { dy, saved, scale }, shapes) => {
    const channels = shapes.dy!.at(-1) ?? 1;
    return { dx: dy!.map((d, i) => d * slopeAt(a, saved![i]) * (scale ? scale[i % channels] : 1)) };
  },
);
