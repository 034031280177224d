/** A convolution in plain numbers, as its kernels see it, whichever of the three directions they compute. */
import type { ConvolutionAttrs } from "../convolution";
import type { Gemm } from "../matmul/gemm";
import type { Epilogue } from "../epilogue";
import type { Cost } from "../kernel";
import type { Shape } from "../operation";

export interface Convolution {
  readonly batch: number;
  readonly inRows: number;
  readonly inColumns: number;
  readonly channels: number;
  readonly outRows: number;
  readonly outColumns: number;
  readonly filters: number;
  /** channels / groups */
  readonly depth: number;
  /** filters / groups */
  readonly filtersEach: number;
  readonly filterRows: number;
  readonly filterColumns: number;
  readonly strideRows: number;
  readonly strideColumns: number;
  readonly dilationRows: number;
  readonly dilationColumns: number;
  readonly top: number;
  readonly left: number;
}

/** x, w and y are the shapes of input, filter and output (dx, dw and dy have the same). */
export function convolutionOf(attrs: ConvolutionAttrs, x: Shape, w: Shape, y: Shape): Convolution {
  const [batch, inRows, inColumns, channels] = x as [number, number, number, number];
  const [filterRows, filterColumns, depth, filters] = w as [number, number, number, number];
  return {
    batch,
    inRows,
    inColumns,
    channels,
    outRows: y[1],
    outColumns: y[2],
    filters,
    depth,
    filtersEach: filters / attrs.groups,
    filterRows,
    filterColumns,
    strideRows: attrs.strides[0],
    strideColumns: attrs.strides[1],
    dilationRows: attrs.dilation[0],
    dilationColumns: attrs.dilation[1],
    top: attrs.pads[0],
    left: attrs.pads[2],
  };
}

export const inputCount = (p: Convolution): number => p.batch * p.inRows * p.inColumns * p.channels;
export const outputCount = (p: Convolution): number => p.batch * p.outRows * p.outColumns * p.filters;
export const filterCount = (p: Convolution): number => p.filterRows * p.filterColumns * p.depth * p.filters;

/** Every direction does the same multiplications and touches the same three tensors. */
export const convolutionCost = (p: Convolution): Cost => ({
  flops: 2 * outputCount(p) * p.filterRows * p.filterColumns * p.depth,
  bytes: 4 * (inputCount(p) + outputCount(p) + filterCount(p)),
});

/** Whether it is a matrix product of pixels and filters: one tap on every pixel, none beside the image, one group. */
export function isPointwise(p: Convolution): boolean {
  const samePixels = p.outRows === p.inRows && p.outColumns === p.inColumns;
  return (
    p.filterRows * p.filterColumns === 1 &&
    p.strideRows * p.strideColumns === 1 &&
    p.top + p.left === 0 &&
    samePixels &&
    p.depth === p.channels
  );
}

/** Whether the whole image is one window (a dense layer written as a convolution): x and w are then matrices as they lie. */
export function isWholeImage(p: Convolution): boolean {
  const oneWindow = p.outRows * p.outColumns === 1 && p.filterRows === p.inRows && p.filterColumns === p.inColumns;
  return oneWindow && p.dilationRows * p.dilationColumns === 1 && p.top + p.left === 0 && p.depth === p.channels;
}

/** Channels and filters of every group in fours. */
export const inFours = (p: Convolution): boolean => p.depth % 4 === 0 && p.filtersEach % 4 === 0;

/** Whether the matrix product does it. */
export const isProduct = (p: Convolution): boolean => isPointwise(p) || isWholeImage(p);

const product = (m: number, n: number, k: number, epilogue: Epilogue): Gemm => ({
  batch: 1,
  m,
  n,
  k,
  transposeX: false,
  transposeW: false,
  epilogue,
});

const rowsOf = (p: Convolution) => p.batch * p.outRows * p.outColumns;
const termsOf = (p: Convolution) => p.filterRows * p.filterColumns * p.depth;

/** y = x w */
export const forwardProduct = (p: Convolution, epilogue: Epilogue): Gemm =>
  product(rowsOf(p), p.filters, termsOf(p), epilogue);

/** dx = dy w' */
export const inputGradientProduct = (p: Convolution, epilogue: Epilogue): Gemm => ({
  ...product(rowsOf(p), termsOf(p), p.filters, epilogue),
  transposeW: true,
});

/** dw = x' dy */
export const filterGradientProduct = (p: Convolution, epilogue: Epilogue): Gemm => ({
  ...product(termsOf(p), p.filters, rowsOf(p), epilogue),
  transposeX: true,
});
