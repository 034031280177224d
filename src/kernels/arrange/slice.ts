/** slice cuts a box out of a tensor; pad puts zeros around one. Each is the other's gradient. */
import { formatShape, ThawError } from "../../errors";
import { elements, operation, type Shape } from "../operation";
import { copyProblem, lowerCopy, lowerCopyVec4, selectCopy, stridesOf, type StridedCopy } from "./strided_copy";

/** y = x[begin[0] : begin[0] + size[0], begin[1] : ...]; one entry an axis. */
export interface SliceAttrs {
  readonly begin: readonly number[];
  /** Length along each axis; -1 means up to the end, so that the batch size need not be known. */
  readonly size: readonly number[];
}

/** Zeros in front of and behind each axis. */
export interface PadAttrs {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export function checkRank(who: string, x: Shape, entries: readonly (readonly number[])[], names: string): void {
  if (x.length < 1) throw new ThawError(who, `received x of shape ${formatShape(x)}`, "at least one axis");
  for (const list of entries) {
    if (list.length !== x.length)
      throw new ThawError(
        who,
        `received ${names} with ${list.length} entries for x of shape ${formatShape(x)}`,
        `one entry an axis, ${x.length}`,
      );
  }
}

const sliced = ({ begin, size }: SliceAttrs, x: Shape) => x.map((n, a) => (size[a] === -1 ? n - begin[a] : size[a]));

function sliceCopy({ begin }: SliceAttrs, { x, y }: Record<string, Shape>): StridedCopy {
  const strides = stridesOf(x);
  return copyProblem(
    "slice",
    y.map((size, a) => ({ size, stride: strides[a], from: 0, to: size })),
    begin.reduce((sum, b, a) => sum + b * strides[a], 0),
    elements(x),
  );
}

export const slice = operation<SliceAttrs>({
  name: "slice",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => {
    const { begin, size } = attrs;
    checkRank("slice", x!, [begin, size], "begin or size");
    const y = sliced(attrs, x!);
    if (y.some((n, a) => n < 1 || begin[a] < 0 || begin[a] + n > x![a]))
      throw new ThawError(
        "slice",
        `begin ${formatShape(begin)} and size ${formatShape(size)} reach out of x of shape ${formatShape(x)}`,
        "0 <= begin, 1 <= size and begin + size <= the axis length on every axis",
        "Crop less.",
      );
    sliceCopy(attrs, { x: x!, y });
    return { y };
  },
  gradients: {
    x: {
      op: "pad",
      from: { x: "dy" },
      attrs: (attrs, { x }) => ({
        before: attrs.begin,
        after: sliced(attrs, x!).map((n, a) => x![a] - attrs.begin[a] - n),
      }),
    },
  },
  variants: {
    plain: (attrs, shapes) => lowerCopy(sliceCopy(attrs, shapes)),
    vec4: (attrs, shapes) => lowerCopyVec4(sliceCopy(attrs, shapes)),
  },
  select: (attrs, shapes) => selectCopy(sliceCopy(attrs, shapes)),
  cases: [
    { attrs: { begin: [0], size: [1] }, inputs: { x: [1] } },
    { attrs: { begin: [3], size: [-1] }, inputs: { x: [11] } },
    { attrs: { begin: [1, 2], size: [2, 3] }, inputs: { x: [4, 7] } },
    { attrs: { begin: [0, 1, 2, 0], size: [-1, 3, 2, 3] }, inputs: { x: [2, 5, 7, 3] } },
    { attrs: { begin: [0, 0, 0, 5], size: [-1, 3, 3, 6] }, inputs: { x: [2, 3, 3, 11] } },
    { attrs: { begin: [1, 0, 1, 1, 2], size: [1, 2, 2, 2, 1] }, inputs: { x: [2, 2, 4, 3, 4] } },
    { attrs: { begin: [0, 0, 1, 0, 0, 1], size: [2, 1, 2, 2, 3, 2] }, inputs: { x: [2, 1, 4, 2, 3, 4] } },
    { attrs: { begin: [0, 1, 2, 4], size: [2, 3, 2, 8] }, inputs: { x: [2, 5, 7, 12] } },
    { attrs: { begin: [0, 4, 4, 0], size: [2, 56, 57, 8] }, inputs: { x: [2, 64, 64, 8] }, large: true },
  ],
});

function padCopy({ before }: PadAttrs, { x, y }: Record<string, Shape>): StridedCopy {
  const strides = stridesOf(x);
  return copyProblem(
    "pad",
    y.map((size, a) => ({ size, stride: strides[a], from: before[a], to: before[a] + x[a] })),
    before.reduce((sum, b, a) => sum - b * strides[a], 0),
    elements(x),
  );
}

export const pad = operation<PadAttrs>({
  name: "pad",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => {
    const { before, after } = attrs;
    checkRank("pad", x!, [before, after], "before or after");
    if ([...before, ...after].some((n) => n < 0 || !Number.isInteger(n)))
      throw new ThawError(
        "pad",
        `received before ${formatShape(before)} and after ${formatShape(after)}`,
        "whole numbers from 0",
        "Use a cropping layer to remove elements.",
      );
    const y = x!.map((n, a) => before[a] + n + after[a]);
    padCopy(attrs, { x: x!, y });
    return { y };
  },
  gradients: {
    x: { op: "slice", from: { x: "dy" }, attrs: ({ before }, { x }) => ({ begin: before, size: x! }) },
  },
  variants: {
    plain: (attrs, shapes) => lowerCopy(padCopy(attrs, shapes)),
    vec4: (attrs, shapes) => lowerCopyVec4(padCopy(attrs, shapes)),
  },
  select: (attrs, shapes) => selectCopy(padCopy(attrs, shapes)),
  cases: [
    { attrs: { before: [0], after: [0] }, inputs: { x: [1] } },
    { attrs: { before: [1], after: [2] }, inputs: { x: [1] } },
    { attrs: { before: [0, 3], after: [1, 0] }, inputs: { x: [3, 5] } },
    { attrs: { before: [0, 0, 1, 0], after: [0, 1, 1, 0] }, inputs: { x: [2, 5, 7, 3] } },
    { attrs: { before: [0, 0, 0, 2], after: [0, 0, 0, 5] }, inputs: { x: [2, 3, 2, 4] } },
    { attrs: { before: [1, 0, 1, 0, 2], after: [0, 2, 0, 1, 1] }, inputs: { x: [1, 2, 2, 3, 2] } },
    { attrs: { before: [0, 1, 0, 4], after: [0, 0, 2, 8] }, inputs: { x: [2, 3, 2, 4] } },
    { attrs: { before: [0, 3, 3, 0], after: [0, 3, 2, 0] }, inputs: { x: [2, 58, 59, 8] }, large: true },
  ],
});
