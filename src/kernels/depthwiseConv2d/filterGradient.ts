/** The gradient of a depthwise convolution with respect to its filter. */
import type { ConvolutionAttrs } from "../convolution";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Lower, type Lowering, type Shape } from "../operation";
import { lowerSumRows, rowSlices } from "../sumRows/sumRows";
import {
  checkIncoming,
  depthwiseCost,
  depthwiseShape,
  examples,
  flagsOf,
  imageParams,
  plainParams,
  requireFours,
  requireStrips,
  selectVariant,
  stripsOf,
  type Depthwise,
} from "./geometry";
import { wgsl, type Program } from "../program";

export interface DepthwiseFilterGradientAttrs extends ConvolutionAttrs {
  readonly filterShape: Shape; // [kh, kw, C, M]
}

export const depthwiseFilterGradientKernel: Kernel<Depthwise> = {
  program: wgsl("depthwise", "depthwise_filter_gradient"),
  params: (p) => ({ batch: p.x[0], ...plainParams(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.w), 64)),
  sizes: (p) => ({ x: elements(p.x), dy: elements(p.y), dw: elements(p.w) }),
  cost: depthwiseCost,
};

/** A sum over the batch in `chunks` parts, added up by a second launch. */
interface Chunks extends Depthwise {
  readonly chunks: number;
}

interface Strips extends Chunks {
  /** Output rows that one invocation walks down at a time. */
  readonly rows: number;
}

const partSizes = (p: Chunks) => ({ x: elements(p.x), dy: elements(p.y), part: p.chunks * elements(p.w) });

function partCost(p: Chunks) {
  const { flops, bytes } = depthwiseCost(p);
  return { flops, bytes: bytes + 4 * (p.chunks - 1) * elements(p.w) };
}

const partParams = (p: Chunks) => ({
  ...imageParams(p),
  channelGroups: p.x[3] / 4,
  chunks: p.chunks,
  top: p.attrs.pads[0],
  left: p.attrs.pads[2],
});

const blocksOf = (p: Omit<Strips, "chunks">) => ({
  rowBlocks: ceilDiv(p.y[1], p.rows),
  columnBlocks: ceilDiv(p.y[2], 2),
});

const stripCount = (p: Omit<Strips, "chunks">) => {
  const { rowBlocks, columnBlocks } = blocksOf(p);
  return p.y[0] * rowBlocks * columnBlocks;
};

const stripGradient = (program: Program): Kernel<Strips> => ({
  program,
  params: (p) => ({ ...partParams(p), ...blocksOf(p), rows: p.rows, strips: stripCount(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv((p.chunks * p.x[3]) / 4, 64)),
  sizes: partSizes,
  cost: partCost,
});

export const stripFilterGradientKernel = stripGradient(wgsl("depthwise", "depthwise_3x3_filter_gradient"));
export const strip2FilterGradientKernel = stripGradient(wgsl("depthwise", "depthwise_3x3_stride2_filter_gradient"));

/** Blocks of three taps of a filter row. */
const tapBlocks = ({ w }: Depthwise) => w[0] * ceilDiv(w[1], 3);

export const chunkedFilterGradientKernel: Kernel<Chunks> = {
  program: wgsl("depthwise", "depthwise_filter_gradient_vec4"),
  overrides: ({ attrs, w }) => ({
    SLIDING: attrs.strides[1] === 1 && attrs.dilation[1] === 1,
    SIZE_H: w[0],
    SIZE_W: w[1],
    STRIDE_H: attrs.strides[0],
    STRIDE_W: attrs.strides[1],
    DILATION_H: attrs.dilation[0],
    DILATION_W: attrs.dilation[1],
  }),
  params: (p) => ({ ...partParams(p), outRows: p.y[0] * p.y[1] }),
  workgroups: (p) => foldWorkgroups(ceilDiv((p.chunks * tapBlocks(p) * p.x[3]) / 4, 64)),
  sizes: partSizes,
  cost: partCost,
};

/** How many chunks keep the adapter busy, with equal shares of the `units` of work for all of them. */
function chunksOf(units: number, invocationsEach: number, software: boolean): number {
  const wanted = Math.ceil((software ? 1024 : 32768) / invocationsEach);
  const chunks = Math.min(units, wanted, 1024);
  return ceilDiv(units, ceilDiv(units, chunks));
}

type Shapes = Record<string, Shape>;

const problemOf = (attrs: DepthwiseFilterGradientAttrs, shapes: Shapes): Depthwise => ({
  attrs,
  x: shapes["x"],
  w: attrs.filterShape,
  y: shapes["dy"],
});

/** The launch that leaves a part for each chunk, and the sum of the parts where there are several. */
function lowerChunks<P extends Chunks>(kernel: Kernel<P>, problem: P, software: boolean): Lowering {
  const { chunks } = problem;
  const columns = elements(problem.w);
  const bind = { x: "x", dy: "dy", part: chunks === 1 ? "dw" : "part" };
  const parts = dispatch(kernel, problem, bind);
  if (chunks === 1) return { dispatches: [parts] };
  const sum = lowerSumRows(chunks, columns, rowSlices(chunks, columns, software), "part", "dw");
  return { dispatches: [parts, ...sum.dispatches], scratch: { part: chunks * columns, ...sum.scratch } };
}

const vec4: Lower<DepthwiseFilterGradientAttrs> = (attrs, shapes, { software }) => {
  const problem = problemOf(attrs, shapes);
  requireFours(problem);
  const each = (tapBlocks(problem) * problem.x[3]) / 4;
  const chunks = chunksOf(problem.y[0] * problem.y[1], each, software);
  return lowerChunks(chunkedFilterGradientKernel, { ...problem, chunks }, software);
};

const strips: Lower<DepthwiseFilterGradientAttrs> = (attrs, shapes, { software }) => {
  const problem = problemOf(attrs, shapes);
  requireStrips(problem);
  const groups = problem.x[3] / 4;
  const rows = stripsOf(problem.y[1], problem.y[0] * ceilDiv(problem.y[2], 2) * groups, software);
  const chunks = chunksOf(stripCount({ ...problem, rows }), groups, software);
  const kernel = attrs.strides[0] === 1 ? stripFilterGradientKernel : strip2FilterGradientKernel;
  return lowerChunks(kernel, { ...problem, rows, chunks }, software);
};

export const depthwiseFilterGradient = operation<DepthwiseFilterGradientAttrs>({
  name: "depthwiseFilterGradient",
  inputs: ["x", "dy"],
  outputs: ["dw"],
  shapes: (attrs, { x, dy }) => {
    checkIncoming("depthwiseFilterGradient", attrs, x, attrs.filterShape, dy!);
    return { dw: attrs.filterShape };
  },
  gradients: {},
  constants: ["x", "dy"],
  variants: {
    plain: (attrs, shapes) => ({
      dispatches: [dispatch(depthwiseFilterGradientKernel, problemOf(attrs, shapes), { x: "x", dy: "dy", dw: "dw" })],
    }),
    vec4,
    strips,
  },
  select: (attrs, shapes) => selectVariant(problemOf(attrs, shapes)),
  cases: examples().map((example) => ({
    attrs: { ...example.attrs, filterShape: example.w },
    inputs: {
      x: example.x,
      dy: depthwiseShape("depthwiseFilterGradient", example.attrs, example.x, example.w),
    },
    ...flagsOf(example),
  })),
});
