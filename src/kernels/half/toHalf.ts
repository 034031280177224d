/** y = x in f16, two values to a word: what a plan makes of frozen weights where it was asked to. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation } from "../operation";
import { wgsl } from "../program";

export const toHalfKernel: Kernel<{ readonly count: number }> = {
  program: wgsl("f16", "to_half"),
  params: ({ count }) => ({ count }),
  workgroups: ({ count }) => foldWorkgroups(ceilDiv(ceilDiv(count, 2), 256)),
  sizes: ({ count }) => ({ x: count, y: ceilDiv(count, 2) }),
  cost: ({ count }) => ({ flops: count, bytes: 6 * count }),
};

export const toHalf = operation<object>({
  name: "toHalf",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => ({ y: x! }),
  halves: () => ["y"],
  gradients: {},
  constants: ["x"], // frozen weights, for which nothing asks for a gradient
  f16Variants: ["plain"],
  variants: {
    plain: (_, { x }) => ({ dispatches: [dispatch(toHalfKernel, { count: elements(x) }, { x: "x", y: "y" })] }),
  },
  cases: [
    { attrs: {}, inputs: { x: [1] } },
    { attrs: {}, inputs: { x: [3, 3, 5, 7] } },
    { attrs: {}, inputs: { x: [513] } },
    { attrs: {}, inputs: { x: [8] }, fill: { x: (i) => [0, 1e-5, -1e-7, 65504, -65504, 1e6, -1e30, 2049][i] } },
  ],
});
