/** The loss of FixMatch (Sohn et al. 2020, equations 3 and 4) over the logits of one batch, and what a step tells of itself. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { operation, type Operation, type Shape, type Shapes } from "../operation";
import { wgsl } from "../program";
import { fixMatchCases } from "./cases";

export interface FixMatchAttrs {
  /** Unlabelled samples for each labelled one. */
  readonly mu: number;
  /** Probability that the weak view's class needs to count as a label. */
  readonly threshold: number;
  /** Weight of the unlabelled part. */
  readonly lambda: number;
}

export interface FixMatchReportAttrs extends Pick<FixMatchAttrs, "mu" | "threshold"> {
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

/**
 * Labels are as many as samples, one for each: those of unlabelled ones are not read. A batch with a row a sample has no views:
 * it is evaluated, and all its rows are labelled.
 *
 * @throws for other numbers of rows.
 */
export function partsOf(mu: number, { x, labels }: Shapes): Parts {
  if (!Number.isInteger(mu) || mu < 1) throw new ThawError(name, `mu ${mu}`, "a whole number above 0");
  const samples = labels?.[0] ?? 0;
  const labelled = samples / (1 + mu);
  const unlabelled = labelled * mu;
  if (x?.length === 2 && x[1] >= 2 && labels?.length === 1) {
    const [rows, classes] = x;
    if (rows === samples) return { rows, classes, labelled: rows, unlabelled: 0 };
    if (Number.isInteger(labelled) && rows === labelled + 2 * unlabelled)
      return { rows, classes, labelled, unlabelled };
  }
  throw new ThawError(
    name,
    `logits of shape ${formatShape(x)} for ${samples} samples`,
    `[labelled + 2 * unlabelled, classes] with mu ${mu} and two classes or more`,
  );
}

function checkThreshold(threshold: number): void {
  if (!(threshold >= 0 && threshold <= 1)) throw new ThawError(name, `threshold ${threshold}`, "a number from 0 to 1");
}

interface Loss extends Parts, FixMatchAttrs {
  readonly loss: boolean;
  readonly gradient: boolean;
}

const size = (p: Parts) => p.rows * p.classes;
const sampleCount = (p: Parts) => p.labelled + p.unlabelled;
const partParams = ({ rows, classes, labelled, unlabelled }: Parts) => ({ rows, classes, labelled, unlabelled });

export const fixMatchKernel: Kernel<Loss> = {
  program: wgsl("inside", "fix_match"),
  overrides: (p) => ({ LOSS: p.loss, GRADIENT: p.gradient }),
  params: (p) => ({ ...partParams(p), threshold: p.threshold, lambda: p.lambda }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({
    x: size(p),
    labels: sampleCount(p),
    ...(p.loss && { loss: p.rows }),
    ...(p.gradient && { dx: size(p) }),
  }),
  cost: (p) => ({ flops: 8 * size(p), bytes: 12 * size(p) }),
};

interface Report extends Parts, FixMatchReportAttrs {}

export const fixMatchReportKernel: Kernel<Report> = {
  program: wgsl("inside", "fix_match_report"),
  overrides: (p) => ({ KIND: Number(p.kind === "confident") }),
  params: (p) => ({ ...partParams(p), threshold: p.threshold }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({ x: size(p), labels: sampleCount(p), y: p.rows }),
  cost: (p) => ({ flops: 4 * size(p), bytes: 4 * size(p) }),
};

function form(which: string, loss: boolean, gradient: boolean): Operation<FixMatchAttrs> {
  return operation<FixMatchAttrs>({
    name: which,
    inputs: ["x", "labels"],
    outputs: [...(loss ? ["loss"] : []), ...(gradient ? ["dx"] : [])],
    ...(loss && !gradient && { loss: true as const }),
    shapes: ({ mu, threshold, lambda }, shapes) => {
      const { rows } = partsOf(mu, shapes);
      checkThreshold(threshold);
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
            { ...attrs, ...partsOf(attrs.mu, shapes), loss, gradient },
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
  shapes: ({ mu, threshold }, shapes): Record<string, Shape> => {
    checkThreshold(threshold);
    return { y: [partsOf(mu, shapes).rows] };
  },
  gradients: {},
  constants: ["x", "labels"],
  variants: {
    plain: (attrs, shapes) => ({
      dispatches: [
        dispatch(
          fixMatchReportKernel,
          { ...attrs, ...partsOf(attrs.mu, shapes) },
          { x: "x", labels: "labels", y: "y" },
        ),
      ],
    }),
  },
  cases: (["accuracy", "confident"] as const).flatMap((kind) =>
    fixMatchCases.map((c) => ({ ...c, attrs: { kind, mu: c.attrs.mu, threshold: c.attrs.threshold } })),
  ),
});

/** The loss of each row, the gradient of its mean, both at once, and the report. */
export const fixMatch: readonly Operation[] = [
  form(name, true, false),
  form(`${name}Gradient`, false, true),
  form(`${name}WithGradient`, true, true),
  fixMatchReport,
];
