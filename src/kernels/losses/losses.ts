/** Losses: one value a row, and the gradient of their mean over all rows. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Dispatch, type Kernel } from "../kernel";
import { elements, operation, type Case, type Lower, type Operation, type Shape } from "../operation";
import { classesOf } from "../softmax/softmax";
import categoricalSource from "./categorical_cross_entropy.wgsl?raw";
import categoricalRowsSource from "./categorical_cross_entropy_rows.wgsl?raw";
import pointwiseSource from "./pointwise_loss.wgsl?raw";

export interface CategoricalAttrs {
  /** Labels are class ids instead of one value a class. */
  readonly sparse: boolean;
  readonly fromLogits: boolean;
  readonly labelSmoothing: number;
}

interface Categorical extends CategoricalAttrs {
  readonly rows: number;
  readonly classes: number;
  readonly gradient: boolean;
}

export const categoricalKernel: Kernel<Categorical> = {
  name: "categorical_cross_entropy",
  source: categoricalSource,
  overrides: (p) => ({ SPARSE: p.sparse, LOGITS: p.fromLogits, GRADIENT: p.gradient }),
  params: (p) => ({ rows: p.rows, classes: p.classes, smoothing: p.labelSmoothing }),
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: (p) => ({
    x: p.rows * p.classes,
    labels: p.sparse ? p.rows : p.rows * p.classes,
    y: p.gradient ? p.rows * p.classes : p.rows,
  }),
  cost: (p) => ({ flops: 8 * p.rows * p.classes, bytes: 4 * p.rows * (2 * p.classes + 1) }),
};

/** One invocation a row instead of a workgroup. */
export const categoricalRowsKernel: Kernel<Categorical> = {
  ...categoricalKernel,
  name: "categorical_cross_entropy_rows",
  source: categoricalRowsSource,
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 4)),
};

export interface PointwiseAttrs {
  readonly fromLogits?: boolean;
  readonly labelSmoothing?: number;
}

interface Pointwise {
  readonly rows: number;
  readonly classes: number;
  /** LOSS in the program. */
  readonly loss: number;
  readonly labelSmoothing: number;
  readonly gradient: boolean;
}

export const pointwiseKernel: Kernel<Pointwise> = {
  name: "pointwise_loss",
  source: pointwiseSource,
  overrides: (p) => ({ LOSS: p.loss, GRADIENT: p.gradient }),
  params: (p) => ({ rows: p.rows, classes: p.classes, smoothing: p.labelSmoothing }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({ x: p.rows * p.classes, labels: p.rows * p.classes, y: p.gradient ? p.rows * p.classes : p.rows }),
  cost: (p) => ({ flops: 6 * p.rows * p.classes, bytes: 4 * p.rows * (2 * p.classes + (p.gradient ? p.classes : 1)) }),
};

function checkLabels(who: string, x: Shape | undefined, labels: Shape | undefined, expected: Shape): void {
  if (!x || x.length < 2)
    throw new ThawError(who, `predictions of shape ${formatShape(x)}`, "at least 2 dimensions, classes last");
  if (!labels || elements(labels) !== elements(expected)) {
    throw new ThawError(
      who,
      `labels of shape ${formatShape(labels)} for predictions ${formatShape(x)}`,
      formatShape(expected),
    );
  }
}

/** A loss and the operation of its gradient, from one way to launch them. */
function lossPair<A>(
  name: string,
  labelShape: (attrs: A, x: Shape) => Shape,
  launches: Readonly<Record<string, (attrs: A, x: Shape, gradient: boolean) => Dispatch>>,
  cases: readonly Case<A>[],
): [Operation<A>, Operation<A>] {
  const variants = (gradient: boolean) =>
    Object.fromEntries(
      Object.entries(launches).map(([variant, launch]): [string, Lower<A>] => [
        variant,
        (attrs, { x }) => ({ dispatches: [launch(attrs, x, gradient)] }),
      ]),
    );
  // Barriers are dear on software adapters.
  const select: Operation<A>["select"] = (_, __, { software }) => (software && launches.rows ? "rows" : "plain");
  const forward = operation<A>({
    name,
    inputs: ["x", "labels"],
    outputs: ["loss"],
    loss: true,
    shapes: (attrs, { x, labels }) => {
      checkLabels(name, x, labels, x ? labelShape(attrs, x) : []);
      return { loss: x!.slice(0, -1) };
    },
    gradients: { x: { op: `${name}Gradient`, from: { x: "x", labels: "labels" } } },
    constants: ["labels"],
    variants: variants(false),
    select,
    cases,
  });
  const backward = operation<A>({
    name: `${name}Gradient`,
    inputs: ["x", "labels"],
    outputs: ["dx"],
    shapes: (_, { x }) => ({ dx: x! }),
    gradients: {},
    constants: ["x", "labels"],
    variants: variants(true),
    select,
    cases,
  });
  return [forward, backward];
}

const probability = (_: number, random: () => number) => 0.05 + 0.9 * random();
const classId = (classes: number) => (_: number, random: () => number) => Math.floor(random() * classes);

function categoricalCases(): Case<CategoricalAttrs>[] {
  return (
    [
      [1, 2],
      [5, 7],
      [2, 3, 33],
      [3, 1000],
    ] as Shape[]
  ).flatMap((x) => {
    const classes = x.at(-1)!;
    return [true, false].flatMap((fromLogits): Case<CategoricalAttrs>[] => {
      const fill = fromLogits ? {} : { x: probability };
      const large = classes > 100 ? { large: true as const } : {};
      return [
        {
          attrs: { sparse: true, fromLogits, labelSmoothing: 0 },
          inputs: { x, labels: x.slice(0, -1) },
          fill: { ...fill, labels: classId(classes) },
          ...large,
        },
        {
          attrs: { sparse: false, fromLogits, labelSmoothing: 0.1 },
          inputs: { x, labels: x },
          fill: { ...fill, labels: probability },
          ...large,
        },
      ];
    });
  });
}

const categorical = (kernel: Kernel<Categorical>) => (attrs: CategoricalAttrs, x: Shape, gradient: boolean) =>
  dispatch(kernel, { ...attrs, ...classesOf(x), gradient }, { x: "x", labels: "labels", y: gradient ? "dx" : "loss" });

export const [categoricalCrossEntropy, categoricalCrossEntropyGradient] = lossPair<CategoricalAttrs>(
  "categoricalCrossEntropy",
  ({ sparse }, x) => (sparse ? x.slice(0, -1) : x),
  { plain: categorical(categoricalKernel), rows: categorical(categoricalRowsKernel) },
  categoricalCases(),
);

function pointwise(name: string, loss: (attrs: PointwiseAttrs) => number, cases: readonly Case<PointwiseAttrs>[]) {
  return lossPair<PointwiseAttrs>(
    name,
    (_, x) => x,
    {
      plain: (attrs, x, gradient) =>
        dispatch(
          pointwiseKernel,
          { ...classesOf(x), loss: loss(attrs), labelSmoothing: attrs.labelSmoothing ?? 0, gradient },
          { x: "x", labels: "labels", y: gradient ? "dx" : "loss" },
        ),
    },
    cases,
  );
}

const pairs: Shape[] = [
  [1, 1],
  [5, 7],
  [2, 3, 4],
  [130, 1],
];

export const [binaryCrossEntropy, binaryCrossEntropyGradient] = pointwise(
  "binaryCrossEntropy",
  ({ fromLogits }) => (fromLogits ? 2 : 1),
  pairs.flatMap((x): Case<PointwiseAttrs>[] => [
    { attrs: { fromLogits: true, labelSmoothing: 0.2 }, inputs: { x, labels: x }, fill: { labels: probability } },
    {
      attrs: { fromLogits: false, labelSmoothing: 0 },
      inputs: { x, labels: x },
      fill: { x: probability, labels: classId(2) },
    },
  ]),
);

export const [meanSquaredError, meanSquaredErrorGradient] = pointwise(
  "meanSquaredError",
  () => 0,
  pairs.map((x) => ({ attrs: {}, inputs: { x, labels: x } })),
);
