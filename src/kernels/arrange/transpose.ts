/** transpose changes the order of axes; reshape keeps the memory and changes only how it is read. */
import { formatShape, ThawError } from "../../errors";
import { elements, operation, type Shape } from "../operation";
import { checkRank } from "./slice";
import { copyProblem, lowerCopy, lowerCopyVec4, selectCopy, stridesOf, type StridedCopy } from "./strided_copy";

export interface TransposeAttrs {
  /** Axis a of y is axis permutation[a] of x. */
  readonly permutation: readonly number[];
}

export interface ReshapeAttrs {
  /** The new shape, batch axis included; one entry may be -1 and follows from the others. */
  readonly shape: readonly number[];
}

function transposeCopy({ permutation }: TransposeAttrs, { x, y }: Record<string, Shape>): StridedCopy {
  const strides = stridesOf(x);
  return copyProblem(
    "transpose",
    y.map((size, a) => ({ size, stride: strides[permutation[a]], from: 0, to: size })),
    0,
    elements(x),
  );
}

export const transpose = operation<TransposeAttrs>({
  name: "transpose",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => {
    const { permutation } = attrs;
    checkRank("transpose", x!, [permutation], "permutation");
    if (permutation.toSorted((a, b) => a - b).some((axis, i) => axis !== i))
      throw new ThawError(
        "transpose",
        `received the permutation ${formatShape(permutation)}`,
        `each of 0 to ${x!.length - 1} once`,
        "Number the axes from 0, the batch axis included.",
      );
    const y = permutation.map((axis) => x![axis]);
    transposeCopy(attrs, { x: x!, y });
    return { y };
  },
  gradients: {
    x: {
      op: "transpose",
      from: { x: "dy" },
      attrs: ({ permutation }) => ({ permutation: permutation.map((_, axis) => permutation.indexOf(axis)) }),
    },
  },
  variants: {
    plain: (attrs, shapes) => lowerCopy(transposeCopy(attrs, shapes)),
    vec4: (attrs, shapes) => lowerCopyVec4(transposeCopy(attrs, shapes)),
  },
  select: (attrs, shapes) => selectCopy(transposeCopy(attrs, shapes)),
  cases: [
    { attrs: { permutation: [0] }, inputs: { x: [5] } },
    { attrs: { permutation: [1, 0] }, inputs: { x: [3, 7] } },
    { attrs: { permutation: [0, 2, 1] }, inputs: { x: [2, 3, 5] } },
    { attrs: { permutation: [0, 3, 1, 2] }, inputs: { x: [2, 3, 5, 4] } },
    { attrs: { permutation: [0, 2, 3, 1] }, inputs: { x: [1, 1, 5, 4] } },
    { attrs: { permutation: [4, 2, 0, 3, 1] }, inputs: { x: [2, 3, 2, 1, 5] } },
    { attrs: { permutation: [0, 1, 3, 2, 4, 5] }, inputs: { x: [2, 2, 3, 2, 2, 3] } },
    { attrs: { permutation: [0, 4, 1, 5, 2, 3] }, inputs: { x: [1, 2, 3, 5, 2, 2] } },
    { attrs: { permutation: [2, 0, 1, 3] }, inputs: { x: [3, 2, 5, 4] } },
    { attrs: { permutation: [1, 0] }, inputs: { x: [129, 257] }, large: true },
  ],
});

/** Puts the number that -1 stands for; the input's shape decides it. */
function resolve({ shape }: ReshapeAttrs, x: Shape): number[] {
  const known = elements(shape.filter((n) => n !== -1));
  return shape.map((n) => (n === -1 ? elements(x) / known : n));
}

export const reshape = operation<ReshapeAttrs>({
  name: "reshape",
  inputs: ["x"],
  outputs: ["y"],
  alias: true,
  shapes: (attrs, { x }) => {
    const y = resolve(attrs, x!);
    const whole = y.every((n) => Number.isInteger(n) && n > 0) && attrs.shape.filter((n) => n === -1).length <= 1;
    if (!whole || elements(y) !== elements(x!))
      throw new ThawError(
        "reshape",
        `${formatShape(attrs.shape)} does not hold the ${elements(x!)} elements of x of shape ${formatShape(x)}`,
        "as many elements before and after, and at most one -1",
      );
    return { y };
  },
  gradients: { x: { op: "reshape", from: { x: "dy" }, attrs: (_, { x }) => ({ shape: x! }) } },
  variants: {},
  cases: [
    { attrs: { shape: [1] }, inputs: { x: [1, 1] } },
    { attrs: { shape: [2, -1] }, inputs: { x: [2, 3, 5] } },
    { attrs: { shape: [3, 2, 2, 1] }, inputs: { x: [12] } },
  ],
});
