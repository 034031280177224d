/** Losses: one value a row, and the gradient of their mean over all rows. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Dispatch, type Kernel } from "../kernel";
import {
  elements,
  operation,
  type AdapterTraits,
  type Case,
  type Lower,
  type Operation,
  type Shape,
} from "../operation";
import { classesOf } from "../softmax/softmax";
import { wgsl } from "../program";
import { lossCases } from "./cases";

export interface CategoricalAttrs {
  /** Labels are class ids instead of one value a class. */
  readonly sparse: boolean;
  readonly fromLogits: boolean;
  readonly labelSmoothing: number;
}

/** What a launch computes: the loss of each row, the gradient of the mean, or both at once. */
interface Wanted {
  readonly loss: boolean;
  readonly gradient: boolean;
}

const outputs = ({ loss, gradient }: Wanted) => ({ ...(loss && { loss: "loss" }), ...(gradient && { dx: "dx" }) });

interface Categorical extends CategoricalAttrs {
  readonly rows: number;
  readonly classes: number;
  readonly wanted: Wanted;
}

const outputSizes = ({ rows, classes, wanted }: { rows: number; classes: number; wanted: Wanted }) => ({
  ...(wanted.loss && { loss: rows }),
  ...(wanted.gradient && { dx: rows * classes }),
});

export const categoricalKernel: Kernel<Categorical> = {
  program: wgsl("training", "categorical_cross_entropy"),
  overrides: (p) => ({
    SPARSE: p.sparse,
    LOGITS: p.fromLogits,
    LOSS: p.wanted.loss,
    GRADIENT: p.wanted.gradient,
  }),
  params: (p) => ({ rows: p.rows, classes: p.classes, smoothing: p.labelSmoothing }),
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: (p) => ({
    x: p.rows * p.classes,
    labels: p.sparse ? p.rows : p.rows * p.classes,
    ...outputSizes(p),
  }),
  cost: (p) => ({ flops: 8 * p.rows * p.classes, bytes: 4 * p.rows * (2 * p.classes + 1) }),
};

/** One invocation a row instead of a workgroup. */
export const categoricalRowsKernel: Kernel<Categorical> = {
  ...categoricalKernel,
  program: wgsl("training", "categorical_cross_entropy_rows"),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 4)),
};

export interface PointwiseAttrs {
  readonly fromLogits?: boolean;
  readonly labelSmoothing?: number;
}

interface Pointwise {
  readonly rows: number;
  readonly classes: number;
  /** KIND in the program. */
  readonly kind: number;
  readonly labelSmoothing: number;
  readonly wanted: Wanted;
}

export const pointwiseKernel: Kernel<Pointwise> = {
  program: wgsl("training", "pointwise_loss"),
  overrides: (p) => ({ KIND: p.kind, LOSS: p.wanted.loss, GRADIENT: p.wanted.gradient }),
  params: (p) => ({ rows: p.rows, classes: p.classes, smoothing: p.labelSmoothing }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({ x: p.rows * p.classes, labels: p.rows * p.classes, ...outputSizes(p) }),
  cost: (p) => {
    const written = Object.values(outputSizes(p)).reduce((a, b) => a + b, 0);
    return { flops: 6 * p.rows * p.classes, bytes: 4 * (2 * p.rows * p.classes + written) };
  },
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

/** Name of the operation that computes a loss and its gradient in one pass over the labels. */
export const withGradient = (loss: string): string => `${loss}WithGradient`;

/** A loss, the operation of its gradient, and both in one, from one way to launch them. */
function lossOperations<A>(
  name: string,
  labelShape: (attrs: A, x: Shape) => Shape,
  launches: Readonly<Record<string, (attrs: A, x: Shape, wanted: Wanted) => Dispatch>>,
): Operation<A>[] {
  const lowered = (wanted: Wanted) => ({
    variants: Object.fromEntries(
      Object.entries(launches).map(([variant, launch]): [string, Lower<A>] => [
        variant,
        (attrs, { x }) => ({ dispatches: [launch(attrs, x, wanted)] }),
      ]),
    ),
    // Barriers are dear on software adapters.
    select: (_: A, __: object, { software }: AdapterTraits) => (software && launches.rows ? "rows" : "plain"),
  });
  const common = { inputs: ["x", "labels"], gradients: {}, constants: ["x", "labels"] };
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
    ...lowered({ loss: true, gradient: false }),
    cases: lossCases(name) as Case<A>[],
  });
  const backward = operation<A>({
    ...common,
    name: `${name}Gradient`,
    outputs: ["dx"],
    shapes: (_, { x }) => ({ dx: x! }),
    ...lowered({ loss: false, gradient: true }),
    cases: lossCases(name) as Case<A>[],
  });
  const both = operation<A>({
    ...common,
    name: withGradient(name),
    outputs: ["loss", "dx"],
    shapes: (_, { x }) => ({ loss: x!.slice(0, -1), dx: x! }),
    ...lowered({ loss: true, gradient: true }),
    cases: lossCases(name) as Case<A>[],
  });
  return [forward, backward, both];
}

const categorical = (kernel: Kernel<Categorical>) => (attrs: CategoricalAttrs, x: Shape, wanted: Wanted) =>
  dispatch(kernel, { ...attrs, ...classesOf(x), wanted }, { x: "x", labels: "labels", ...outputs(wanted) });

const categoricalOperations = lossOperations<CategoricalAttrs>(
  "categoricalCrossEntropy",
  ({ sparse }, x) => (sparse ? x.slice(0, -1) : x),
  { plain: categorical(categoricalKernel), rows: categorical(categoricalRowsKernel) },
);

const pointwise = (name: string, kind: (attrs: PointwiseAttrs) => number) =>
  lossOperations<PointwiseAttrs>(name, (_, x) => x, {
    plain: (attrs, x, wanted) =>
      dispatch(
        pointwiseKernel,
        { ...classesOf(x), kind: kind(attrs), labelSmoothing: attrs.labelSmoothing ?? 0, wanted },
        { x: "x", labels: "labels", ...outputs(wanted) },
      ),
  });

const binaryOperations = pointwise("binaryCrossEntropy", ({ fromLogits }) => (fromLogits ? 2 : 1));
const squaredOperations = pointwise("meanSquaredError", () => 0);

/** Each loss, its gradient, and both at once. */
export const losses: readonly Operation[] = [...categoricalOperations, ...binaryOperations, ...squaredOperations];
