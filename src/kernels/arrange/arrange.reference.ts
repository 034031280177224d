import { reference } from "../reference";
import { elements, type Shape } from "../operation";
import type { ConcatenateAttrs } from "./concatenate";
import type { PadAttrs, SliceAttrs } from "./slice";
import type { ReshapeAttrs, TransposeAttrs } from "./transpose";

/** Calls `visit` with the linear index and the coordinates of every element, in memory order. */
function forEach(shape: Shape, visit: (i: number, at: readonly number[]) => void): void {
  for (let i = 0; i < elements(shape); i++) {
    let rest = i;
    const at = shape.map(() => 0);
    for (let a = shape.length - 1; a >= 0; a--) {
      at[a] = rest % shape[a];
      rest = Math.floor(rest / shape[a]);
    }
    visit(i, at);
  }
}

const indexOf = (shape: Shape, at: readonly number[]) => at.reduce((index, c, a) => index * shape[a] + c, 0);

export const sliceReference = reference<SliceAttrs>("slice", ({ begin }, { x }, shapes) => {
  const y = new Float64Array(elements(shapes.y!));
  forEach(shapes.y!, (i, at) => {
    const source = at.map((c, a) => c + begin[a]);
    y[i] = x![indexOf(shapes.x!, source)];
  });
  return { y };
});

export const padReference = reference<PadAttrs>("pad", ({ before }, { x }, shapes) => {
  const y = new Float64Array(elements(shapes.y!)); // zeros
  forEach(shapes.x!, (i, at) => {
    const target = at.map((c, a) => c + before[a]);
    y[indexOf(shapes.y!, target)] = x![i];
  });
  return { y };
});

export const transposeReference = reference<TransposeAttrs>("transpose", ({ permutation }, { x }, shapes) => {
  const y = new Float64Array(elements(shapes.y!));
  forEach(shapes.x!, (i, at) => {
    const target = permutation.map((axis) => at[axis]);
    y[indexOf(shapes.y!, target)] = x![i];
  });
  return { y };
});

export const reshapeReference = reference<ReshapeAttrs>("reshape", (_, { x }) => ({ y: x!.slice() }));

export const concatenateReference = reference<ConcatenateAttrs>("concatenate", ({ axis }, inputs, shapes) => {
  const y = new Float64Array(elements(shapes.y!));
  const a = axis < 0 ? axis + shapes.y!.length : axis;
  let first = 0;
  for (let k = 0; inputs[`x${k}`]; k++) {
    const shape = shapes[`x${k}`]!;
    forEach(shape, (i, at) => {
      const target = at.map((c, axisOfC) => (axisOfC === a ? c + first : c));
      y[indexOf(shapes.y!, target)] = inputs[`x${k}`]![i];
    });
    first += shape[a];
  }
  return { y };
});
