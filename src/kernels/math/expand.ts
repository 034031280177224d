/** Repeats a tensor along axes where it is 1 long or that it does not have, as NumPy's broadcasting does. */
import { copyProblem, lowerCopy, lowerCopyVec4, selectCopy, type StridedCopy } from "../arrange/strided_copy";
import { broadcastShape, joinAxes, stridesOf } from "../elementwise/broadcasting";
import { elements, operation, type Shape } from "../operation";

export interface ExpandAttrs {
  /** Broadcast with the shape of x: where either is 1, the other counts. */
  readonly shape: Shape;
}

function expandCopy({ x, y }: Record<string, Shape>): StridedCopy {
  const { y: axes, operands } = joinAxes(y, [x]);
  const strides = stridesOf(operands[0]).slice(5 - axes.length);
  const sizes = axes.length > 0 ? axes : [1];
  return copyProblem(
    "expand",
    sizes.map((size, a) => ({ size, stride: strides[a] ?? 0, from: 0, to: size })),
    0,
    elements(x),
  );
}

export const expand = operation<ExpandAttrs>({
  name: "expand",
  inputs: ["x"],
  outputs: ["y"],
  shapes: ({ shape }, { x }) => ({ y: broadcastShape("expand", x!, shape) }),
  gradients: { x: { op: "reduceTo", from: { x: "dy" }, attrs: (_, { x }) => ({ shape: x! }) } },
  variants: {
    plain: (_, shapes) => lowerCopy(expandCopy(shapes)),
    vec4: (_, shapes) => lowerCopyVec4(expandCopy(shapes)),
  },
  select: (_, shapes) => selectCopy(expandCopy(shapes)),
  cases: [
    { attrs: { shape: [] }, inputs: { x: [] } },
    { attrs: { shape: [2, 3] }, inputs: { x: [] } },
    { attrs: { shape: [3, 5] }, inputs: { x: [3, 1] } },
    { attrs: { shape: [2, 3, 8] }, inputs: { x: [3, 8] } },
    { attrs: { shape: [1, 4] }, inputs: { x: [3, 1, 4] } },
    { attrs: { shape: [2, 2, 3, 2, 2, 3] }, inputs: { x: [2, 1, 1, 2, 1, 3] } },
  ],
});
