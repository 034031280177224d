import { reference, type Reference } from "../reference";
import { elements, type Shape } from "../operation";
import type { UpsampleAttrs } from "./upsample";

/** Which rows of the input make row p of the output, with which weights. The same for columns. */
function taps(p: number, scale: number, length: number, kind: UpsampleAttrs["interpolation"]): [number, number][] {
  if (kind === "nearest") return [[Math.floor(p / scale), 1]];
  const centre = (p + 0.5) / scale - 0.5;
  const lower = Math.floor(centre);
  const fraction = centre - lower;
  const inside = (row: number) => Math.min(Math.max(row, 0), length - 1);
  return [
    [inside(lower), 1 - fraction],
    [inside(lower + 1), fraction],
  ];
}

/** Calls `visit` with the indices of an output and an input element and the weight of the one in the other. */
function forEachTap(
  { size, interpolation }: UpsampleAttrs,
  [batch, height, width, channels]: Shape,
  visit: (o: number, i: number, weight: number) => void,
): void {
  const [sh, sw] = size;
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < height * sh; p++)
      for (let q = 0; q < width * sw; q++)
        for (const [row, a] of taps(p, sh, height, interpolation))
          for (const [column, b] of taps(q, sw, width, interpolation))
            for (let c = 0; c < channels; c++) {
              const o = ((n * height * sh + p) * width * sw + q) * channels + c;
              visit(o, ((n * height + row) * width + column) * channels + c, a * b);
            }
}

export const upsampleReference = reference<UpsampleAttrs>(
  "upsample",
  (attrs, { x }, shapes) => {
    const y = new Float64Array(elements(shapes.y!));
    forEachTap(attrs, shapes.x!, (o, i, weight) => {
      y[o] += weight * x![i];
    });
    return { y };
  },
  () => 4,
);

const collected: Reference<UpsampleAttrs>["terms"] = ({ size }) => 4 * size[0] * size[1];

export const upsampleGradientReference = reference<UpsampleAttrs>(
  "upsampleGradient",
  (attrs, { dy }, shapes) => {
    const dx = new Float64Array(elements(shapes.dx!));
    forEachTap(attrs, shapes.dx!, (o, i, weight) => {
      dx[i] += weight * dy![o];
    });
    return { dx };
  },
  collected,
);
