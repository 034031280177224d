import { broadcastIndex } from "../elementwise/elementwise.reference";
import { elements } from "../operation";
import { reference } from "../reference";
import type { ArithmeticAttrs, ArithmeticGradientAttrs, ArithmeticKind } from "./arithmetic";

type F = (a: number, b: number) => number;

const modulo: F = (a, b) => a - b * Math.floor(a / b);
const zero: F = () => 0;

/** Value, and derivatives with respect to a and b. */
const functions: Readonly<Record<ArithmeticKind, readonly [F, F, F]>> = {
  sub: [(a, b) => a - b, () => 1, () => -1],
  div: [(a, b) => a / b, (_, b) => 1 / b, (a, b) => -a / b ** 2],
  pow: [Math.pow, (a, b) => (b === 0 ? 0 : b * a ** (b - 1)), (a, b) => (a > 0 ? a ** b * Math.log(a) : 0)],
  min: [Math.min, (a, b) => Number(a <= b), (a, b) => Number(a > b)],
  max: [Math.max, (a, b) => Number(a >= b), (a, b) => Number(a < b)],
  mod: [modulo, () => 1, (a, b) => -Math.floor(a / b)],
  fmod: [(a, b) => a % b, () => 1, (a, b) => -Math.trunc(a / b)],
  equal: [(a, b) => Number(a === b), zero, zero],
  less: [(a, b) => Number(a < b), zero, zero],
  lessOrEqual: [(a, b) => Number(a <= b), zero, zero],
  greater: [(a, b) => Number(a > b), zero, zero],
  greaterOrEqual: [(a, b) => Number(a >= b), zero, zero],
  and: [(a, b) => Number(a !== 0 && b !== 0), zero, zero],
  or: [(a, b) => Number(a !== 0 || b !== 0), zero, zero],
  xor: [(a, b) => Number((a !== 0) !== (b !== 0)), zero, zero],
  quotient: [(a, b) => Math.trunc(a / b), zero, zero],
};

export const arithmeticReference = reference<ArithmeticAttrs>("arithmetic", ({ kind }, { a, b }, shapes) => ({
  y: Float64Array.from({ length: elements(shapes.y!) }, (_, i) =>
    functions[kind][0](a![broadcastIndex(i, shapes.y!, shapes.a!)], b![broadcastIndex(i, shapes.y!, shapes.b!)]),
  ),
}));

export const whereReference = reference<object>("where", (_, { c, a, b }, shapes) => {
  const at = (i: number, name: string) => broadcastIndex(i, shapes.y!, shapes[name]!);
  return {
    y: Float64Array.from({ length: elements(shapes.y!) }, (__, i) =>
      c![at(i, "c")] !== 0 ? a![at(i, "a")] : b![at(i, "b")],
    ),
  };
});

export const arithmeticGradientReference = reference<ArithmeticGradientAttrs>(
  "arithmeticGradient",
  ({ kind, of, shape }, { dy, a, b }, shapes) => {
    const dx = new Float64Array(elements(shape));
    const at = (i: number, name: string) => broadcastIndex(i, shapes.dy!, shapes[name]!);
    dy!.forEach((d, i) => {
      const [p, q] = [a ? a[at(i, "a")] : 0, b ? b[at(i, "b")] : 0];
      const chosen = Number((p !== 0) === (of === "a"));
      const slope = kind === "where" ? chosen : functions[kind][of === "a" ? 1 : 2](p, q);
      dx[broadcastIndex(i, shapes.dy!, shape)] += d * slope;
    });
    return { dx };
  },
  ({ shape }, { dy }) => elements(dy!) / elements(shape),
);
