/** concatenate joins tensors along one axis; it takes any number of inputs x0, x1, ... */
import { ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, formatShape, operation, type Shape, type Shapes } from "../operation";
import source from "./concatenate.wgsl?raw";

export interface ConcatenateAttrs {
  /** Counted from 0, the batch axis included; negative counts from the end. */
  readonly axis: number;
}

interface Part {
  readonly rows: number;
  /** Elements of this input in each row. */
  readonly length: number;
  /** Elements of y in each row. */
  readonly total: number;
  /** Where this input begins in a row of y. */
  readonly first: number;
}

const workgroup = 64;

export const concatenateKernel: Kernel<Part> = {
  name: "concatenate",
  source,
  params: (p) => ({ count: p.rows * p.length, length: p.length, total: p.total, first: p.first }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows * p.length, workgroup)),
  sizes: (p) => ({ x: p.rows * p.length, y: p.rows * p.total }),
  cost: (p) => ({ flops: 0, bytes: 8 * p.rows * p.length }),
};

/** Shapes of x0, x1, ... in order. */
function inputsOf(shapes: Shapes): Shape[] {
  const list: Shape[] = [];
  for (let i = 0; shapes[`x${i}`]; i++) list.push(shapes[`x${i}`]!);
  return list;
}

const axisOf = ({ axis }: ConcatenateAttrs, rank: number) => (axis < 0 ? axis + rank : axis);
const lengths = (list: readonly Shape[], axis: number) => list.map((s) => s[axis]);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

export const concatenate = operation<ConcatenateAttrs>({
  name: "concatenate",
  inputs: ["x"],
  outputs: ["y"],
  variadic: true,
  shapes: (attrs, shapes) => {
    const list = inputsOf(shapes);
    const first = list[0];
    if (!first) throw new ThawError("concatenate", "received no input", "at least one");
    const axis = axisOf(attrs, first.length);
    if (!(axis >= 0 && axis < first.length))
      throw new ThawError(
        "concatenate",
        `received axis ${attrs.axis} for inputs of shape ${formatShape(first)}`,
        `an axis from ${-first.length} to ${first.length - 1}`,
      );
    for (const other of list) {
      if (other.length !== first.length || other.some((n, a) => a !== axis && n !== first[a]))
        throw new ThawError(
          "concatenate",
          `received the shapes ${list.map(formatShape).join(" and ")}`,
          `equal lengths on every axis but axis ${axis}`,
          "Crop, pad or resize an input, or join along another axis.",
        );
    }
    return { y: first.map((n, a) => (a === axis ? sum(lengths(list, axis)) : n)) };
  },
  gradients: {
    x: {
      op: "slice",
      from: { x: "dy" },
      attrs: (attrs, shapes, input) => {
        const size = shapes[input]!;
        const axis = axisOf(attrs, size.length);
        const before = inputsOf(shapes).slice(0, Number(input.slice(1)));
        return { begin: size.map((_, a) => (a === axis ? sum(lengths(before, axis)) : 0)), size };
      },
    },
  },
  variants: {
    plain: (attrs, shapes) => {
      const list = inputsOf(shapes);
      const y = shapes["y"];
      const axis = axisOf(attrs, y.length);
      const rows = elements(y.slice(0, axis));
      const total = elements(y.slice(axis));
      let first = 0;
      const dispatches = list.map((x, i) => {
        const length = elements(x.slice(axis));
        const part = dispatch(concatenateKernel, { rows, length, total, first }, { x: `x${i}`, y: "y" });
        first += length;
        return part;
      });
      return { dispatches };
    },
  },
  cases: [
    { attrs: { axis: 0 }, inputs: { x0: [1] } },
    { attrs: { axis: 0 }, inputs: { x0: [2, 3], x1: [5, 3] } },
    { attrs: { axis: -1 }, inputs: { x0: [2, 3, 2, 3], x1: [2, 3, 2, 1], x2: [2, 3, 2, 7] } },
    { attrs: { axis: 1 }, inputs: { x0: [2, 1, 4], x1: [2, 5, 4] } },
    { attrs: { axis: 3 }, inputs: { x0: [1, 2, 2, 3, 2], x1: [1, 2, 2, 2, 2] } },
    { attrs: { axis: -1 }, inputs: { x0: [2, 28, 28, 64], x1: [2, 28, 28, 33] }, large: true },
  ],
});
