/** Running sums along an axis. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { wgsl } from "../late-program";

export interface CumSumAttrs {
  /** Counted from 0. */
  readonly axis: number;
  /** An element is not part of its own sum; default false. */
  readonly exclusive?: boolean;
  /** From the end to the front; default false. */
  readonly reverse?: boolean;
}

interface Lines {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

const count = (p: Lines) => p.outer * p.length * p.inner;

export const cumSumKernel: Kernel<Lines> = {
  program: wgsl("math", "cum_sum"),
  overrides: ({ exclusive, reverse }) => ({ EXCLUSIVE: exclusive, REVERSE: reverse }),
  params: ({ outer, length, inner }) => ({ lines: outer * inner, length, inner }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.outer * p.inner, 64)),
  sizes: (p) => ({ x: count(p), y: count(p) }),
  cost: (p) => ({ flops: count(p), bytes: 8 * count(p) }),
};

export const cumSum = operation<CumSumAttrs>({
  name: "cumSum",
  inputs: ["x"],
  outputs: ["y"],
  shapes: ({ axis }, { x }) => {
    if (!Number.isInteger(axis) || axis < 0 || axis >= x!.length)
      throw new ThawError("cumSum", `received axis ${axis} for x of shape ${formatShape(x)}`, "the number of an axis");
    return { y: x! };
  },
  // An element is part of the sums behind it, so its gradient is a sum over those.
  gradients: { x: { op: "cumSum", from: { x: "dy" }, attrs: (attrs) => ({ ...attrs, reverse: !attrs.reverse }) } },
  variants: {
    plain: ({ axis, exclusive = false, reverse = false }, { x }) => {
      const [outer, inner] = [elements(x.slice(0, axis)), elements(x.slice(axis + 1))];
      const problem = { outer, length: x[axis], inner, exclusive, reverse };
      return { dispatches: [dispatch(cumSumKernel, problem, { x: "x", y: "y" })] };
    },
  },
  cases: [true, false].flatMap((exclusive) =>
    [true, false].flatMap((reverse) =>
      (
        [
          [[1], 0],
          [[13], 0],
          [[2, 5, 3], 1],
          [[3, 2, 1, 2, 2, 3], 5],
        ] as readonly (readonly [Shape, number])[]
      ).map(([x, axis]) => ({ attrs: { axis, exclusive, reverse }, inputs: { x } })),
    ),
  ),
});
