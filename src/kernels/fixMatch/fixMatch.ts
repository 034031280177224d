/** The loss of FixMatch (Sohn et al. 2020, equations 3 and 4) over the logits of one batch, and what a step tells of itself. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { operation, type Operation, type Shape, type Shapes } from "../operation";
import { wgsl } from "../late-program";
import { fixMatchCases } from "./cases";

interface RowAttrs {
  /** Labelled rows; behind them come the weak views and, in the same order, the strong ones. Default: all rows are labelled. */
  readonly labelled?: number;
  /** Whether x are not yet probabilities. */
  readonly fromLogits: boolean;
  /** Probability that the weak view's class needs to count as a label. */
  readonly threshold: number;
}

export interface FixMatchAttrs extends RowAttrs {
  /** Weight of the unlabelled part. */
  readonly lambda: number;
}

export interface FixMatchReportAttrs extends RowAttrs {
  /** Right answers on labelled rows, or unlabelled samples above the threshold; both as shares. */
  readonly kind: "accuracy" | "confident";
}

/** How the rows of a batch divide: labelled, then as many weak views as strong ones. */
export interface Parts {
  readonly rows: number;
  readonly classes: number;
  readonly labelled: number;
  readonly unlabelled: number;
}

const name = "fixMatch";

/** Labels are one a row; those of views are not read. @throws for other numbers of rows, one class, and a threshold out of range. */
export function partsOf({ labelled: given, threshold }: RowAttrs, { x, labels }: Shapes): Parts {
  if (!(threshold >= 0 && threshold <= 1)) throw new ThawError(name, `threshold ${threshold}`, "a number from 0 to 1");
  const [rows = 0, classes = 0] = x ?? [];
  const labelled = given ?? rows;
  const unlabelled = (rows - labelled) / 2;
  const whole = Number.isInteger(labelled) && labelled >= 1 && Number.isInteger(unlabelled) && unlabelled >= 0;
  if (x?.length !== 2 || classes < 2 || !whole || labels?.length !== 1 || labels[0] !== rows)
    throw new ThawError(
      name,
      `scores of shape ${formatShape(x)}, ${labelled} of them labelled, and labels ${formatShape(labels)}`,
      "[labelled + 2 * unlabelled, classes], two classes or more, and a label a row",
    );
  return { rows, classes, labelled, unlabelled };
}

interface Loss extends Parts, Omit<FixMatchAttrs, "labelled"> {
  readonly loss: boolean;
  readonly gradient: boolean;
}

const size = (p: Parts) => p.rows * p.classes;
const partParams = ({ rows, classes, labelled, unlabelled }: Parts) => ({ rows, classes, labelled, unlabelled });

export const fixMatchKernel: Kernel<Loss> = {
  program: wgsl("inside", "fix_match"),
  overrides: (p) => ({ LOGITS: p.fromLogits, LOSS: p.loss, GRADIENT: p.gradient }),
  params: (p) => ({ ...partParams(p), threshold: p.threshold, lambda: p.lambda }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({
    x: size(p),
    labels: p.rows,
    ...(p.loss && { loss: p.rows }),
    ...(p.gradient && { dx: size(p) }),
  }),
  cost: (p) => ({ flops: 8 * size(p), bytes: 12 * size(p) }),
};

interface Report extends Parts, Omit<FixMatchReportAttrs, "labelled"> {}

export const fixMatchReportKernel: Kernel<Report> = {
  program: wgsl("inside", "fix_match_report"),
  overrides: (p) => ({ KIND: Number(p.kind === "confident"), LOGITS: p.fromLogits }),
  params: (p) => ({ ...partParams(p), threshold: p.threshold }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({ x: size(p), labels: p.rows, y: p.rows }),
  cost: (p) => ({ flops: 4 * size(p), bytes: 4 * size(p) }),
};

function form(which: string, loss: boolean, gradient: boolean): Operation<FixMatchAttrs> {
  return operation<FixMatchAttrs>({
    name: which,
    inputs: ["x", "labels"],
    outputs: [...(loss ? ["loss"] : []), ...(gradient ? ["dx"] : [])],
    ...(loss && !gradient && { loss: true as const }),
    shapes: (attrs, shapes) => {
      const { rows } = partsOf(attrs, shapes);
      const { lambda } = attrs;
      if (!(lambda >= 0) || !Number.isFinite(lambda))
        throw new ThawError(name, `lambda ${lambda}`, "a number, at least 0");
      return { ...(loss && { loss: [rows] }), ...(gradient && { dx: shapes.x! }) };
    },
    gradients: gradient ? {} : { x: { op: `${name}Gradient`, from: { x: "x", labels: "labels" } } },
    constants: gradient ? ["x", "labels"] : ["labels"],
    variants: {
      plain: (attrs, shapes) => ({
        dispatches: [
          dispatch(
            fixMatchKernel,
            { ...attrs, ...partsOf(attrs, shapes), loss, gradient },
            { x: "x", labels: "labels", ...(loss && { loss: "loss" }), ...(gradient && { dx: "dx" }) },
          ),
        ],
      }),
    },
    cases: fixMatchCases,
  });
}

const fixMatchReport = operation<FixMatchReportAttrs>({
  name: "fixMatchReport",
  inputs: ["x", "labels"],
  outputs: ["y"],
  shapes: (attrs, shapes): Record<string, Shape> => ({ y: [partsOf(attrs, shapes).rows] }),
  gradients: {},
  constants: ["x", "labels"],
  variants: {
    plain: (attrs, shapes) => ({
      dispatches: [
        dispatch(fixMatchReportKernel, { ...attrs, ...partsOf(attrs, shapes) }, { x: "x", labels: "labels", y: "y" }),
      ],
    }),
  },
  cases: (["accuracy", "confident"] as const).flatMap((kind) =>
    fixMatchCases.map(({ attrs: { lambda: _, ...attrs }, ...c }) => ({ ...c, attrs: { kind, ...attrs } })),
  ),
});

/** The loss of each row, the gradient of its mean, both at once, and the report. */
export const fixMatch: readonly Operation[] = [
  form(name, true, false),
  form(`${name}Gradient`, false, true),
  form(`${name}WithGradient`, true, true),
  fixMatchReport,
];
