/**
 * 3x3 convolutions with strides of one by Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray 2016, "Fast Algorithms for
 * Convolutional Neural Networks"): 16 multiplications instead of 36 for four pixels, as one product of matrices for each of the 16.
 */
import { ceilDiv, dispatch, foldWorkgroups, type Dispatch, type Kernel } from "../kernel";
import { VariantUnfit, type AdapterTraits, type Lowering } from "../operation";
import {
  epilogueBindings,
  epilogueCost,
  epilogueOverrides,
  epilogueParams,
  epilogueSizes,
  likeRelu,
  noEpilogue,
  type Epilogue,
} from "../epilogue";
import type { Gemm, GemmNames } from "../matmul/gemm";
import { lowerQuadsVec4 } from "../matmul/quads-vec4";
import { preferQuads } from "../matmul/select";
import { lowerTilesVec4 } from "../matmul/tiles";
import { lowerVec4 } from "../matmul/vec4";
import { wgsl } from "../program";
import { inFours, type Convolution } from "./problem";

/** One direction: a source image becomes a result, `contracted` channels become `made`. */
interface Winograd {
  readonly batch: number;
  readonly source: readonly [rows: number, columns: number, channels: number];
  readonly result: readonly [rows: number, columns: number, channels: number];
  readonly top: number;
  readonly left: number;
  /** The gradient with respect to the image: the filter turned by half, and read the other way round. */
  readonly turned: boolean;
  readonly epilogue: Epilogue;
}

/** Transformed images beyond this are not worth their memory: each is four times its image. Bytes. */
const mostScratch = 2 ** 26;

const tileRows = (p: Winograd) => ceilDiv(p.result[0], 2);
const tileColumns = (p: Winograd) => ceilDiv(p.result[1], 2);
const tiles = (p: Winograd) => p.batch * tileRows(p) * tileColumns(p);
const filterCount = (p: Winograd) => p.source[2] * p.result[2];

const inWorkgroups = (vectors: number) => foldWorkgroups(ceilDiv(vectors, 64));

const filterKernel: Kernel<Winograd> = {
  program: wgsl("winograd", "winograd_filter"),
  overrides: ({ turned }) => ({ TURNED: turned }),
  params: (p) => ({ count: filterCount(p) / 4 }),
  workgroups: (p) => inWorkgroups(filterCount(p) / 4),
  sizes: (p) => ({ w: 9 * filterCount(p), u: 16 * filterCount(p) }),
  cost: (p) => ({ flops: 42 * filterCount(p), bytes: 4 * 25 * filterCount(p) }),
};

const inputKernel: Kernel<Winograd> = {
  program: wgsl("winograd", "winograd_input"),
  params: (p) => {
    const [rows, columns, channels] = p.source;
    const count = (tiles(p) * channels) / 4;
    const grid = { tileRows: tileRows(p), tileColumns: tileColumns(p) };
    return { count, channels: channels / 4, rows, columns, ...grid, top: p.top, left: p.left };
  },
  workgroups: (p) => inWorkgroups((tiles(p) * p.source[2]) / 4),
  sizes: (p) => ({ x: p.batch * p.source[0] * p.source[1] * p.source[2], v: 16 * tiles(p) * p.source[2] }),
  cost: (p) => {
    const [rows, columns, channels] = p.source;
    const each = tiles(p) * channels;
    return { flops: 32 * each, bytes: 4 * (p.batch * rows * columns * channels + 16 * each) };
  },
};

const outputKernel: Kernel<Winograd> = {
  program: wgsl("winograd", "winograd_output"),
  overrides: ({ epilogue }) => epilogueOverrides(likeRelu(epilogue)),
  params: (p) => {
    const [rows, columns, filters] = p.result;
    const grid = { tileRows: tileRows(p), tileColumns: tileColumns(p) };
    const count = (tiles(p) * filters) / 4;
    return { count, filters: filters / 4, rows, columns, ...grid, ...epilogueParams(likeRelu(p.epilogue)) };
  },
  workgroups: (p) => inWorkgroups((tiles(p) * p.result[2]) / 4),
  sizes: (p) => {
    const [rows, columns, filters] = p.result;
    const count = p.batch * rows * columns * filters;
    return { m: 16 * tiles(p) * filters, y: count, ...epilogueSizes(p.epilogue, filters, count) };
  },
  cost: (p) => {
    const [rows, columns, filters] = p.result;
    const count = p.batch * rows * columns * filters;
    const each = tiles(p) * filters;
    const after = epilogueCost(p.epilogue, filters, count);
    return { flops: 24 * each + after.flops, bytes: 4 * (16 * each + count) + after.bytes };
  },
};

/** The product that an adapter does best; 16 of them at once. */
function lowerProducts(p: Winograd, names: GemmNames, adapter: AdapterTraits): readonly Dispatch[] {
  const [n, k] = [p.result[2], p.source[2]];
  const gemm: Gemm = { batch: 16, m: tiles(p), n, k, transposeX: false, transposeW: p.turned, epilogue: noEpilogue };
  const lower = preferQuads(adapter) ? lowerQuadsVec4 : adapter.software ? lowerVec4 : lowerTilesVec4;
  return lower(gemm, names, adapter).dispatches;
}

function lower(p: Winograd, bind: { x: string; y: string }, adapter: AdapterTraits): Lowering {
  const scratch = {
    filter: 16 * filterCount(p),
    source: 16 * tiles(p) * p.source[2],
    result: 16 * tiles(p) * p.result[2],
  };
  return {
    scratch,
    dispatches: [
      dispatch(filterKernel, p, { w: "w", u: "filter" }),
      dispatch(inputKernel, p, { x: bind.x, v: "source" }),
      ...lowerProducts(p, { x: "source", w: "filter", y: "result" }, adapter),
      dispatch(outputKernel, p, { m: "result", y: bind.y, ...epilogueBindings(p.epilogue) }),
    ],
  };
}

/** Why a convolution cannot be done so; undefined where it can. */
function unfit(p: Convolution): string | undefined {
  const { filterRows, filterColumns, strideRows, strideColumns, dilationRows, dilationColumns } = p;
  if (filterRows !== 3 || filterColumns !== 3) return "the filter is not 3x3";
  if (strideRows * strideColumns * dilationRows * dilationColumns !== 1) return "it has strides or dilation";
  if (p.depth !== p.channels) return "it has groups";
  if (!inFours(p)) return "channels are read in vectors of four";
  const floats = 4 * p.batch * (p.outRows + 1) * (p.outColumns + 1) * Math.max(p.channels, p.filters);
  return 4 * floats > mostScratch ? "the transformed images are too large" : undefined;
}

function check(p: Convolution): void {
  const reason = unfit(p);
  if (reason) throw new VariantUnfit(`winograd: ${reason}`);
}

/**
 * Whether it beats the direct programs behind a software adapter: what it saves grows with channels times filters, and what the
 * transformations cost with their sum. Measured with equal numbers of both: 16 channels 0.6 times as fast, 32 0.95 times, 64 1.35 times, 128 and 512 1.5 times.
 */
export const prefersWinograd = (p: Convolution): boolean =>
  p.channels * p.filters >= 24 * (p.channels + p.filters) && unfit(p) === undefined;

export const winograd = {
  forward: (p: Convolution, epilogue: Epilogue, adapter: AdapterTraits): Lowering => {
    check(p);
    const { batch, top, left } = p;
    const source = [p.inRows, p.inColumns, p.channels] as const;
    const result = [p.outRows, p.outColumns, p.filters] as const;
    return lower({ batch, source, result, top, left, turned: false, epilogue }, { x: "x", y: "y" }, adapter);
  },
  /** dx is the convolution of dy with the turned filter, with as many zeros around dy as the forward pass left out. */
  inputGradient: (p: Convolution, residual: boolean, adapter: AdapterTraits): Lowering => {
    check(p);
    const source = [p.outRows, p.outColumns, p.filters] as const;
    const result = [p.inRows, p.inColumns, p.channels] as const;
    const epilogue = { ...noEpilogue, residual };
    const { batch } = p;
    const places = { top: 2 - p.top, left: 2 - p.left };
    return lower({ batch, source, result, ...places, turned: true, epilogue }, { x: "dy", y: "dx" }, adapter);
  },
};
