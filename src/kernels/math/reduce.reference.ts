import { elements, type Shape } from "../operation";
import { reference } from "../reference";
import type { ArgReduceAttrs, ReduceAttrs, ReduceGradientAttrs } from "./reduce";

/** The places in x behind each result, in the order of memory. */
function groups(x: Shape, axes: readonly number[]): number[][] {
  const found = new Map<string, number[]>();
  for (let i = 0; i < elements(x); i++) {
    let rest = i;
    const at = x.map(() => 0);
    for (let a = x.length - 1; a >= 0; a--) {
      at[a] = rest % x[a];
      rest = Math.floor(rest / x[a]);
    }
    const key = at.filter((_, a) => !axes.includes(a)).join();
    const list = found.get(key);
    if (list) list.push(i);
    else found.set(key, [i]);
  }
  return [...found.values()];
}

const sum = (v: readonly number[]) => v.reduce((a, b) => a + b, 0);
const product = (v: readonly number[]) => v.reduce((a, b) => a * b, 1);

const functions: Readonly<Record<ReduceAttrs["kind"], (v: readonly number[]) => number>> = {
  sum,
  mean: (v) => sum(v) / v.length,
  max: (v) => Math.max(...v),
  min: (v) => Math.min(...v),
  prod: product,
  l1: (v) => sum(v.map(Math.abs)),
  l2: (v) => Math.sqrt(sum(v.map((a) => a * a))),
  logSum: (v) => Math.log(sum(v)),
  logSumExp: (v) => Math.log(sum(v.map(Math.exp))),
  sumSquare: (v) => sum(v.map((a) => a * a)),
};

export const reduceReference = reference<ReduceAttrs>(
  "reduce",
  ({ kind, axes }, { x }, shapes) => ({
    y: Float64Array.from(groups(shapes.x!, axes), (places) => functions[kind](places.map((i) => x![i]))),
  }),
  (_, { x, y }) => elements(x!) / elements(y!),
);

type Slope = (v: readonly number[], k: number, y: number) => number;

const share: Slope = (v, k, y) => (v[k] === y ? 1 / v.filter((a) => a === y).length : 0);

const slopes: Readonly<Record<ReduceAttrs["kind"], Slope>> = {
  sum: () => 1,
  mean: (v) => 1 / v.length,
  max: share,
  min: share,
  prod: (v, k) => product(v.filter((_, i) => i !== k)),
  l1: (v, k) => Math.sign(v[k]),
  l2: (v, k, y) => (y === 0 ? 0 : v[k] / y),
  logSum: (_, __, y) => Math.exp(-y),
  logSumExp: (v, k, y) => Math.exp(v[k] - y),
  sumSquare: (v, k) => 2 * v[k],
};

export const reduceGradientReference = reference<ReduceGradientAttrs>(
  "reduceGradient",
  ({ kind, axes, inputShape }, { dy, x, y }) => {
    const dx = new Float64Array(elements(inputShape));
    for (const [j, places] of groups(inputShape, axes).entries()) {
      const values = places.map((i) => x?.[i] ?? 0);
      places.forEach((i, k) => (dx[i] = dy![j] * slopes[kind](values, k, y?.[j] ?? 0)));
    }
    return { dx };
  },
  ({ kind }, { dx, dy }) => (kind === "prod" ? elements(dx!) / elements(dy!) : 1),
);

export const argReduceReference = reference<ArgReduceAttrs>(
  "argReduce",
  ({ kind, axis, last = false }, { x }, shapes) => ({
    y: Float64Array.from(groups(shapes.x!, [axis]), (places) => {
      const values = places.map((i) => x![i]);
      const extreme = kind === "argmax" ? Math.max(...values) : Math.min(...values);
      return last ? values.lastIndexOf(extreme) : values.indexOf(extreme);
    }),
  }),
);
