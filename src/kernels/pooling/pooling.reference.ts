import { reference, type Reference } from "../reference";
import { elements, type Shape } from "../operation";
import type { PoolAttrs, PoolGradientAttrs } from "./window";

type Visit = (o: number, window: readonly number[]) => void;

/** Calls `visit` for each output element with the indices of the input elements in its window, in row-major order. */
function forEachWindow({ size, strides, pads }: PoolAttrs, x: Shape, y: Shape, visit: Visit): void {
  const [, height, width, channels] = x;
  const [batch, outHeight, outWidth] = y;
  let o = 0;
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < outHeight; p++)
      for (let q = 0; q < outWidth; q++)
        for (let c = 0; c < channels; c++) {
          const window: number[] = [];
          for (let i = 0; i < size[0]; i++)
            for (let j = 0; j < size[1]; j++) {
              const h = p * strides[0] - pads[0] + i;
              const w = q * strides[1] - pads[2] + j;
              if (h >= 0 && h < height && w >= 0 && w < width)
                window.push(((n * height + h) * width + w) * channels + c);
            }
          visit(o++, window);
        }
}

const windowSize: Reference<PoolAttrs>["terms"] = ({ size }) => size[0] * size[1];

export const maxPoolReference = reference<PoolAttrs>("maxPool", (attrs, { x }, shapes) => {
  const y = new Float64Array(elements(shapes.y!));
  forEachWindow(attrs, shapes.x!, shapes.y!, (o, window) => {
    y[o] = Math.max(...window.map((i) => x![i]));
  });
  return { y };
});

export const averagePoolReference = reference<PoolAttrs>(
  "averagePool",
  (attrs, { x }, shapes) => {
    const y = new Float64Array(elements(shapes.y!));
    forEachWindow(attrs, shapes.x!, shapes.y!, (o, window) => {
      y[o] = window.reduce((sum, i) => sum + x![i], 0) / window.length;
    });
    return { y };
  },
  windowSize,
);

export const maxPoolGradientReference = reference<PoolGradientAttrs>(
  "maxPoolGradient",
  (attrs, { dy, x, y }, shapes) => {
    const dx = new Float64Array(elements(shapes.dx!));
    forEachWindow(attrs, attrs.inputShape, shapes.dy!, (o, window) => {
      const first = window.find((i) => x![i] === y![o]);
      if (first !== undefined) dx[first] += dy![o];
    });
    return { dx };
  },
  windowSize,
);

export const averagePoolGradientReference = reference<PoolGradientAttrs>(
  "averagePoolGradient",
  (attrs, { dy }, shapes) => {
    const dx = new Float64Array(elements(shapes.dx!));
    forEachWindow(attrs, attrs.inputShape, shapes.dy!, (o, window) => {
      for (const i of window) dx[i] += dy![o] / window.length;
    });
    return { dx };
  },
  windowSize,
);
