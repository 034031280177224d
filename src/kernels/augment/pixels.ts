/** The one pass over a batch's pixels: moved, and recoloured, from what was drawn for each sample. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
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
    return { flops: pixels * each, bytes: 4 * (mean === undefined ? 2 * elements(x) : pixels * x[3]) };
  },
};

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
    plain: (attrs, { x, list }) => {
      const problem = { ...attrs, x, table: list[0] };
      const { contrasts } = attrs;
      const read = { x: "x", list: "list", parameters: "parameters", ...(contrasts.length > 0 && { means: "means" }) };
      return {
        dispatches: [
          ...contrasts.map((last, mean) => dispatch(pixelsKernel, { ...problem, last, mean }, read)),
          dispatch(pixelsKernel, problem, { ...read, y: "y" }),
        ],
        ...(contrasts.length > 0 && { scratch: { means: contrasts.length * x[0] * 4 } }),
      };
    },
  },
  cases: pixelCases,
});
