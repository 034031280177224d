/** The one pass over a batch's pixels: moved, and recoloured, from what was drawn for each sample. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, VariantUnfit, type Lowering, type Shape } from "../operation";
import { wgsl } from "../late-program";
import { pixelCases } from "./cases";
import {
  entryFloats,
  fillModes,
  kinds,
  recordFloats,
  type FillMode,
  type Interpolation,
  type Kind,
} from "./transforms";

export interface PixelsAttrs {
  readonly entries: number;
  /** Entries from `first` up to, not including, `last` are applied in this pass. */
  readonly first: number;
  readonly last: number;
  /** Whether pixels move by the samples' affine maps. */
  readonly moves: boolean;
  readonly fillMode: FillMode;
  readonly fillValue: number;
  readonly interpolation: Interpolation;
  /** Kinds of the entries that this pass applies. */
  readonly uses: readonly Kind[];
  /** Which of the entries are contrasts: they need the mean of what reaches them. */
  readonly contrasts: readonly number[];
}

interface Pixels extends PixelsAttrs {
  readonly x: Shape;
  readonly table: number;
  /** The mean for this contrast is wanted instead of pixels. */
  readonly mean?: number;
}

/** Rows and columns that a mean is taken over. */
export const grid = (size: number): number => Math.min(size, 32);

export const pixelsKernel: Kernel<Pixels> = {
  program: wgsl("augment", "augment_pixels"),
  overrides: ({ mean, x, moves, fillMode, interpolation, uses }) => ({
    MEANS: mean !== undefined,
    CHANNELS: x[3],
    MOVES: moves,
    NEAREST: interpolation === "nearest",
    FILL: fillModes.indexOf(fillMode),
    USES: uses.reduce((bits, kind) => bits | (1 << kinds[kind]), 0),
  }),
  params: ({ x: [rows, height, width], mean = 0, ...p }) => ({
    rows,
    height,
    width,
    entries: p.entries,
    first: p.first,
    last: p.last,
    value: p.fillValue,
    contrast: mean,
    gridHeight: grid(height),
    gridWidth: grid(width),
  }),
  workgroups: ({ x, mean }) => foldWorkgroups(mean === undefined ? ceilDiv(x[0] * x[1] * x[2], 64) : x[0]),
  sizes: ({ x, table, entries, contrasts, mean }) => ({
    x: elements(x),
    list: table,
    parameters: x[0] * recordFloats(entries),
    ...(contrasts.length > 0 && { means: contrasts.length * x[0] * 4 }),
    ...(mean === undefined && { y: elements(x) }),
  }),
  cost: ({ x, first, last, moves, mean }) => {
    const pixels = mean === undefined ? x[0] * x[1] * x[2] : x[0] * grid(x[1]) * grid(x[2]);
    const each = x[3] * ((moves ? 9 : 0) + 4 * (last - first));
    return { flops: pixels * each, bytes: 4 * (pixels * x[3] + (mean === undefined ? elements(x) : 0)) };
  },
};

/** Four neighbours of a line an invocation: for widths that are a multiple of 4. Means are the other program's. */
export const pixelsVec4Kernel: Kernel<Pixels> = {
  ...pixelsKernel,
  program: wgsl("augment", "augment_pixels_vec4"),
  overrides(p) {
    const { MEANS: _means, ...rest } = pixelsKernel.overrides!(p);
    return rest;
  },
  params(p) {
    const { contrast: _contrast, gridHeight: _height, gridWidth: _width, ...rest } = pixelsKernel.params(p);
    return rest;
  },
  workgroups: ({ x }) => foldWorkgroups(ceilDiv((x[0] * x[1] * x[2]) / 4, 64)),
};

const inFours = (x: Shape): boolean => x[2] % 4 === 0;

/** Means of the contrasts first, each of what the entries before it make of its samples; then the pixels. */
function lower(attrs: PixelsAttrs, x: Shape, list: Shape, kernel: Kernel<Pixels>): Lowering {
  const { contrasts } = attrs;
  const problem = { ...attrs, x, table: list[0] };
  const read = { x: "x", list: "list", parameters: "parameters", ...(contrasts.length > 0 && { means: "means" }) };
  return {
    dispatches: [
      ...contrasts.map((last, mean) => dispatch(pixelsKernel, { ...problem, last, mean }, read)),
      dispatch(kernel, problem, { ...read, y: "y" }),
    ],
    ...(contrasts.length > 0 && { scratch: { means: contrasts.length * x[0] * 4 } }),
  };
}

export const augmentPixels = operation<PixelsAttrs>({
  name: "augmentPixels",
  inputs: ["x", "list", "parameters"],
  outputs: ["y"],
  shapes: ({ entries }, { x, list, parameters }) => {
    if (!x || x.length !== 4 || x[3] > 4)
      throw new ThawError(
        "augmentation",
        `samples of shape ${formatShape(x)}`,
        "images of one to four channels: [batch, height, width, channels]",
      );
    if (!list || list[0] < entries * entryFloats || elements(parameters ?? []) !== x[0] * recordFloats(entries))
      throw new ThawError("augmentation", `${formatShape(list)} and ${formatShape(parameters)}`, `${entries} entries`);
    return { y: x };
  },
  gradients: {},
  constants: ["x", "list", "parameters"],
  variants: {
    plain: (attrs, { x, list }) => lower(attrs, x, list, pixelsKernel),
    vec4(attrs, { x, list }) {
      if (!inFours(x)) throw new VariantUnfit("augment_pixels_vec4 computes four neighbours of a line together");
      return lower(attrs, x, list, pixelsVec4Kernel);
    },
  },
  select: (_, { x }) => (inFours(x) ? "vec4" : "plain"),
  cases: pixelCases,
});
