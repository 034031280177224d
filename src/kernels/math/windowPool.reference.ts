import { elements, type Shape } from "../operation";
import { reference, type Reference } from "../reference";
import type { WindowPoolAttrs, WindowPoolGradientAttrs } from "./windowPool";

/** Calls `visit` for each element of y with the places in x of its window, in row-major order, and the count of an average. */
function forEachWindow(
  { size, strides, dilation, pads, countIncludePad }: WindowPoolAttrs,
  [, height, width, channels]: Shape,
  [batch, outHeight, outWidth]: Shape,
  visit: (o: number, window: readonly number[], count: number) => void,
): void {
  const [top, bottom, left, right] = pads;
  let o = 0;
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < outHeight; p++)
      for (let q = 0; q < outWidth; q++)
        for (let c = 0; c < channels; c++) {
          const window: number[] = [];
          let padded = 0;
          for (let i = 0; i < size[0]; i++)
            for (let j = 0; j < size[1]; j++) {
              const h = p * strides[0] - top + i * dilation[0];
              const w = q * strides[1] - left + j * dilation[1];
              if (h < height + bottom && w < width + right) padded++;
              if (h >= 0 && h < height && w >= 0 && w < width)
                window.push(((n * height + h) * width + w) * channels + c);
            }
          visit(o++, window, countIncludePad ? padded : window.length);
        }
}

const terms: Reference<WindowPoolAttrs>["terms"] = ({ size }) => size[0] * size[1];
const sum = (v: readonly number[]) => v.reduce((a, b) => a + b, 0);

export const windowPoolReference = reference<WindowPoolAttrs>(
  "windowPool",
  (attrs, { x }, shapes) => {
    const y = new Float64Array(elements(shapes.y!));
    const { kind, p = 2 } = attrs;
    forEachWindow(attrs, shapes.x!, shapes.y!, (o, window, count) => {
      const values = window.map((i) => x![i]);
      if (kind === "max") y[o] = values.reduce((a, b) => Math.max(a, b), -3.4028234663852886e38);
      else if (kind === "average") y[o] = sum(values) / Math.max(count, 1);
      else y[o] = sum(values.map((v) => Math.abs(v) ** p)) ** (1 / p);
    });
    return { y };
  },
  terms,
);

export const windowPoolGradientReference = reference<WindowPoolGradientAttrs>(
  "windowPoolGradient",
  (attrs, { dy, x, y }, shapes) => {
    const dx = new Float64Array(elements(attrs.inputShape));
    const { kind, p = 2 } = attrs;
    forEachWindow(attrs, attrs.inputShape, shapes.dy!, (o, window, count) => {
      const first = kind === "max" ? window.find((i) => x![i] === y![o]) : undefined;
      for (const i of window) {
        if (kind === "max") dx[i] += i === first ? dy![o] : 0;
        else if (kind === "average") dx[i] += dy![o] / count;
        else if (x![i] !== 0) dx[i] += dy![o] * Math.sign(x![i]) * (Math.abs(x![i]) / y![o]) ** (p - 1);
      }
    });
    return { dx };
  },
  terms,
);
