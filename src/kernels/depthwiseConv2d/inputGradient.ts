/** The gradient of a depthwise convolution with respect to its image. */
import type { ConvolutionAttrs } from "../convolution";
import { noEpilogue } from "../epilogue";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, VariantUnfit, type Lower, type Lowering, type Shape } from "../operation";
import { backwardCorrelation, generalKernel, stripKernel } from "./correlation";
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
import { wgsl } from "../program";

export interface DepthwiseInputGradientAttrs extends ConvolutionAttrs {
  readonly inputShape: Shape; // [N, H, W, C]
}

const sizes = (p: Depthwise) => ({ dy: elements(p.y), w: elements(p.w), dx: elements(p.x) });

export const depthwiseInputGradientKernel: Kernel<Depthwise> = {
  program: wgsl("depthwise", "depthwise_input_gradient"),
  params: (p) => ({ count: elements(p.x), ...plainParams(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.x), 64)),
  sizes,
  cost: depthwiseCost,
};

/** Any stride, no dilation; stride 1 goes to the programs of the forward operation instead. */
export const stridedInputGradientKernel: Kernel<Depthwise> = {
  program: wgsl("depthwise", "depthwise_input_gradient_vec4"),
  overrides: ({ attrs, w }) => ({
    SIZE_H: w[0],
    SIZE_W: w[1],
    STRIDE_H: attrs.strides[0],
    STRIDE_W: attrs.strides[1],
  }),
  params: (p) => ({
    ...imageParams(p),
    count: elements(p.x) / 4,
    channelGroups: p.x[3] / 4,
    top: p.attrs.pads[0],
    left: p.attrs.pads[2],
  }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.x) / 4, 64)),
  sizes,
  cost: depthwiseCost,
};

interface Strips extends Depthwise {
  /** Rows of dy that one invocation walks down. */
  readonly rows: number;
}

/** Pairs of padded rows and blocks of four padded columns that hold all of dx. */
const pairsOf = ({ attrs, x }: Depthwise) => ({
  rowPairs: ceilDiv(attrs.pads[0] + x[1], 2),
  columnBlocks: ceilDiv(attrs.pads[2] + x[2], 4),
});

const invocations = (p: Strips) => {
  const { rowPairs, columnBlocks } = pairsOf(p);
  return (p.x[3] / 4) * p.x[0] * columnBlocks * ceilDiv(rowPairs, p.rows);
};

export const strip2InputGradientKernel: Kernel<Strips> = {
  program: wgsl("depthwise", "depthwise_3x3_stride2_input_gradient"),
  params: (p) => ({
    ...imageParams(p),
    ...pairsOf(p),
    batch: p.x[0],
    channelGroups: p.x[3] / 4,
    rows: p.rows,
    rowBlocks: ceilDiv(pairsOf(p).rowPairs, p.rows),
    top: p.attrs.pads[0],
    left: p.attrs.pads[2],
  }),
  workgroups: (p) => foldWorkgroups(ceilDiv(invocations(p), 64)),
  sizes,
  cost: depthwiseCost,
};

type Shapes = Record<string, Shape>;

const problemOf = (attrs: DepthwiseInputGradientAttrs, shapes: Shapes): Depthwise => ({
  attrs,
  x: attrs.inputShape,
  w: shapes["w"],
  y: shapes["dy"],
});

const bind = { dy: "dy", w: "w", dx: "dx" };

/** Stride 1: the forward programs with the filter read backwards, dy in the place of x. */
function lowerStrideOne(problem: Depthwise, kernel: typeof stripKernel, software: boolean): Lowering {
  const correlation = backwardCorrelation(problem, noEpilogue, software);
  return { dispatches: [dispatch(kernel, correlation, { x: "dy", w: "w", y: "dx" })] };
}

const vec4: Lower<DepthwiseInputGradientAttrs> = (attrs, shapes, { software }) => {
  const problem = problemOf(attrs, shapes);
  requireFours(problem);
  if (attrs.strides.every((s) => s === 1)) return lowerStrideOne(problem, generalKernel, software);
  if (attrs.dilation.some((d) => d !== 1)) throw new VariantUnfit("dilation and strides together");
  return { dispatches: [dispatch(stridedInputGradientKernel, problem, bind)] };
};

const strips: Lower<DepthwiseInputGradientAttrs> = (attrs, shapes, { software }) => {
  const problem = problemOf(attrs, shapes);
  requireStrips(problem);
  if (attrs.strides[0] === 1) return lowerStrideOne(problem, stripKernel, software);
  const { rowPairs, columnBlocks } = pairsOf(problem);
  const rows = stripsOf(rowPairs, (problem.x[0] * columnBlocks * problem.x[3]) / 4, software);
  return { dispatches: [dispatch(strip2InputGradientKernel, { ...problem, rows }, bind)] };
};

export const depthwiseInputGradient = operation<DepthwiseInputGradientAttrs>({
  name: "depthwiseInputGradient",
  inputs: ["dy", "w"],
  outputs: ["dx"],
  shapes: (attrs, { dy, w }) => {
    checkIncoming("depthwiseInputGradient", attrs, attrs.inputShape, w, dy!);
    return { dx: attrs.inputShape };
  },
  gradients: {},
  constants: ["dy", "w"],
  variants: {
    plain: (attrs, shapes) => ({
      dispatches: [dispatch(depthwiseInputGradientKernel, problemOf(attrs, shapes), bind)],
    }),
    vec4,
    strips,
  },
  select: (attrs, shapes) => {
    const variant = selectVariant(problemOf(attrs, shapes));
    const both = attrs.strides.some((s) => s !== 1) && attrs.dilation.some((d) => d !== 1);
    return both ? "plain" : variant;
  },
  cases: examples().map((example) => ({
    attrs: { ...example.attrs, inputShape: example.x },
    inputs: { dy: depthwiseShape("depthwiseInputGradient", example.attrs, example.x, example.w), w: example.w },
    ...flagsOf(example),
  })),
});
