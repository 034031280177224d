import { elements, type Shape } from "../operation";
import { reference } from "../reference";
import type { ResizeAttrs, ResizeGradientAttrs } from "./resize";

/** Where element p of an axis lies in the image: the text of ONNX's operator Resize. Names are those of the text. */
function original(attrs: ResizeAttrs, axis: 0 | 1, p: number, lengthOriginal: number): number {
  const scale = attrs.scales?.[axis] ?? attrs.size[axis] / lengthOriginal;
  const lengthResized = scale * lengthOriginal;
  switch (attrs.coordinates) {
    case "half_pixel":
      return (p + 0.5) / scale - 0.5;
    case "half_pixel_symmetric": {
      const adjustment = attrs.size[axis] / lengthResized;
      const center = lengthOriginal / 2;
      const offset = center * (1 - adjustment);
      return offset + (p + 0.5) / scale - 0.5;
    }
    case "pytorch_half_pixel":
      return attrs.size[axis] > 1 ? (p + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return attrs.size[axis] > 1 ? (p * (lengthOriginal - 1)) / (lengthResized - 1) : 0;
    case "asymmetric":
      return p / scale;
    case "tf_crop_and_resize": {
      const [start, end] = [attrs.roi![axis], attrs.roi![axis + 2]];
      return attrs.size[axis] > 1
        ? start * (lengthOriginal - 1) + (p * (end - start) * (lengthOriginal - 1)) / (lengthResized - 1)
        : 0.5 * (start + end) * (lengthOriginal - 1);
    }
  }
}

/** Halves and ends are recognized to 1/4096. */
const steady = (u: number) => Math.round(u * 4096) / 4096;

function keys(d: number, a: number): number {
  const x = Math.abs(d);
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
}

/** Weights of the elements of the image; undefined beside it. */
function weights(attrs: ResizeAttrs, axis: 0 | 1, p: number, n: number): Map<number, number> | undefined {
  const u = original(attrs, axis, p, n);
  if (attrs.coordinates === "tf_crop_and_resize" && (steady(u) < 0 || steady(u) > n - 1)) return undefined;
  const inside = (k: number) => Math.min(Math.max(k, 0), n - 1);
  if (attrs.mode === "nearest") {
    const v = steady(u);
    const rounded = {
      round_prefer_floor: Math.ceil(v - 0.5),
      round_prefer_ceil: Math.floor(v + 0.5),
      floor: Math.floor(v),
      ceil: Math.ceil(v),
    };
    return new Map([[inside(rounded[attrs.nearestMode ?? "round_prefer_floor"]), 1]]);
  }
  const scale = attrs.scales?.[axis] ?? attrs.size[axis] / n;
  const stretch = attrs.antialias ? Math.min(scale, 1) : 1;
  const found = new Map<number, number>();
  let total = 0;
  for (let k = Math.floor(u - 2 / stretch); k <= Math.ceil(u + 2 / stretch); k++) {
    if (attrs.excludeOutside && k !== inside(k)) continue;
    const d = stretch * (k - u);
    const weight = attrs.mode === "linear" ? Math.max(0, 1 - Math.abs(d)) : keys(d, attrs.cubicCoeff ?? -0.75);
    found.set(inside(k), (found.get(inside(k)) ?? 0) + weight);
    total += weight;
  }
  return new Map([...found].map(([k, weight]) => [k, weight / total]));
}

/** Calls `visit` with the place of a resized element, that of one in the image (undefined: beside it) and the weight. */
function forEachWeight(
  attrs: ResizeAttrs,
  [batch, rows, columns, channels]: Shape,
  visit: (o: number, i: number | undefined, weight: number) => void,
): void {
  const [height, width] = attrs.size;
  for (let p = 0; p < height; p++)
    for (let q = 0; q < width; q++) {
      const [down, across] = [weights(attrs, 0, p, rows), weights(attrs, 1, q, columns)];
      for (let n = 0; n < batch; n++)
        for (let c = 0; c < channels; c++) {
          const o = ((n * height + p) * width + q) * channels + c;
          if (!down || !across) visit(o, undefined, 1);
          else
            for (const [row, a] of down)
              for (const [column, b] of across) visit(o, ((n * rows + row) * columns + column) * channels + c, a * b);
        }
    }
}

export const resizeReference = reference<ResizeAttrs>(
  "resize",
  (attrs, { x }, shapes) => {
    const y = new Float64Array(elements(shapes.y!));
    forEachWeight(attrs, shapes.x!, (o, i, weight) => {
      y[o] += i === undefined ? (attrs.extrapolation ?? 0) : weight * x![i];
    });
    return { y };
  },
  () => 16,
);

export const resizeGradientReference = reference<ResizeGradientAttrs>(
  "resizeGradient",
  (attrs, { dy }) => {
    const dx = new Float64Array(elements(attrs.inputShape));
    forEachWeight(attrs, attrs.inputShape, (o, i, weight) => {
      if (i !== undefined) dx[i] += weight * dy![o];
    });
    return { dx };
  },
  (_, { dy, dx }) => 16 + (16 * elements(dy!)) / elements(dx!),
);
