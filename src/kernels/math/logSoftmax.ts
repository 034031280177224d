/** The logarithm of softmax over the last axis. */
import { formatShape, ThawError } from "../../errors";
import { dispatch } from "../kernel";
import { operation, type Shape } from "../operation";
import { classesOf, softmaxGradientKernel, softmaxKernel } from "../softmax/softmax";

const problem = (x: Shape) => ({ ...classesOf(x), log: true });

export const logSoftmax = operation<object>({
  name: "logSoftmax",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => {
    if (x!.length < 1) throw new ThawError("logSoftmax", `x has shape ${formatShape(x)}`, "at least one axis");
    return { y: x! };
  },
  gradients: { x: { op: "logSoftmaxGradient", from: { dy: "dy", y: "y" } } },
  variants: { plain: (_, { x }) => ({ dispatches: [dispatch(softmaxKernel, problem(x), { x: "x", y: "y" })] }) },
  cases: shapes().map((x) => ({
    attrs: {},
    inputs: { x },
    fill: { x: (_: number, random: () => number) => 20 * random() - 10 },
  })),
});

export const logSoftmaxGradient = operation<object>({
  name: "logSoftmaxGradient",
  inputs: ["dy", "y"],
  outputs: ["dx"],
  shapes: (_, { y }) => ({ dx: y! }),
  gradients: {},
  constants: ["dy", "y"],
  variants: {
    plain: (_, { y }) => ({
      dispatches: [dispatch(softmaxGradientKernel, problem(y), { dy: "dy", y: "y", dx: "dx" })],
    }),
  },
  cases: shapes().map((y) => ({
    attrs: {},
    inputs: { dy: y, y },
    fill: { y: (_: number, random: () => number) => -5 * random() },
  })),
});

function shapes(): Shape[] {
  return [[1], [3, 7], [2, 3, 33], [2, 1000]];
}
