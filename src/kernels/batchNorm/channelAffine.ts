/** Batch normalization in inference mode: two vectors made from the moving statistics, and y = x * scale + shift. */
import { activationConstants, type Activation } from "../activation/activation";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Lower, type Shape } from "../operation";
import {
  batchNormReduceQuadsKernel,
  batchNormReduceVec4Kernel,
  lowerReduce,
  type ReduceOptions,
} from "./batchNormGradients";
import { checkChannels } from "./batchNormTraining";
import { selectReduction } from "./channels";
import { foursParams, foursWorkgroups, inFours, needFours } from "./fours";
import { wgsl } from "../program";

export interface FoldAttrs {
  readonly epsilon: number;
}

interface Fold extends FoldAttrs {
  readonly channels: number;
  readonly gamma: boolean;
  readonly beta: boolean;
}

const foldLaunch = ({ channels }: { channels: number }): [number, number, number] => [ceilDiv(channels, 64), 1, 1];

export const batchNormFoldKernel: Kernel<Fold> = {
  program: wgsl("batchNorm", "batch_norm_fold"),
  overrides: (p) => ({ HAS_GAMMA: p.gamma, HAS_BETA: p.beta }),
  params: (p) => ({ channels: p.channels, epsilon: p.epsilon }),
  workgroups: foldLaunch,
  sizes: ({ channels, gamma, beta }) => ({
    mean: channels,
    variance: channels,
    scale: channels,
    shift: channels,
    ...(gamma && { gamma: channels }),
    ...(beta && { beta: channels }),
  }),
  cost: (p) => ({ flops: 6 * p.channels, bytes: 24 * p.channels }),
};

const positive = (_: number, random: () => number) => 0.5 + random();
const vectors = (channels: number, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, [channels]]));

export const batchNormFold = operation<FoldAttrs>({
  name: "batchNormFold",
  inputs: ["gamma?", "beta?", "mean", "variance"],
  outputs: ["scale", "shift"],
  shapes: (_, { mean }) => ({ scale: mean!, shift: mean! }),
  gradients: {
    gamma: {
      op: "batchNormFoldGradient",
      from: { dscale: "dscale", dshift: "dshift", mean: "mean", variance: "variance" },
      output: "dgamma",
    },
    beta: {
      op: "batchNormFoldGradient",
      from: { dscale: "dscale", dshift: "dshift", mean: "mean", variance: "variance" },
      output: "dbeta",
    },
  },
  constants: ["mean", "variance"],
  variants: {
    plain: ({ epsilon }, { gamma, beta, mean }) => ({
      dispatches: [
        dispatch(
          batchNormFoldKernel,
          { epsilon, channels: mean[0], gamma: !!gamma, beta: !!beta },
          {
            gamma: gamma && "gamma",
            beta: beta && "beta",
            mean: "mean",
            variance: "variance",
            scale: "scale",
            shift: "shift",
          },
        ),
      ],
    }),
  },
  cases: [
    { attrs: { epsilon: 1e-3 }, inputs: vectors(1, ["gamma", "beta", "mean", "variance"]) },
    { attrs: { epsilon: 1.001e-5 }, inputs: vectors(65, ["gamma", "beta", "mean", "variance"]) },
    { attrs: { epsilon: 1e-3 }, inputs: vectors(7, ["beta", "mean", "variance"]) },
    { attrs: { epsilon: 1e-3 }, inputs: vectors(64, ["mean", "variance"]) },
  ].map((c) => ({ ...c, fill: { variance: positive } })),
});

export const batchNormFoldGradientKernel: Kernel<FoldAttrs & { readonly channels: number }> = {
  program: wgsl("batchNorm", "batch_norm_fold_gradient"),
  params: (p) => ({ channels: p.channels, epsilon: p.epsilon }),
  workgroups: foldLaunch,
  sizes: ({ channels }) => vectorSizes(channels, ["dscale", "dshift", "mean", "variance", "dgamma", "dbeta"]),
  cost: (p) => ({ flops: 5 * p.channels, bytes: 24 * p.channels }),
};

const vectorSizes = (n: number, names: readonly string[]) => Object.fromEntries(names.map((name) => [name, n]));

export const batchNormFoldGradient = operation<FoldAttrs>({
  name: "batchNormFoldGradient",
  inputs: ["dscale", "dshift", "mean", "variance"],
  outputs: ["dgamma", "dbeta"],
  shapes: (_, { mean }) => ({ dgamma: mean!, dbeta: mean! }),
  gradients: {},
  constants: ["dscale", "dshift", "mean", "variance"],
  variants: {
    plain: ({ epsilon }, { mean }) => ({
      dispatches: [
        dispatch(
          batchNormFoldGradientKernel,
          { epsilon, channels: mean[0] },
          { dscale: "dscale", dshift: "dshift", mean: "mean", variance: "variance", dgamma: "dgamma", dbeta: "dbeta" },
        ),
      ],
    }),
  },
  cases: [1, 65].map((n) => ({
    attrs: { epsilon: 1e-3 },
    inputs: vectors(n, ["dscale", "dshift", "mean", "variance"]),
    fill: { variance: positive },
  })),
});

export interface AffineAttrs {
  readonly activation?: Activation;
}

interface Affine {
  readonly count: number;
  readonly channels: number;
  readonly shift: boolean;
  readonly activation: Activation | undefined;
}

const perInvocation = 4;

export const channelAffineKernel: Kernel<Affine> = {
  program: wgsl("batchNorm", "channel_affine"),
  overrides: (p) => ({ HAS_SHIFT: p.shift, FUNCTION: activationConstants(p.activation ?? { kind: "linear" }).code }),
  params: (p) => {
    const { slope, maxValue, threshold } = activationConstants(p.activation ?? { kind: "linear" });
    return { count: p.count, channels: p.channels, slope, maxValue, threshold };
  },
  workgroups: (p) => foldWorkgroups(ceilDiv(p.count, 64 * perInvocation)),
  sizes: (p) => ({ x: p.count, y: p.count, scale: p.channels, ...(p.shift && { shift: p.channels }) }),
  cost: (p) => ({
    flops: (p.shift ? 2 : 1) * p.count + (p.activation ? p.count : 0),
    bytes: 4 * (2 * p.count + 2 * p.channels),
  }),
};

export const channelAffineVec4Kernel: Kernel<Affine> = {
  ...channelAffineKernel,
  program: wgsl("batchNorm", "channel_affine_vec4"),
  params: (p) => ({ ...channelAffineKernel.params(p), ...foursParams(p) }),
  workgroups: foursWorkgroups,
};

function lowerAffine(kernel: Kernel<Affine>): Lower<AffineAttrs> {
  return ({ activation }, { x, shift }) => {
    const problem = { count: elements(x), channels: x.at(-1)!, shift: !!shift, activation };
    if (kernel === channelAffineVec4Kernel) needFours(problem);
    return { dispatches: [dispatch(kernel, problem, { x: "x", scale: "scale", shift: shift && "shift", y: "y" })] };
  };
}

const affineVariants = { plain: lowerAffine(channelAffineKernel), vec4: lowerAffine(channelAffineVec4Kernel) };
const selectAffine = (x: Shape) => (inFours({ channels: x.at(-1)! }) ? "vec4" : "plain");

const affineShapes = (x: Shape) => ({ x, scale: [x.at(-1)!], shift: [x.at(-1)!] });

export const channelAffine = operation<AffineAttrs>({
  name: "channelAffine",
  inputs: ["x", "scale", "shift?"],
  outputs: ["y"],
  shapes: (_, inputs) => {
    // Also used on single vectors (a bias that is scaled along), which have no rows.
    if (inputs.x?.length !== 1) checkChannels("channelAffine", inputs, ["scale", "shift"]);
    return { y: inputs.x! };
  },
  gradients: {
    x: { op: "channelScale", from: { x: "dy", scale: "scale" }, attrs: () => ({}) },
    scale: { op: "channelAffineReduce", from: { dy: "dy", x: "x" }, attrs: () => ({}), output: "dscale" },
    shift: { op: "channelAffineReduce", from: { dy: "dy", x: "x" }, attrs: () => ({}), output: "dshift" },
  },
  variants: affineVariants,
  select: (_, { x }) => selectAffine(x),
  cases: [
    { attrs: {}, inputs: affineShapes([1, 1]) },
    { attrs: {}, inputs: affineShapes([2, 3, 5, 7]) },
    { attrs: {}, inputs: { x: [5, 3], scale: [3] } },
    { attrs: {}, inputs: affineShapes([9]) },
    ...(["relu", "sigmoid", "tanh", "silu", "hardSigmoid", "hardSilu"] as const).map((kind) => ({
      attrs: { activation: { kind } },
      inputs: affineShapes([3, 4, 4, 5]),
      fused: true as const,
    })),
    ...(["relu", "sigmoid", "tanh", "silu", "hardSigmoid", "hardSilu"] as const).map((kind) => ({
      attrs: { activation: { kind } },
      inputs: affineShapes([3, 7, 5, 8]),
      fused: true as const,
    })),
  ],
});

export const channelScale = operation<object>({
  name: "channelScale",
  inputs: ["x", "scale"],
  outputs: ["y"],
  shapes: (_, { x }) => ({ y: x! }),
  gradients: {},
  constants: ["x", "scale"],
  variants: affineVariants,
  select: (_, { x }) => selectAffine(x),
  cases: [
    { attrs: {}, inputs: { x: [1, 1], scale: [1] } },
    { attrs: {}, inputs: { x: [2, 3, 5, 7], scale: [7] } },
    { attrs: {}, inputs: { x: [3, 7, 5, 8], scale: [8] } },
  ],
});

const lowerAffineReduce =
  (options: ReduceOptions): Lower<object> =>
  (_, { x }, adapter) =>
    lowerReduce(x, adapter, { first: "dscale", second: "dshift" }, options);

export const channelAffineReduce = operation<object>({
  name: "channelAffineReduce",
  inputs: ["dy", "x"],
  outputs: ["dscale", "dshift"],
  shapes: (_, { x }) => ({ dscale: [x!.at(-1)!], dshift: [x!.at(-1)!] }),
  gradients: {},
  constants: ["dy", "x"],
  variants: {
    plain: lowerAffineReduce({}),
    slices: lowerAffineReduce({ slices: 3 }),
    vec4: lowerAffineReduce({ kernel: batchNormReduceVec4Kernel }),
    quads: lowerAffineReduce({ kernel: batchNormReduceQuadsKernel }),
  },
  select: (_, { x }, adapter) => selectReduction(x, adapter),
  cases: [
    { attrs: {}, inputs: { dy: [1, 1], x: [1, 1] } },
    { attrs: {}, inputs: { dy: [2, 3, 5, 7], x: [2, 3, 5, 7] } },
    { attrs: {}, inputs: { dy: [3, 7, 5, 8], x: [3, 7, 5, 8] } },
  ],
});
