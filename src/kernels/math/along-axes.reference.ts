import { elements, type Shape } from "../operation";
import { reference } from "../reference";
import type { PadModeAttrs, PadModeGradientAttrs, StridedSliceAttrs, StridedSliceGradientAttrs } from "./alongAxes";

/** For each element of `to`, in the order of memory, the place in `from` that its coordinates lead to; undefined: nowhere. */
function places(
  to: Shape,
  from: Shape,
  lead: (at: number, axis: number) => number | undefined,
): (number | undefined)[] {
  return Array.from({ length: elements(to) }, (_, i) => {
    let [rest, place, stride] = [i, 0, 1];
    for (let a = to.length - 1; a >= 0; a--) {
      const source = lead(rest % to[a], a);
      if (source === undefined) return undefined;
      place += source * stride;
      stride *= from[a];
      rest = Math.floor(rest / to[a]);
    }
    return place;
  });
}

const slicePlaces = ({ begin, steps, size }: StridedSliceAttrs, x: Shape) =>
  places(size, x, (at, a) => begin[a] + at * steps[a]) as number[];

export const stridedSliceReference = reference<StridedSliceAttrs>("stridedSlice", (attrs, { x }, shapes) => ({
  y: Float64Array.from(slicePlaces(attrs, shapes.x!), (i) => x![i]),
}));

export const stridedSliceGradientReference = reference<StridedSliceGradientAttrs>(
  "stridedSliceGradient",
  (attrs, { dy }) => {
    const dx = new Float64Array(elements(attrs.inputShape));
    slicePlaces(attrs, attrs.inputShape).forEach((to, from) => (dx[to] = dy![from]));
    return { dx };
  },
);

function padPlaces({ mode, before }: PadModeAttrs, x: Shape, y: Shape): (number | undefined)[] {
  return places(y, x, (at, a) => {
    const n = x[a];
    let t = at - before[a];
    if (mode === "edge") return Math.min(Math.max(t, 0), n - 1);
    if (mode === "constant") return t >= 0 && t < n ? t : undefined;
    if (mode === "wrap") return ((t % n) + n) % n;
    while (t < 0 || t >= n) t = t < 0 ? -t : 2 * (n - 1) - t;
    return t;
  });
}

export const padModeReference = reference<PadModeAttrs>("padMode", (attrs, { x }, shapes) => ({
  y: Float64Array.from(padPlaces(attrs, shapes.x!, shapes.y!), (i) => (i === undefined ? (attrs.value ?? 0) : x![i])),
}));

export const padModeGradientReference = reference<PadModeGradientAttrs>(
  "padModeGradient",
  (attrs, { dy }, shapes) => {
    const dx = new Float64Array(elements(attrs.inputShape));
    padPlaces(attrs, attrs.inputShape, shapes.dy!).forEach((to, from) => {
      if (to !== undefined) dx[to] += dy![from];
    });
    return { dx };
  },
  (_, { dy, dx }) => elements(dy!) / elements(dx!) + 4,
);
