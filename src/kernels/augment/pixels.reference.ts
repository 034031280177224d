import { pcg } from "../dropout/dropout.reference";
import type { Shape } from "../operation";
import { reference } from "../reference";
import { grid, type PixelsAttrs } from "./pixels";
import { entryFloats, headerFloats, kinds, recordFloats, slotFloats, type FillMode } from "./transforms";

const clamp = (v: number, lower: number, upper: number) => Math.min(Math.max(v, lower), upper);
const modulo = (i: number, n: number) => ((i % n) + n) % n;

/** The pixel that stands for a place outside; undefined for the constant. */
export function inside(i: number, size: number, mode: FillMode): number | undefined {
  if (i >= 0 && i < size) return i;
  if (mode === "nearest") return clamp(i, 0, size - 1);
  if (mode === "wrap") return modulo(i, size);
  if (mode === "constant") return undefined;
  const m = modulo(i, 2 * size);
  return m < size ? m : 2 * size - 1 - m;
}

/** One image moved by an affine map, which takes places of the result to places of the source, both from the centre. */
export function moved(
  image: Float64Array,
  [height, width, channels]: Shape,
  map: ArrayLike<number>,
  { fillMode, fillValue, interpolation }: Pick<PixelsAttrs, "fillMode" | "fillValue" | "interpolation">,
): Float64Array {
  const read = (row: number, column: number, c: number) => {
    const [i, j] = [inside(row, height, fillMode), inside(column, width, fillMode)];
    return i === undefined || j === undefined ? fillValue : image[(i * width + j) * channels + c];
  };
  return image.map((_, at) => {
    const c = at % channels;
    const x = (Math.floor(at / channels) % width) - (width - 1) / 2;
    const y = Math.floor(at / channels / width) - (height - 1) / 2;
    const u = map[0] * x + map[1] * y + map[2] + (width - 1) / 2;
    const v = map[3] * x + map[4] * y + map[5] + (height - 1) / 2;
    if (interpolation === "nearest") return read(Math.floor(v + 0.5), Math.floor(u + 0.5), c);
    const [i, j] = [Math.floor(v), Math.floor(u)];
    const above = read(i, j, c) * (1 - (u - j)) + read(i, j + 1, c) * (u - j);
    const below = read(i + 1, j, c) * (1 - (u - j)) + read(i + 1, j + 1, c) * (u - j);
    return above * (1 - (v - i)) + below * (v - i);
  });
}

/** Keras's rgb_to_hsv and back, with saturation multiplied and hue turned in between. */
function recoloured([r, g, b]: readonly number[], saturate: number, turn: number): number[] {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  if (value <= 0 || range <= 0) return [r, g, b];
  const saturation = clamp((range / value) * saturate, 0, 1);
  const hue = value === r ? (g - b) / range : value === g ? (b - r) / range + 2 : (r - g) / range + 4;
  const h = modulo(hue / 6 + turn, 1) * 6;
  const pure = [Math.abs(h - 3) - 1, 2 - Math.abs(h - 2), 2 - Math.abs(h - 4)].map((v) => clamp(v, 0, 1));
  return pure.map((p) => value * (1 - saturation + saturation * p));
}

const bytesOf = (w: number) => (w & 255) + ((w >>> 8) & 255) + ((w >>> 16) & 255) + (w >>> 24);

export function noise(key: number, i: number): number {
  const a = pcg((i ^ pcg(key)) >>> 0);
  const b = pcg(a);
  return (bytesOf(a) + bytesOf(b) + bytesOf(pcg(b)) - 1530) / 256;
}

/** Mean of each channel over the grid. */
function means(image: Float64Array, [height, width, channels]: Shape): number[] {
  const [rows, columns] = [grid(height), grid(width)];
  const sums: number[] = Array.from({ length: channels }, () => 0);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const row = Math.floor(((2 * i + 1) * height) / (2 * rows));
      const column = Math.floor(((2 * j + 1) * width) / (2 * columns));
      for (let c = 0; c < channels; c++) sums[c] += image[(row * width + column) * channels + c];
    }
  return sums.map((s) => s / (rows * columns));
}

/** One entry applied to a whole image. */
function recolour(image: Float64Array, shape: Shape, own: Float64Array, slot: Float64Array): Float64Array {
  const [, width, channels] = shape;
  const [kind, , , lower, upper, random, value, most] = own;
  const [drawn] = slot;
  if (kind === kinds.brightness) return image.map((v) => clamp(v + drawn, lower, upper));
  if (kind === kinds.contrast) {
    const mean = means(image, shape);
    return image.map((v, i) => clamp((v - mean[i % channels]) * drawn + mean[i % channels], lower, upper));
  }
  if (kind === kinds.erasing)
    return image.map((v, i) => {
      const pixel = Math.floor(i / channels);
      const [column, row] = [pixel % width, Math.floor(pixel / width)];
      if (column < slot[0] || column >= slot[1] || row < slot[2] || row >= slot[3]) return v;
      return random === 1 ? clamp(noise(slot[4], pixel * 4 + (i % channels)) * most, value, most) : value;
    });
  if (channels !== 3) return image;
  const result = image.slice();
  for (let i = 0; i < image.length; i += 3) {
    const pixel = image.subarray(i, i + 3);
    if (kind === kinds.grayscale) result.fill(0.2989 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2], i, i + 3);
    if (kind !== kinds.saturation && kind !== kinds.hue) continue;
    const rgb = Array.from(pixel, (v) => clamp((v - lower) / (upper - lower), 0, 1));
    const changed = recoloured(rgb, kind === kinds.saturation ? drawn : 1, kind === kinds.hue ? drawn : 0);
    result.set(
      changed.map((v) => v * (upper - lower) + lower),
      i,
    );
  }
  return result;
}

export const augmentPixelsReference = reference<PixelsAttrs>(
  "augmentPixels",
  (attrs, { x, list, parameters }, shapes) => {
    const [, ...shape] = shapes.x!;
    const size = shape.reduce((a, b) => a * b, 1);
    const y = new Float64Array(x!.length);
    const stride = recordFloats(attrs.entries);
    for (let n = 0; n * size < x!.length; n++) {
      const record = parameters!.subarray(n * stride, (n + 1) * stride);
      let image: Float64Array = x!.slice(n * size, (n + 1) * size);
      if (attrs.moves) image = moved(image, shape, record, attrs);
      for (let t = attrs.first; t < attrs.last; t++) {
        const slot = record.subarray(headerFloats + t * slotFloats, headerFloats + (t + 1) * slotFloats);
        if (slot[7] !== 0) image = recolour(image, shape, list!.subarray(t * entryFloats, (t + 1) * entryFloats), slot);
      }
      y.set(image, n * size);
    }
    return { y };
  },
  // A place is a sum of products of the size of the image, and interpolation and contrast multiply its error.
  (_, { x }) => 64 + x![1] * x![2],
);
