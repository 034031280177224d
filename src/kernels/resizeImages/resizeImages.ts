/** Resizing of one image, as it comes from a decoder, to numbers or bytes [height, width, 3]. */
import { formatShape, ThawError } from "../../errors";
import type { Pair } from "../convolution";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { operation, type Case, type Lowering, type Shape } from "../operation";
import { wgsl } from "../late-program";

/** "nearest"; "bilinear" of the four pixels around; "antialias": bilinear that takes all pixels into account where the image shrinks. */
export type ResizeMethod = "nearest" | "bilinear" | "antialias";

/** Red, green and blue from 0 to 255. */
export type Rgb = readonly [number, number, number];

/** First row, first column, rows, columns. */
export type Box = readonly [number, number, number, number];

export interface ResizeImagesAttrs {
  /** Rows and columns of the result. */
  readonly size: Pair;
  readonly method: ResizeMethod;
  /** "rgba8": [rows, columns], a word a pixel, red in the low byte, not premultiplied. "float32": [rows, columns, 3], 0 to 255, as bits. */
  readonly format: "rgba8" | "float32";
  /** The part of the image that is resized: first row and column, rows and columns. */
  readonly frame: Box;
  /** Where it goes in the result. */
  readonly box: Box;
  /** What shows through where alpha is below 255. */
  readonly background: Rgb;
  /** Of what the result has around the box. */
  readonly pad: Rgb;
  /** Rounds to bytes, four in a word of the result, instead of f32. */
  readonly bytes: boolean;
}

interface Problem extends ResizeImagesAttrs {
  readonly image: Pair;
}

const methods = ["nearest", "bilinear", "antialias"] as const;
const wordOf = ([r, g, b]: Rgb) => r + 256 * g + 65536 * b;
const countOf = ({ size }: ResizeImagesAttrs) => 3 * size[0] * size[1];
const wordsOf = (p: ResizeImagesAttrs) => (p.bytes ? ceilDiv(countOf(p), 4) : countOf(p));

const betweenOf = ({ frame, box }: ResizeImagesAttrs) => 3 * frame[2] * box[3];
const imageWords = ({ image, format }: Problem) => image[0] * image[1] * (format === "float32" ? 3 : 1);

/** Pixels with a weight, of one axis: 0 rows, 1 columns. */
const taps = ({ method, frame, box }: ResizeImagesAttrs, axis: 0 | 1) =>
  method === "nearest" ? 1 : method === "bilinear" ? 2 : 2 * Math.max(1, frame[2 + axis] / box[2 + axis]);

export const resizeColumnsKernel: Kernel<Problem> = {
  program: wgsl("images", "resize_columns"),
  overrides: ({ method, format }) => ({ METHOD: methods.indexOf(method), FLOATS: format === "float32" }),
  params: (p) => ({
    rows: p.frame[2],
    width: p.image[1],
    top: p.frame[0],
    left: p.frame[1],
    extent: p.frame[3],
    resized: p.box[3],
    background: wordOf(p.background),
  }),
  workgroups: (p) => foldWorkgroups(ceilDiv(betweenOf(p) / 3, 64)),
  sizes: (p) => ({ image: imageWords(p), between: betweenOf(p) }),
  cost: (p) => ({ flops: 2 * taps(p, 1) * betweenOf(p), bytes: 4 * (imageWords(p) + betweenOf(p)) }),
};

export const resizeRowsKernel: Kernel<Problem> = {
  program: wgsl("images", "resize_rows"),
  overrides: ({ method, bytes }) => ({ METHOD: methods.indexOf(method), BYTES: bytes }),
  params: (p) => ({
    count: countOf(p),
    width: p.size[1],
    extent: p.frame[2],
    top: p.box[0],
    left: p.box[1],
    rows: p.box[2],
    columns: p.box[3],
    pad: wordOf(p.pad),
  }),
  workgroups: (p) => foldWorkgroups(ceilDiv(countOf(p), 256)),
  sizes: (p) => ({ between: betweenOf(p), y: wordsOf(p) }),
  cost: (p) => ({ flops: 2 * taps(p, 0) * countOf(p), bytes: 4 * (betweenOf(p) + wordsOf(p)) }),
};

const isByte = (v: number) => Number.isInteger(v) && v >= 0 && v <= 255;

function check(attrs: ResizeImagesAttrs, image: Shape | undefined): void {
  const { size, method, format, frame, box, background, pad } = attrs;
  const who = "resizeImages";
  const channels = format === "float32" ? [3] : [];
  if (!image || image.length !== 2 + channels.length || (channels.length > 0 && image[2] !== 3))
    throw new ThawError(
      who,
      `an image of shape ${formatShape(image)} as ${format}`,
      `[rows, columns${channels.length > 0 ? ", 3" : ""}]`,
    );
  if (size.length !== 2 || size.some((n) => !Number.isInteger(n) || n < 1))
    throw new ThawError(who, `size ${formatShape(size)}`, "two whole numbers from 1: rows and columns");
  if (!methods.includes(method)) throw new ThawError(who, `method "${method}"`, methods.join(", "));
  if (![...background, ...pad].every(isByte))
    throw new ThawError(who, `colours ${formatShape(background)} and ${formatShape(pad)}`, "bytes: red, green, blue");
  for (const [what, [top, left, rows, columns], all] of [
    ["frame", frame, image],
    ["box", box, size],
  ] as const) {
    const whole =
      [top, left, rows, columns].every(Number.isInteger) && top >= 0 && left >= 0 && rows > 0 && columns > 0;
    if (!whole || top + rows > all[0] || left + columns > all[1])
      throw new ThawError(who, `${what} ${formatShape([top, left, rows, columns])}`, `a part of ${formatShape(all)}`);
  }
  // Places are counted in 32-bit integers.
  if ([0, 1].some((axis) => 2 * (size[axis] + 1) * image[axis] >= 2 ** 31))
    throw new ThawError(who, `${image[0]} x ${image[1]} pixels to ${formatShape(size)}`, "smaller images");
}

function lower(attrs: ResizeImagesAttrs, image: Shape): Lowering {
  const problem: Problem = { ...attrs, image: [image[0], image[1]] };
  return {
    dispatches: [
      dispatch(resizeColumnsKernel, problem, { image: "image", between: "between" }),
      dispatch(resizeRowsKernel, problem, { between: "between", y: "y" }),
    ],
    scratch: { between: betweenOf(problem) },
  };
}

const bits = new DataView(new ArrayBuffer(4));
const word = (_: number, random: () => number) => Math.floor(random() * 2 ** 32);
const number = (_: number, random: () => number) => {
  bits.setFloat32(0, 255 * random());
  return bits.getUint32(0);
};

function example(
  image: Pair,
  size: Pair,
  method: ResizeMethod,
  more: Partial<ResizeImagesAttrs> = {},
): Case<ResizeImagesAttrs> {
  const frame = [0, 0, ...image] as const;
  const colours = { background: [255, 250, 7], pad: [0, 90, 201] } as const;
  const attrs: ResizeImagesAttrs = {
    size,
    method,
    format: "rgba8",
    frame,
    box: [0, 0, ...size],
    ...colours,
    bytes: false,
    ...more,
  };
  const floats = attrs.format === "float32";
  return { attrs, inputs: { image: floats ? [...image, 3] : image }, fill: { image: floats ? number : word } };
}

export const resizeImagesOperation = operation<ResizeImagesAttrs>({
  name: "resizeImages",
  inputs: ["image"],
  outputs: ["y"],
  integers: ["image"],
  shapes: (attrs, { image }) => {
    check(attrs, image);
    return { y: attrs.bytes ? [wordsOf(attrs)] : [...attrs.size, 3] };
  },
  gradients: {},
  constants: ["image"],
  variants: { plain: (attrs, { image }) => lower(attrs, image) },
  cases: [
    example([1, 1], [1, 1], "antialias"),
    example([1, 1], [3, 2], "bilinear"),
    example([5, 7], [5, 7], "antialias"),
    example([17, 31], [8, 9], "antialias"),
    example([64, 65], [16, 16], "antialias"),
    example([13, 6], [17, 23], "antialias"),
    example([9, 40], [19, 7], "antialias", { format: "float32" }),
    example([17, 31], [8, 9], "bilinear"),
    example([5, 3], [12, 10], "bilinear", { format: "float32" }),
    example([17, 31], [8, 9], "nearest"),
    example([4, 6], [12, 7], "nearest"),
    example([8, 8], [4, 16], "nearest", { format: "float32" }),
    example([20, 33], [7, 7], "antialias", { frame: [0, 6, 20, 20] }),
    example([20, 33], [9, 7], "antialias", { box: [2, 0, 4, 7] }),
    example([20, 11], [9, 13], "bilinear", { box: [0, 4, 9, 4] }),
    example([5, 5], [8, 9], "nearest", { frame: [1, 2, 3, 2], box: [1, 1, 5, 7] }),
  ],
});
