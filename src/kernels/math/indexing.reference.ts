import { broadcastIndex } from "../elementwise/elementwise.reference";
import { elements, type Shape } from "../operation";
import { reference } from "../reference";
import type { CumSumAttrs } from "./cumSum";
import type { ExpandAttrs } from "./expand";
import type { GatherAxisAttrs, GatherAxisGradientAttrs } from "./gatherAxis";

export const expandReference = reference<ExpandAttrs>("expand", (_, { x }, shapes) => ({
  y: Float64Array.from({ length: elements(shapes.y!) }, (__, i) => x![broadcastIndex(i, shapes.y!, shapes.x!)]),
}));

/** Calls `visit` for each element of y with its place, that of the element of x it takes, and nothing else. */
function everyPick(
  single: boolean,
  axis: number,
  x: Shape,
  indices: Float64Array,
  picks: number,
  visit: (to: number, from: number) => void,
): void {
  const [outer, inner] = [elements(x.slice(0, axis)), elements(x.slice(axis + 1))];
  for (let o = 0; o < outer; o++)
    for (let k = 0; k < picks; k++)
      for (let i = 0; i < inner; i++) {
        const to = (o * picks + k) * inner + i;
        const index = indices[single ? to : k];
        visit(to, (o * x[axis] + (index < 0 ? index + x[axis] : index)) * inner + i);
      }
}

const picksOf = (single: boolean, axis: number, index: Shape) => (single ? index[axis] : elements(index));

const forward = (name: string, single: boolean) =>
  reference<GatherAxisAttrs>(name, ({ axis }, { x, indices }, shapes) => {
    const y = new Float64Array(elements(shapes.y!));
    const picks = picksOf(single, axis, shapes.indices!);
    everyPick(single, axis, shapes.x!, indices!, picks, (to, from) => (y[to] = x![from]));
    return { y };
  });

const backward = (name: string, single: boolean) =>
  reference<GatherAxisGradientAttrs>(
    name,
    ({ axis, inputShape }, { dy, indices }, shapes) => {
      const dx = new Float64Array(elements(inputShape));
      const picks = picksOf(single, axis, shapes.indices!);
      everyPick(single, axis, inputShape, indices!, picks, (to, from) => (dx[from] += dy![to]));
      return { dx };
    },
    ({ axis }, { indices }) => picksOf(single, axis, indices!),
  );

export const gatherAxisReference = forward("gatherAxis", false);
export const gatherElementsReference = forward("gatherElements", true);
export const gatherAxisGradientReference = backward("gatherAxisGradient", false);
export const gatherElementsGradientReference = backward("gatherElementsGradient", true);

export const cumSumReference = reference<CumSumAttrs>(
  "cumSum",
  ({ axis, exclusive = false, reverse = false }, { x }, shapes) => {
    const [length, inner] = [shapes.x![axis], elements(shapes.x!.slice(axis + 1))];
    const y = x!.map((_, n) => {
      const k = Math.floor(n / inner) % length;
      let sum = 0;
      for (let l = 0; l < length; l++) {
        const counts = l === k ? !exclusive : reverse ? l > k : l < k;
        if (counts) sum += x![n + (l - k) * inner];
      }
      return sum;
    });
    return { y };
  },
  ({ axis }, { x }) => x![axis],
);
