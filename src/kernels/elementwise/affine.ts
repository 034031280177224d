/** y = x * scale + offset with two numbers: rescaling, copies. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation } from "../operation";
import { wgsl } from "../program";

export interface ScalarAffineAttrs {
  readonly scale: number;
  readonly offset: number;
}

export const affineKernel: Kernel<ScalarAffineAttrs & { readonly count: number }> = {
  program: wgsl("layers", "affine"),
  params: ({ count, scale, offset }) => ({ count, scale, offset }),
  workgroups: ({ count }) => foldWorkgroups(ceilDiv(count, 256)),
  sizes: ({ count }) => ({ x: count, y: count }),
  cost: ({ count }) => ({ flops: 2 * count, bytes: 8 * count }),
};

export const affine = operation<ScalarAffineAttrs>({
  name: "affine",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => ({ y: x! }),
  gradients: { x: { op: "affine", from: { x: "dy" }, attrs: ({ scale }) => ({ scale, offset: 0 }) } },
  variants: {
    plain: ({ scale, offset }, { x }) => ({
      dispatches: [dispatch(affineKernel, { count: elements(x), scale, offset }, { x: "x", y: "y" })],
    }),
  },
  cases: [
    { attrs: { scale: 1 / 127.5, offset: -1 }, inputs: { x: [1] } },
    { attrs: { scale: -2, offset: 0.5 }, inputs: { x: [3, 5, 7, 3] } },
    { attrs: { scale: 1, offset: 0 }, inputs: { x: [257] } },
  ],
});
