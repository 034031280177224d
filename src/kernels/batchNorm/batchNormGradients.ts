/** The backward pass of batch normalization with batch statistics: one reduction, one elementwise pass. */
import type { Activation } from "../activation/activation";
import { ceilDiv, dispatch, foldWorkgroups, type Dispatch, type Kernel } from "../kernel";
import { elements, operation, type AdapterTraits, type Lower, type Lowering, type Shape } from "../operation";
import { lowerSumRows } from "../sumRows/sumRows";
import { isRelu, reluBound } from "./batchNormTraining";
import { needQuads, rowsEach, selectReduction, treeOf, treeOfVectors, treeWorkgroups, type Tree } from "./channels";
import { foursParams, foursWorkgroups, inFours, needFours } from "./fours";
import { wgsl } from "../program";

export interface BatchNormGradientAttrs {
  /** The activation of the relu family that was fused behind the normalization; its gradient is taken on the way. */
  readonly activation?: Activation;
}

interface Reduce extends Tree {
  readonly statistics: boolean;
  readonly gamma: boolean;
  readonly beta: boolean;
  readonly activation: Activation | undefined;
}

const reduceSwitches = (p: Reduce) => ({
  STATISTICS: p.statistics,
  RELU: isRelu(p.activation),
  HAS_GAMMA: p.gamma,
  HAS_BETA: p.beta,
});

export const batchNormReduceKernel: Kernel<Reduce> = {
  program: wgsl("batchNorm", "batch_norm_reduce"),
  overrides: (p) => ({ WORKGROUP: p.workgroup, CHANNELS: p.width, ...reduceSwitches(p) }),
  params: (p) => ({ rows: p.rows, channels: p.channels, rowsEach: rowsEach(p), maxValue: reluBound(p.activation) }),
  workgroups: treeWorkgroups,
  sizes: (p) => {
    const count = p.rows * p.channels;
    return {
      dy: count,
      x: count,
      first: p.slices * p.channels,
      second: p.slices * p.channels,
      ...(p.statistics && { statistics: 2 * p.channels }),
      ...(p.gamma && { gamma: p.channels }),
      ...(p.beta && { beta: p.channels }),
    };
  },
  cost: (p) => ({
    flops: (p.statistics ? 5 : 3) * p.rows * p.channels,
    bytes: 4 * (2 * p.rows + 2 * p.slices) * p.channels,
  }),
};

export const batchNormReduceVec4Kernel: Kernel<Reduce> = {
  ...batchNormReduceKernel,
  program: wgsl("batchNorm", "batch_norm_reduce_vec4"),
  overrides: (p) => ({ WORKGROUP: p.workgroup, VECTORS: p.width, ...reduceSwitches(p) }),
  params: (p) => ({ ...batchNormReduceKernel.params(p), channels: p.channels / 4 }),
  workgroups: (p) => treeWorkgroups({ ...p, channels: p.channels / 4 }),
};

export const batchNormReduceQuadsKernel: Kernel<Reduce> = {
  ...batchNormReduceKernel,
  program: wgsl("batchNorm", "batch_norm_reduce_quads"),
  overrides: reduceSwitches,
  params: (p) => ({ rows: p.rows, channels: p.channels / 4, maxValue: reluBound(p.activation) }),
  workgroups: (p) => foldWorkgroups(p.channels / 4),
};

export interface ReduceOptions {
  readonly activation?: Activation | undefined;
  readonly slices?: number;
  readonly kernel?: Kernel<Reduce>;
}

interface ReduceNames {
  readonly first: string;
  readonly second: string;
  readonly statistics?: string;
  readonly gamma?: string;
  readonly beta?: string;
}

/** The two sums over rows for each channel, as outputs `first` and `second`; shared with the channel affine. */
export function lowerReduce(
  x: Shape,
  adapter: AdapterTraits,
  names: ReduceNames,
  { activation, slices, kernel = batchNormReduceKernel }: ReduceOptions = {},
): Lowering {
  const quads = kernel === batchNormReduceQuadsKernel;
  if (quads) needQuads(adapter);
  const vectors = quads || kernel === batchNormReduceVec4Kernel;
  if (vectors) needFours({ channels: x.at(-1)! });
  const tree = vectors ? treeOfVectors(x, adapter, quads ? 1 : slices) : treeOf(x, adapter, slices);
  const { statistics, gamma, beta } = names;
  const problem: Reduce = { ...tree, statistics: !!statistics, gamma: !!gamma, beta: !!beta, activation };
  const inputs = { dy: "dy", x: "x", statistics, gamma, beta };
  if (tree.slices === 1) {
    return {
      dispatches: [dispatch(kernel, problem, { ...inputs, first: names.first, second: names.second })],
    };
  }
  const finish = (from: string, to: string): readonly Dispatch[] =>
    lowerSumRows(tree.slices, tree.channels, 1, from, to).dispatches;
  return {
    scratch: { partialFirst: tree.slices * tree.channels, partialSecond: tree.slices * tree.channels },
    dispatches: [
      dispatch(kernel, problem, { ...inputs, first: "partialFirst", second: "partialSecond" }),
      ...finish("partialFirst", names.first),
      ...finish("partialSecond", names.second),
    ],
  };
}

const relu: Activation = { kind: "relu" };
const relu6: Activation = { kind: "relu", maxValue: 6 };
const shapesOf = (x: Shape) => ({ dy: x, x, statistics: [2, x.at(-1)!] });

const lowerNormReduce =
  (options: ReduceOptions): Lower<BatchNormGradientAttrs> =>
  ({ activation }, { x, gamma, beta }, adapter) => {
    const names = {
      first: "dgamma",
      second: "dbeta",
      statistics: "statistics",
      ...(gamma && { gamma: "gamma" }),
      ...(beta && { beta: "beta" }),
    };
    return lowerReduce(x, adapter, names, { ...options, activation });
  };

export const batchNormReduce = operation<BatchNormGradientAttrs>({
  name: "batchNormReduce",
  inputs: ["dy", "x", "statistics", "gamma?", "beta?"], // the last two with an activation only
  outputs: ["dgamma", "dbeta"],
  shapes: (_, { x }) => ({ dgamma: [x!.at(-1)!], dbeta: [x!.at(-1)!] }),
  gradients: {},
  constants: ["dy", "x", "statistics", "gamma", "beta"],
  variants: {
    plain: lowerNormReduce({}),
    slices: lowerNormReduce({ slices: 3 }),
    vec4: lowerNormReduce({ kernel: batchNormReduceVec4Kernel }),
    quads: lowerNormReduce({ kernel: batchNormReduceQuadsKernel }),
  },
  select: (_, { x }, adapter) => selectReduction(x, adapter),
  cases: [
    { attrs: {}, inputs: shapesOf([1, 1]) },
    { attrs: {}, inputs: shapesOf([3, 5, 7, 3]) },
    { attrs: { activation: relu6 }, inputs: { ...shapesOf([2, 4, 4, 5]), gamma: [5], beta: [5] } },
    { attrs: {}, inputs: shapesOf([8, 24, 24, 17]), large: true },
    { attrs: { activation: relu6 }, inputs: { ...shapesOf([3, 5, 7, 12]), gamma: [12], beta: [12] } },
    { attrs: { activation: relu6 }, inputs: { ...shapesOf([3, 5, 7, 8]), beta: [8] } },
    { attrs: { activation: relu }, inputs: shapesOf([2, 5, 7, 8]) },
    { attrs: {}, inputs: shapesOf([8, 24, 24, 20]), large: true },
  ],
});

interface InputGradient {
  readonly count: number;
  readonly channels: number;
  readonly gamma: boolean;
  readonly beta: boolean;
  readonly activation: Activation | undefined;
}

const perInvocation = 4;

export const batchNormInputGradientKernel: Kernel<InputGradient> = {
  program: wgsl("batchNorm", "batch_norm_input_gradient"),
  overrides: (p) => ({ RELU: isRelu(p.activation), HAS_GAMMA: p.gamma, HAS_BETA: p.beta }),
  params: (p) => ({ count: p.count, channels: p.channels, maxValue: reluBound(p.activation) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.count, 64 * perInvocation)),
  sizes: (p) => ({
    dy: p.count,
    x: p.count,
    dx: p.count,
    statistics: 2 * p.channels,
    dgamma: p.channels,
    dbeta: p.channels,
    ...(p.gamma && { gamma: p.channels }),
    ...(p.beta && { beta: p.channels }),
  }),
  cost: (p) => ({ flops: 8 * p.count, bytes: 4 * (3 * p.count + 6 * p.channels) }),
};

export const batchNormInputGradientVec4Kernel: Kernel<InputGradient> = {
  ...batchNormInputGradientKernel,
  program: wgsl("batchNorm", "batch_norm_input_gradient_vec4"),
  params: (p) => ({ ...foursParams(p), maxValue: reluBound(p.activation) }),
  workgroups: foursWorkgroups,
};

function lowerInputGradient(kernel: Kernel<InputGradient>): Lower<BatchNormGradientAttrs> {
  return ({ activation }, { x, gamma, beta }) => {
    const problem = { count: elements(x), channels: x.at(-1)!, gamma: !!gamma, beta: !!beta, activation };
    if (kernel === batchNormInputGradientVec4Kernel) needFours(problem);
    const bind = {
      dy: "dy",
      x: "x",
      gamma: gamma && "gamma",
      beta: beta && "beta",
      statistics: "statistics",
      dgamma: "dgamma",
      dbeta: "dbeta",
      dx: "dx",
    };
    return { dispatches: [dispatch(kernel, problem, bind)] };
  };
}

const gradientShapes = (x: Shape, gamma = true) => ({
  ...shapesOf(x),
  dgamma: [x.at(-1)!],
  dbeta: [x.at(-1)!],
  ...(gamma && { gamma: [x.at(-1)!] }),
});

export const batchNormInputGradient = operation<BatchNormGradientAttrs>({
  name: "batchNormInputGradient",
  inputs: ["dy", "x", "gamma?", "beta?", "statistics", "dgamma", "dbeta"], // beta with an activation only
  outputs: ["dx"],
  shapes: (_, { x }) => ({ dx: x! }),
  gradients: {},
  constants: ["dy", "x", "gamma", "beta", "statistics", "dgamma", "dbeta"],
  variants: {
    plain: lowerInputGradient(batchNormInputGradientKernel),
    vec4: lowerInputGradient(batchNormInputGradientVec4Kernel),
  },
  select: (_, { x }) => (inFours({ channels: x.at(-1)! }) ? "vec4" : "plain"),
  cases: [
    { attrs: {}, inputs: gradientShapes([1, 1]) },
    { attrs: {}, inputs: gradientShapes([3, 5, 7, 3]) },
    { attrs: {}, inputs: gradientShapes([2, 3, 3, 4], false) },
    { attrs: { activation: relu6 }, inputs: { ...gradientShapes([2, 4, 4, 5]), beta: [5] } },
    { attrs: { activation: relu6 }, inputs: { ...gradientShapes([3, 5, 7, 12]), beta: [12] } },
    { attrs: { activation: relu }, inputs: gradientShapes([2, 5, 7, 8], false) },
    { attrs: {}, inputs: gradientShapes([8, 24, 24, 20]), large: true },
  ],
});
