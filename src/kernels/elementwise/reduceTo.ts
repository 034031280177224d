/** Sums over the axes along which an operand was repeated: the gradient of broadcasting. */
import { dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { binaryKernel } from "./binary";
import { joinAxes, named, sameShape, stridesOf, toFive } from "./broadcasting";
import { wgsl } from "../program";

export interface ReduceToAttrs {
  /** Shape of the result; broadcasts to that of x. */
  readonly shape: Shape;
  /** Default 1. */
  readonly scale?: number;
}

interface Reduction {
  readonly x: Shape;
  readonly other: Shape | undefined;
  readonly y: Shape;
  readonly scale: number;
}

export const reduceToKernel: Kernel<Reduction> = {
  program: wgsl("layers", "reduce_to"),
  overrides: (p) => ({ HAS_OTHER: p.other !== undefined }),
  params: (p) => {
    const { y, operands } = joinAxes(p.x, [p.y, ...(p.other ? [p.other] : [])]);
    const [full, kept] = [toFive(y), toFive(operands[0])];
    const summed = full.map((d, i) => (kept[i] === d ? 1 : d));
    return {
      count: elements(p.y),
      terms: elements(summed),
      scale: p.scale,
      ...named("k", kept),
      ...named("r", summed, 1),
      ...named("x", stridesOf(full)),
      ...named("o", p.other ? stridesOf(operands[1]) : [0, 0, 0, 0, 0]),
    };
  },
  workgroups: (p) => foldWorkgroups(elements(p.y)),
  sizes: (p) => ({ x: elements(p.x), y: elements(p.y), ...(p.other && { other: elements(p.other) }) }),
  cost: (p) => ({
    flops: (p.other ? 2 : 1) * elements(p.x),
    bytes: 4 * (elements(p.x) + elements(p.y) + elements(p.other ?? [0])),
  }),
};

export const reduceTo = operation<ReduceToAttrs>({
  name: "reduceTo",
  inputs: ["x", "other?"],
  outputs: ["y"],
  shapes: ({ shape }) => ({ y: shape }),
  gradients: {},
  constants: ["x", "other"],
  variants: {
    plain: ({ scale = 1 }, { x, other, y }) => ({
      dispatches: [dispatch(reduceToKernel, { x: x, other, y: y, scale }, { x: "x", other: other && "other", y: "y" })],
    }),
    /** Nothing is summed: a product, or a multiple. */
    elementwise: ({ scale = 1 }, { x, other, y }) => {
      const problem = { a: x, b: other ?? x, y: y, product: other !== undefined, scaleA: scale, scaleB: 0 };
      if (!sameShape(x, y) || (other && scale !== 1))
        return {
          dispatches: [
            dispatch(reduceToKernel, { x: x, other, y: y, scale }, { x: "x", other: other && "other", y: "y" }),
          ],
        };
      return { dispatches: [dispatch(binaryKernel, problem, { a: "x", b: other ? "other" : "x", y: "y" })] };
    },
  },
  select: (_, { x, y }) => (sameShape(x, y) ? "elementwise" : "plain"),
  cases: [
    { attrs: { shape: [1] }, inputs: { x: [1] } },
    { attrs: { shape: [5], scale: 0.5 }, inputs: { x: [7, 5] } },
    { attrs: { shape: [2, 1, 1, 4] }, inputs: { x: [2, 3, 5, 4], other: [2, 3, 5, 4] } },
    { attrs: { shape: [2, 3, 5, 4] }, inputs: { x: [2, 3, 5, 4], other: [2, 1, 1, 4] } },
    { attrs: { shape: [2, 3, 5, 4], scale: 2 }, inputs: { x: [2, 3, 5, 4] } },
    { attrs: { shape: [1, 4, 1] }, inputs: { x: [3, 4, 5], other: [3, 1, 5] } },
    { attrs: { shape: [1] }, inputs: { x: [13, 17] } },
    { attrs: { shape: [] }, inputs: { x: [2, 3] } },
    { attrs: { shape: [2, 2, 1, 3] }, inputs: { x: [3, 2, 2, 2, 3, 3], other: [2, 1, 1, 1, 3] } },
  ],
});
