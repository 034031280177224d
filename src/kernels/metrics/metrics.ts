/** What a step reports: right answers, sums of loss and metrics, the gradient's norm, and whether all was finite. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Lower, type Shape } from "../operation";
import { classesOf } from "../softmax/softmax";
import { wgsl } from "../program";

export interface AccuracyAttrs {
  readonly kind: "sparse" | "categorical" | "binary";
  /** Among how many of the likeliest classes the right one has to be. */
  readonly k: number;
  /** Binary: above it an output means 1. Default 0.5. */
  readonly threshold?: number;
}

interface Accuracy extends AccuracyAttrs {
  readonly rows: number;
  readonly classes: number;
}

const kinds = { sparse: 0, categorical: 1, binary: 2 } as const;

export const accuracyKernel: Kernel<Accuracy> = {
  program: wgsl("training", "accuracy"),
  overrides: (p) => ({ KIND: kinds[p.kind] }),
  params: (p) => ({ rows: p.rows, classes: p.classes, k: p.k, threshold: p.threshold ?? 0.5 }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({ x: p.rows * p.classes, labels: p.kind === "sparse" ? p.rows : p.rows * p.classes, correct: p.rows }),
  cost: (p) => ({ flops: p.rows * p.classes, bytes: 4 * p.rows * (p.classes + 2) }),
};

const classId = (classes: number) => (_: number, random: () => number) => Math.floor(random() * classes);

export const accuracy = operation<AccuracyAttrs>({
  name: "accuracy",
  inputs: ["x", "labels"],
  outputs: ["correct"],
  shapes: ({ kind }, { x, labels }) => {
    const expected = x && (kind === "sparse" ? x.slice(0, -1) : x);
    if (!x || !labels || elements(labels) !== elements(expected!)) {
      throw new ThawError(
        "accuracy",
        `labels of shape ${formatShape(labels)} for predictions ${formatShape(x)}`,
        formatShape(expected),
      );
    }
    return { correct: x.slice(0, -1) };
  },
  gradients: {},
  constants: ["x", "labels"],
  variants: {
    plain: (attrs, { x }) => ({
      dispatches: [
        dispatch(accuracyKernel, { ...attrs, ...classesOf(x) }, { x: "x", labels: "labels", correct: "correct" }),
      ],
    }),
  },
  cases: [
    { attrs: { kind: "sparse", k: 1 }, inputs: { x: [1, 2], labels: [1] }, fill: { labels: classId(2) } },
    {
      attrs: { kind: "sparse", k: 1 },
      inputs: { x: [70, 3], labels: [70] },
      fill: { labels: classId(3), x: classId(3) },
    },
    { attrs: { kind: "sparse", k: 5 }, inputs: { x: [33, 11], labels: [33] }, fill: { labels: classId(11) } },
    { attrs: { kind: "categorical", k: 2 }, inputs: { x: [9, 5], labels: [9, 5] } },
    { attrs: { kind: "binary", k: 1 }, inputs: { x: [13, 3], labels: [13, 3] }, fill: { labels: classId(2) } },
    {
      attrs: { kind: "binary", k: 1, threshold: 0 },
      inputs: { x: [4, 1], labels: [4, 1] },
      fill: { labels: classId(2) },
    },
  ],
});

interface Summary {
  readonly rows: number;
  readonly metrics: number;
  readonly partials: number;
}

export const summarizeKernel: Kernel<Summary> = {
  program: wgsl("training", "summarize"),
  overrides: (p) => ({ METRICS: p.metrics, HAS_NORM: p.partials > 0 }),
  params: (p) => ({ rows: p.rows, partials: p.partials }),
  workgroups: () => [1, 1, 1],
  sizes: (p) => ({
    loss: p.rows,
    ...Object.fromEntries(Array.from({ length: p.metrics }, (_, i) => [`metric${i}`, p.rows])),
    ...(p.partials > 0 && { norm: p.partials }),
    ring: 512,
    status: 4,
  }),
  cost: (p) => ({
    flops: p.rows * (1 + p.metrics) + p.partials,
    bytes: 4 * (p.rows * (1 + p.metrics) + p.partials + 12),
  }),
};

/** One invocation instead of a workgroup with trees. */
export const summarizeSerialKernel: Kernel<Summary> = {
  ...summarizeKernel,
  program: wgsl("training", "summarize_serial"),
};

/** Rows that one invocation adds up sooner than the trees' barriers are through. */
const fewRows = 512;

const lowerSummary =
  (kernel: Kernel<Summary>): Lower<object> =>
  (_, { loss, metric0, metric1, metric2, norm }) => {
    const metrics = [metric0, metric1, metric2].filter(Boolean).length;
    const given = Object.fromEntries(["metric0", "metric1", "metric2"].slice(0, metrics).map((name) => [name, name]));
    const problem = { rows: elements(loss), metrics, partials: norm ? elements(norm) : 0 };
    const bind = { loss: "loss", ...given, norm: norm && "norm", ring: "ring", status: "status" };
    return { dispatches: [dispatch(kernel, problem, bind)] };
  };

const ringAndStatus = { ring: [64, 8], status: [4] };
const notHalted = { ring: () => 0, status: () => 0 };

export const summarize = operation<object>({
  name: "summarize",
  inputs: ["loss", "metric0?", "metric1?", "metric2?", "norm?", "ring", "status"],
  outputs: [],
  updates: ["ring", "status"],
  shapes: () => ({}),
  gradients: {},
  constants: ["loss", "metric0", "metric1", "metric2", "norm", "ring", "status"],
  variants: { plain: lowerSummary(summarizeKernel), serial: lowerSummary(summarizeSerialKernel) },
  select: (_, { loss }, { software }) => (software && elements(loss) <= fewRows ? "serial" : "plain"),
  cases: [
    { attrs: {}, inputs: { loss: [1], ...ringAndStatus }, fill: notHalted },
    {
      attrs: {},
      inputs: { loss: [70], metric0: [70], norm: [64], ...ringAndStatus },
      fill: { ...notHalted, norm: (_, random) => random() },
    },
    {
      attrs: {},
      inputs: { loss: [5], metric0: [5], metric1: [5], metric2: [5], norm: [64], ...ringAndStatus },
      fill: { ...notHalted, norm: (_, random) => random() },
    },
    // Halted already: it stays so, with the iteration of the halt.
    {
      attrs: {},
      inputs: { loss: [3], norm: [64], ...ringAndStatus },
      fill: { ring: () => 0, status: (i) => (i < 2 ? i + 1 : 0), norm: () => 1 },
    },
  ],
});

const normGroups = 64;

export const gradientNormKernel: Kernel<{ readonly count: number }> = {
  program: wgsl("training", "gradient_norm"),
  params: ({ count }) => ({ count, groups: normGroups }),
  workgroups: () => [normGroups, 1, 1],
  sizes: ({ count }) => ({ gradients: count, partial: normGroups }),
  cost: ({ count }) => ({ flops: 2 * count, bytes: 4 * count }),
};

/** One invocation a part instead of a workgroup. */
export const gradientNormSerialKernel: Kernel<{ readonly count: number }> = {
  ...gradientNormKernel,
  program: wgsl("training", "gradient_norm_serial"),
  workgroups: () => [normGroups / 4, 1, 1],
};

const lowerNorm =
  (kernel: typeof gradientNormKernel): Lower<object> =>
  (_, { gradients }) => ({
    dispatches: [dispatch(kernel, { count: elements(gradients) }, { gradients: "gradients", partial: "partial" })],
  });

export const gradientNorm = operation<object>({
  name: "gradientNorm",
  inputs: ["gradients"],
  outputs: ["partial"],
  shapes: () => ({ partial: [normGroups] }),
  gradients: {},
  constants: ["gradients"],
  variants: { plain: lowerNorm(gradientNormKernel), serial: lowerNorm(gradientNormSerialKernel) },
  select: (_, __, { software }) => (software ? "serial" : "plain"),
  cases: ([[64], [320], [64 * 513]] satisfies Shape[]).map((gradients) => ({ attrs: {}, inputs: { gradients } })),
});
