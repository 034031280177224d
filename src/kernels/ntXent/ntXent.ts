/** NT-Xent, the contrastive loss of SimCLR (Chen et al. 2020, equation 1), with its gradient. */
import { formatShape, ThawError } from "../../errors";
import { dispatch, foldWorkgroups, type Dispatch, type Kernel } from "../kernel";
import { operation, type Case, type Operation, type Shape } from "../operation";
import { wgsl } from "../late-program";

export interface NtXentAttrs {
  /** Cosine similarities are divided by it. */
  readonly temperature: number;
}

interface Rows {
  readonly rows: number;
  readonly width: number;
}

interface Pairs extends Rows, NtXentAttrs {}

const size = (p: Rows) => p.rows * p.width;

export const ntXentNormalizeKernel: Kernel<Rows> = {
  program: wgsl("inside", "nt_xent_normalize"),
  params: ({ rows, width }) => ({ rows, width }),
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: (p) => ({ x: size(p), u: size(p), inverse: p.rows }),
  cost: (p) => ({ flops: 3 * size(p), bytes: 8 * size(p) }),
};

const params = ({ rows, width, temperature }: Pairs) => ({ rows, width, scale: 1 / temperature });

export const ntXentRowsKernel: Kernel<Pairs> = {
  program: wgsl("inside", "nt_xent_rows"),
  params,
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: (p) => ({ u: size(p), loss: p.rows, logSum: p.rows }),
  cost: (p) => ({ flops: 2 * p.rows * size(p), bytes: 4 * (size(p) + 2 * p.rows) }),
};

export const ntXentGradientKernel: Kernel<Pairs> = {
  program: wgsl("inside", "nt_xent_gradient"),
  params,
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: (p) => ({ u: size(p), inverse: p.rows, logSum: p.rows, dx: size(p) }),
  cost: (p) => ({ flops: 4 * p.rows * size(p), bytes: 8 * size(p) }),
};

export const contrastiveAccuracyKernel: Kernel<Rows> = {
  program: wgsl("inside", "contrastive_accuracy"),
  params: ({ rows, width }) => ({ rows, width }),
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: (p) => ({ u: size(p), correct: p.rows }),
  cost: (p) => ({ flops: 2 * p.rows * size(p), bytes: 4 * (size(p) + p.rows) }),
};

const name = "ntXent";

function check({ temperature }: NtXentAttrs, x: Shape | undefined): Shape {
  if (!x || x.length !== 2 || x[0] < 4 || x[0] % 2 !== 0)
    throw new ThawError(
      name,
      `projections of shape ${formatShape(x)}`,
      "[2 * samples, features] with two samples or more: the first views, then the second views in the same order",
      "A batch of one sample has nothing to be told apart from.",
    );
  if (!(temperature > 0) || !Number.isFinite(temperature))
    throw new ThawError(name, `temperature ${temperature}`, "a number above 0");
  return x;
}

const cases: Case<NtXentAttrs>[] = (
  [
    [0.5, [4, 2]],
    [0.1, [6, 7]],
    [1, [10, 65]],
    [0.5, [64, 5]],
    [0.2, [66, 3]],
    [0.05, [130, 17], "large"],
  ] as [number, Shape, "large"?][]
).map(([temperature, x, large]) => ({
  attrs: { temperature },
  inputs: { x, labels: [x[0] / 2] },
  ...(large && { large: true as const }),
}));

/** Labels are not read: which rows belong together is their place. They are an input as every objective has them. */
function form(which: string, loss: boolean, gradient: boolean): Operation<NtXentAttrs> {
  return operation<NtXentAttrs>({
    name: which,
    inputs: ["x", "labels"],
    outputs: [...(loss ? ["loss"] : []), ...(gradient ? ["dx"] : [])],
    ...(loss && !gradient && { loss: true as const }),
    shapes: (attrs, { x }) => {
      const [rows, width] = check(attrs, x);
      return { ...(loss && { loss: [rows] }), ...(gradient && { dx: [rows, width] }) };
    },
    gradients: gradient ? {} : { x: { op: `${name}Gradient`, from: { x: "x", labels: "labels" } } },
    constants: gradient ? ["x", "labels"] : ["labels"],
    variants: {
      plain: ({ temperature }, { x }) => {
        const [rows, width] = x;
        const pairs = { rows, width, temperature };
        const launches: Dispatch[] = [
          dispatch(ntXentNormalizeKernel, { rows, width }, { x: "x", u: "u", inverse: "inverse" }),
          dispatch(ntXentRowsKernel, pairs, { u: "u", loss: loss ? "loss" : "unread", logSum: "logSum" }),
        ];
        if (gradient)
          launches.push(
            dispatch(ntXentGradientKernel, pairs, { u: "u", inverse: "inverse", logSum: "logSum", dx: "dx" }),
          );
        return {
          dispatches: launches,
          scratch: { u: rows * width, inverse: rows, logSum: rows, ...(!loss && { unread: rows }) },
        };
      },
    },
    cases,
  });
}

/** The metric that goes with it: whether a view's partner is the nearest of all others. */
const contrastiveAccuracy = operation<object>({
  name: "contrastiveAccuracy",
  inputs: ["x", "labels"],
  outputs: ["correct"],
  shapes: (_, { x }) => ({ correct: [check({ temperature: 1 }, x)[0]] }),
  gradients: {},
  constants: ["x", "labels"],
  variants: {
    plain: (_, { x: [rows, width] }) => ({
      dispatches: [
        dispatch(ntXentNormalizeKernel, { rows, width }, { x: "x", u: "u", inverse: "inverse" }),
        dispatch(contrastiveAccuracyKernel, { rows, width }, { u: "u", correct: "correct" }),
      ],
      scratch: { u: rows * width, inverse: rows },
    }),
  },
  cases: cases.map(({ inputs }) => ({ attrs: {}, inputs })),
});

/** The loss of each view, the gradient of its mean, both at once, and the metric. */
export const ntXent: readonly Operation[] = [
  contrastiveAccuracy,
  form(name, true, false),
  form(`${name}Gradient`, false, true),
  form(`${name}WithGradient`, true, true),
];
