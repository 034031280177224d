import { reference, type Reference } from "../reference";
import { elements, type Shape } from "../operation";
import type { GlobalPoolGradientAttrs } from "./globalPooling";

/** Calls `visit` for each (n, c) with the indices of all its positions. */
function forEachChannel(x: Shape, visit: (o: number, positions: readonly number[]) => void): void {
  const channels = x.at(-1)!;
  const count = elements(x.slice(1, -1));
  for (let n = 0; n < x[0]; n++)
    for (let c = 0; c < channels; c++)
      visit(
        n * channels + c,
        Array.from({ length: count }, (_, p) => (n * count + p) * channels + c),
      );
}

const positions: Reference["terms"] = (_, { x }) => elements(x!.slice(1, -1));

export const globalAveragePoolReference = reference<object>(
  "globalAveragePool",
  (_, { x }, shapes) => {
    const y = new Float64Array(elements(shapes.y!));
    forEachChannel(shapes.x!, (o, at) => {
      y[o] = at.reduce((sum, i) => sum + x![i], 0) / at.length;
    });
    return { y };
  },
  positions,
);

export const globalMaxPoolReference = reference<object>("globalMaxPool", (_, { x }, shapes) => {
  const y = new Float64Array(elements(shapes.y!));
  forEachChannel(shapes.x!, (o, at) => {
    y[o] = Math.max(...at.map((i) => x![i]));
  });
  return { y };
});

export const globalAveragePoolGradientReference = reference<GlobalPoolGradientAttrs>(
  "globalAveragePoolGradient",
  ({ inputShape }, { dy }, shapes) => {
    const dx = new Float64Array(elements(shapes.dx!));
    forEachChannel(inputShape, (o, at) => {
      for (const i of at) dx[i] = dy![o] / at.length;
    });
    return { dx };
  },
);

export const globalMaxPoolGradientReference = reference<object>("globalMaxPoolGradient", (_, { dy, x, y }, shapes) => {
  const dx = new Float64Array(elements(shapes.dx!));
  forEachChannel(shapes.x!, (o, at) => {
    const ties = at.filter((i) => x![i] === y![o]);
    for (const i of ties) dx[i] = dy![o] / ties.length;
  });
  return { dx };
});
