/** The score of chosen classes as an objective: what Grad-CAM differentiates. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Operation, type Shapes } from "../operation";
import { wgsl } from "../late-program";
import { classesOf } from "../softmax/softmax";

interface Score {
  readonly rows: number;
  readonly classes: number;
  readonly loss: boolean;
  readonly gradient: boolean;
}

export const classScoreKernel: Kernel<Score> = {
  program: wgsl("inside", "class_score"),
  overrides: (p) => ({ LOSS: p.loss, GRADIENT: p.gradient }),
  params: ({ rows, classes }) => ({ rows, classes }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({
    x: p.rows * p.classes,
    labels: p.rows * p.classes,
    ...(p.loss && { loss: p.rows }),
    ...(p.gradient && { dx: p.rows * p.classes }),
  }),
  cost: (p) => ({ flops: 2 * p.rows * p.classes, bytes: 12 * p.rows * p.classes }),
};

const name = "classScore";

const cases: Case<object>[] = [
  [1, 1],
  [5, 7],
  [64, 3],
  [65, 10],
].map((x) => ({ attrs: {}, inputs: { x, labels: x } }));

function check({ x, labels }: Shapes): void {
  if (!x || x.length < 2 || !labels || elements(labels) !== elements(x))
    throw new ThawError(
      name,
      `weights of shape ${formatShape(labels)} for scores ${formatShape(x)}`,
      "one weight a score, classes last",
    );
}

const form = (which: string, loss: boolean, gradient: boolean): Operation<object> =>
  operation<object>({
    name: which,
    inputs: ["x", "labels"],
    outputs: [...(loss ? ["loss"] : []), ...(gradient ? ["dx"] : [])],
    ...(loss && !gradient && { loss: true as const }),
    shapes: (_, shapes) => {
      check(shapes);
      return { ...(loss && { loss: shapes.x!.slice(0, -1) }), ...(gradient && { dx: shapes.x! }) };
    },
    gradients: gradient ? {} : { x: { op: `${name}Gradient`, from: { x: "x", labels: "labels" } } },
    constants: gradient ? ["x", "labels"] : ["labels"],
    variants: {
      plain: (_, { x }) => ({
        dispatches: [
          dispatch(
            classScoreKernel,
            { ...classesOf(x), loss, gradient },
            { x: "x", labels: "labels", ...(loss && { loss: "loss" }), ...(gradient && { dx: "dx" }) },
          ),
        ],
      }),
    },
    cases,
  });

/** The score, its gradient, and both at once. */
export const classScore: readonly Operation[] = [
  form(name, true, false),
  form(`${name}Gradient`, false, true),
  form(`${name}WithGradient`, true, true),
];
