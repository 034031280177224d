import { activate } from "../activation/activation.reference";
import { elements, type Shape } from "../operation";
import { reference } from "../reference";
import type { ScalarAffineAttrs } from "./affine";
import type { AddAttrs } from "./binary";
import type { ReduceToAttrs } from "./reduceTo";

/** Index into an operand for the flat index `i` of a result of shape `y`. */
export function broadcastIndex(i: number, y: Shape, operand: Shape): number {
  let index = 0;
  let stride = 1;
  let rest = i;
  for (let axis = 1; axis <= y.length; axis++) {
    const position = rest % y.at(-axis)!;
    rest = Math.floor(rest / y.at(-axis)!);
    const size = operand.at(-axis) ?? 1;
    if (axis <= operand.length) {
      if (size > 1) index += position * stride;
      stride *= size;
    }
  }
  return index;
}

const combined = (name: string, combine: (a: number, b: number, attrs: AddAttrs) => number) =>
  reference<AddAttrs>(name, (attrs, { a, b }, shapes) => ({
    y: Float64Array.from({ length: elements(shapes.y!) }, (_, i) => {
      const v = combine(
        a![broadcastIndex(i, shapes.y!, shapes.a!)],
        b![broadcastIndex(i, shapes.y!, shapes.b!)],
        attrs,
      );
      return attrs.activation ? activate(attrs.activation, v) : v;
    }),
  }));

export const addReference = combined("add", (a, b, { scaleA = 1, scaleB = 1 }) => scaleA * a + scaleB * b);
export const multiplyReference = combined("multiply", (a, b) => a * b);

export const reduceToReference = reference<ReduceToAttrs>(
  "reduceTo",
  ({ shape, scale = 1 }, { x, other }, shapes) => {
    const y = new Float64Array(elements(shape));
    x!.forEach((v, i) => {
      const factor = other ? other[broadcastIndex(i, shapes.x!, shapes.other!)] : 1;
      y[broadcastIndex(i, shapes.x!, shape)] += scale * v * factor;
    });
    return { y };
  },
  ({ shape }, { x }) => elements(x!) / elements(shape),
);

export const affineReference = reference<ScalarAffineAttrs>("affine", ({ scale, offset }, { x }) => ({
  y: x!.map((v) => v * scale + offset),
}));
