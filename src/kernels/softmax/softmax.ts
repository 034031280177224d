/** Softmax over the last axis. */
import { formatShape, ThawError } from "../../errors";
import { dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { wgsl } from "../program";

interface Classes {
  readonly rows: number;
  readonly classes: number;
  /** The logarithm of it; default false. */
  readonly log?: boolean;
}

export const classesOf = (x: Shape): Classes => ({ rows: elements(x) / x.at(-1)!, classes: x.at(-1)! });

export const softmaxKernel: Kernel<Classes> = {
  program: wgsl("layers", "softmax"),
  overrides: ({ log = false }) => ({ LOG: log }),
  params: ({ rows, classes }) => ({ rows, classes }),
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: (p) => ({ x: p.rows * p.classes, y: p.rows * p.classes }),
  cost: (p) => ({ flops: 5 * p.rows * p.classes, bytes: 8 * p.rows * p.classes }),
};

export const softmaxGradientKernel: Kernel<Classes> = {
  program: wgsl("layers", "softmax_gradient"),
  overrides: ({ log = false }) => ({ LOG: log }),
  params: ({ rows, classes }) => ({ rows, classes }),
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: (p) => ({ dy: p.rows * p.classes, y: p.rows * p.classes, dx: p.rows * p.classes }),
  cost: (p) => ({ flops: 4 * p.rows * p.classes, bytes: 12 * p.rows * p.classes }),
};

const shapes: Shape[] = [
  [1, 1],
  [3, 7],
  [2, 3, 33],
  [5, 32],
  [2, 1000],
];

export const softmax = operation<object>({
  name: "softmax",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => {
    if (!x || x.length < 1) throw new ThawError("softmax", `x has shape ${formatShape(x)}`, "at least one axis");
    return { y: x };
  },
  gradients: { x: { op: "softmaxGradient", from: { dy: "dy", y: "y" } } },
  variants: { plain: (_, { x }) => ({ dispatches: [dispatch(softmaxKernel, classesOf(x), { x: "x", y: "y" })] }) },
  cases: shapes.map((x) => ({
    attrs: {},
    inputs: { x },
    fill: { x: (_: number, random: () => number) => 20 * random() - 10 },
  })),
});

export const softmaxGradient = operation<object>({
  name: "softmaxGradient",
  inputs: ["dy", "y"],
  outputs: ["dx"],
  shapes: (_, { y }) => ({ dx: y! }),
  gradients: {},
  constants: ["dy", "y"],
  variants: {
    plain: (_, { y }) => ({
      dispatches: [dispatch(softmaxGradientKernel, classesOf(y), { dy: "dy", y: "y", dx: "dx" })],
    }),
  },
  cases: shapes.map((y) => ({
    attrs: {},
    inputs: { dy: y, y },
    fill: { y: (_: number, random: () => number) => random() / y.at(-1)! },
  })),
});
