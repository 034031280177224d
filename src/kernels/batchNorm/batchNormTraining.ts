/** Batch normalization with the batch's own statistics (Ioffe and Szegedy 2015), channels last. */
import { formatShape, ThawError } from "../../errors";
import type { Activation } from "../activation/activation";
import { activationConstants } from "../activation/activation";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type AdapterTraits, type Case, type Lower, type Shape, type Shapes } from "../operation";
import { needQuads, rowsEach, selectReduction, treeOf, treeWorkgroups, type Tree } from "./channels";
import { foursParams, foursWorkgroups, needFours } from "./fours";
import { wgsl } from "../program";

export interface BatchNormAttrs {
  readonly epsilon: number;
  /** Part of the old moving statistics that stays. */
  readonly momentum: number;
  /** Fused: linear, or relu without slope and threshold, whose gradient can be taken from the output. */
  readonly activation?: Activation;
}

interface Statistics extends Tree {
  readonly epsilon: number;
  readonly momentum: number;
}

export const batchNormStatisticsKernel: Kernel<Statistics> = {
  program: wgsl("batchNorm", "batch_norm_statistics"),
  overrides: (p) => ({ WORKGROUP: p.workgroup, CHANNELS: p.width, FINISH: p.slices === 1 }),
  params: (p) => ({
    rows: p.rows,
    channels: p.channels,
    rowsEach: rowsEach(p),
    epsilon: p.epsilon,
    momentum: p.momentum,
  }),
  workgroups: treeWorkgroups,
  sizes: (p): Record<string, number> =>
    p.slices === 1
      ? { x: p.rows * p.channels, statistics: 2 * p.channels, movingMean: p.channels, movingVariance: p.channels }
      : { x: p.rows * p.channels, partial: 2 * p.slices * p.channels },
  cost: (p) => ({ flops: 4 * p.rows * p.channels, bytes: 4 * (p.rows + 6) * p.channels }),
};

export const batchNormStatisticsQuadsKernel: Kernel<Statistics> = {
  ...batchNormStatisticsKernel,
  program: wgsl("batchNorm", "batch_norm_statistics_quads"),
  overrides: () => ({}),
  params: (p) => ({ rows: p.rows, channels: p.channels / 4, epsilon: p.epsilon, momentum: p.momentum }),
  workgroups: (p) => foldWorkgroups(p.channels / 4),
};

export const batchNormFinishKernel: Kernel<Statistics> = {
  program: wgsl("batchNorm", "batch_norm_finish"),
  params: (p) => ({
    rows: p.rows,
    channels: p.channels,
    rowsEach: rowsEach(p),
    slices: p.slices,
    epsilon: p.epsilon,
    momentum: p.momentum,
  }),
  workgroups: (p) => [ceilDiv(p.channels, 64), 1, 1],
  sizes: (p) => ({
    partial: 2 * p.slices * p.channels,
    statistics: 2 * p.channels,
    movingMean: p.channels,
    movingVariance: p.channels,
  }),
  cost: (p) => ({ flops: 9 * p.slices * p.channels, bytes: 4 * (2 * p.slices + 6) * p.channels }),
};

interface Normalize {
  readonly count: number;
  readonly channels: number;
  readonly gamma: boolean;
  readonly beta: boolean;
  readonly activation: Activation | undefined;
}

const perInvocation = 4;

export const batchNormNormalizeKernel: Kernel<Normalize> = {
  program: wgsl("batchNorm", "batch_norm_normalize"),
  overrides: (p) => ({ RELU: isRelu(p.activation), HAS_GAMMA: p.gamma, HAS_BETA: p.beta }),
  params: (p) => ({ count: p.count, channels: p.channels, maxValue: reluBound(p.activation) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.count, 64 * perInvocation)),
  sizes: (p) => ({
    x: p.count,
    y: p.count,
    statistics: 2 * p.channels,
    ...(p.gamma && { gamma: p.channels }),
    ...(p.beta && { beta: p.channels }),
  }),
  cost: (p) => ({ flops: (isRelu(p.activation) ? 5 : 4) * p.count, bytes: 4 * (2 * p.count + 4 * p.channels) }),
};

export const batchNormNormalizeVec4Kernel: Kernel<Normalize> = {
  ...batchNormNormalizeKernel,
  program: wgsl("batchNorm", "batch_norm_normalize_vec4"),
  params: (p) => ({ ...foursParams(p), maxValue: reluBound(p.activation) }),
  workgroups: foursWorkgroups,
};

export const isRelu = (a: Activation | undefined): boolean => a?.kind === "relu";
export const reluBound = (a: Activation | undefined): number => activationConstants(a ?? { kind: "linear" }).maxValue;

/** Throws unless every given vector has one element a channel. */
export function checkChannels(who: string, shapes: Shapes, vectors: readonly string[]): void {
  const { x } = shapes;
  if (!x || x.length < 2)
    throw new ThawError(who, `x has shape ${formatShape(x)}`, "at least 2 dimensions, channels last");
  for (const name of vectors) {
    const shape = shapes[name];
    if (shape && (shape.length !== 1 || shape[0] !== x.at(-1))) {
      throw new ThawError(
        who,
        `${name} has shape ${formatShape(shape)} for an input ${formatShape(x)}`,
        `[${x.at(-1)}]`,
      );
    }
  }
}

interface Programs {
  readonly normalize: Kernel<Normalize>;
  readonly statistics?: Kernel<Statistics>;
  readonly slices?: number;
}

function lowerWith({
  normalize: kernel,
  statistics = batchNormStatisticsKernel,
  slices,
}: Programs): Lower<BatchNormAttrs> {
  return (attrs, shapes, adapter: AdapterTraits) => {
    const { x, gamma, beta } = shapes;
    const { epsilon, momentum, activation } = attrs;
    const tree: Statistics = { ...treeOf(x, adapter, slices), epsilon, momentum };
    const moving = { statistics: "statistics", movingMean: "movingMean", movingVariance: "movingVariance" };
    const one = tree.slices === 1;
    const normalize = { count: elements(x), channels: tree.channels, gamma: !!gamma, beta: !!beta, activation };
    if (kernel === batchNormNormalizeVec4Kernel) needFours(normalize);
    if (statistics === batchNormStatisticsQuadsKernel) needQuads(adapter);
    return {
      ...(!one && { scratch: { partial: 2 * tree.slices * tree.channels } }),
      dispatches: [
        dispatch(statistics, tree, one ? { x: "x", ...moving } : { x: "x", partial: "partial" }),
        ...(one ? [] : [dispatch(batchNormFinishKernel, tree, { partial: "partial", ...moving })]),
        dispatch(kernel, normalize, {
          x: "x",
          statistics: "statistics",
          gamma: gamma && "gamma",
          beta: beta && "beta",
          y: "y",
        }),
      ],
    };
  };
}

const positive = (_: number, random: () => number) => 0.5 + random();
const channel = (shape: Shape, only: readonly string[] = ["gamma", "beta"]) => ({
  x: shape,
  ...Object.fromEntries([...only, "movingMean", "movingVariance"].map((name) => [name, [shape.at(-1)!]])),
});
const base = { epsilon: 1e-3, momentum: 0.99 };
const relu6: Activation = { kind: "relu", maxValue: 6 };

export const batchNormTraining = operation<BatchNormAttrs>({
  name: "batchNormTraining",
  inputs: ["x", "gamma?", "beta?", "movingMean", "movingVariance"],
  /** statistics: [2, C], the means and then 1 / sqrt(variance + epsilon). */
  outputs: ["y", "statistics"],
  updates: ["movingMean", "movingVariance"],
  shapes: (_, inputs) => {
    checkChannels("batchNormTraining", inputs, ["gamma", "beta", "movingMean", "movingVariance"]);
    return { y: inputs.x!, statistics: [2, inputs.x!.at(-1)!] };
  },
  gradients: {
    gamma: {
      op: "batchNormReduce",
      from: { dy: "dy", x: "x", statistics: "statistics" },
      attrs: () => ({}),
      output: "dgamma",
    },
    beta: {
      op: "batchNormReduce",
      from: { dy: "dy", x: "x", statistics: "statistics" },
      attrs: () => ({}),
      output: "dbeta",
    },
    x: {
      op: "batchNormInputGradient",
      from: { dy: "dy", x: "x", gamma: "gamma", statistics: "statistics", dgamma: "dgamma", dbeta: "dbeta" },
      attrs: () => ({}),
    },
  },
  constants: ["movingMean", "movingVariance"],
  variants: {
    plain: lowerWith({ normalize: batchNormNormalizeKernel }),
    slices: lowerWith({ normalize: batchNormNormalizeKernel, slices: 5 }),
    vec4: lowerWith({ normalize: batchNormNormalizeVec4Kernel }),
    quads: lowerWith({
      normalize: batchNormNormalizeVec4Kernel,
      statistics: batchNormStatisticsQuadsKernel,
      slices: 1,
    }),
  },
  select: (_, { x }, adapter) => selectReduction(x, adapter),
  cases: examples().map((c) => ({ ...c, fill: { movingVariance: positive, ...c.fill } })),
});

function examples(): Case<BatchNormAttrs>[] {
  return [
    { attrs: base, inputs: channel([2, 1]) },
    { attrs: base, inputs: channel([3, 5, 7, 3]) },
    { attrs: { epsilon: 1.001e-5, momentum: 0.9 }, inputs: channel([2, 3, 3, 8], ["beta"]) },
    { attrs: base, inputs: channel([4, 5], ["gamma"]) },
    { attrs: base, inputs: channel([33, 9], []) },
    // A mean far from zero: the variance must not drown in it.
    { attrs: base, inputs: channel([64, 6]), fill: { x: (_, random) => 10 + random() }, large: true },
    {
      attrs: { ...base, activation: relu6 },
      inputs: channel([2, 4, 4, 5]),
      fused: true,
      fill: { gamma: (i) => 3 + i },
    },
    {
      attrs: { ...base, activation: relu6 },
      inputs: channel([3, 5, 7, 12], ["beta"]),
      fused: true,
      fill: { beta: (i) => 6 * (i % 2) },
    },
    { attrs: base, inputs: channel([8, 24, 24, 17]), large: true },
    { attrs: base, inputs: channel([8, 24, 24, 20]), large: true },
  ];
}
