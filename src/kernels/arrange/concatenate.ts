/** concatenate joins tensors along one axis; it takes any number of inputs x0, x1, ... */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, VariantUnfit, type Lower, type Shape, type Shapes } from "../operation";
import { wgsl, type Program } from "../program";

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

/** The program with `lanes` 4 counts in vectors. */
const concatenation = (program: Program, lanes: number): Kernel<Part> => ({
  program,
  params: (p) => ({
    count: (p.rows * p.length) / lanes,
    length: p.length / lanes,
    total: p.total / lanes,
    first: p.first / lanes,
  }),
  workgroups: (p) => foldWorkgroups(ceilDiv((p.rows * p.length) / lanes, workgroup)),
  sizes: (p) => ({ x: p.rows * p.length, y: p.rows * p.total }),
  cost: (p) => ({ flops: 0, bytes: 8 * p.rows * p.length }),
});

export const concatenateKernel = concatenation(wgsl("layers", "concatenate"), 1);
export const concatenateVec4Kernel = concatenation(wgsl("layers", "concatenate_vec4"), 4);

/** Shapes of x0, x1, ... in order. */
function inputsOf(shapes: Shapes): Shape[] {
  const list: Shape[] = [];
  for (let i = 0; shapes[`x${i}`]; i++) list.push(shapes[`x${i}`]!);
  return list;
}

const axisOf = ({ axis }: ConcatenateAttrs, rank: number) => (axis < 0 ? axis + rank : axis);
const lengths = (list: readonly Shape[], axis: number) => list.map((s) => s[axis]);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** What each input contributes to every row of y. */
function partsOf(attrs: ConcatenateAttrs, shapes: Record<string, Shape>): Part[] {
  const y = shapes["y"];
  const axis = axisOf(attrs, y.length);
  const rows = elements(y.slice(0, axis));
  const total = elements(y.slice(axis));
  let first = 0;
  return inputsOf(shapes).map((x) => {
    const length = elements(x.slice(axis));
    const part = { rows, length, total, first };
    first += length;
    return part;
  });
}

const inFours = (part: Part) => [part.length, part.total, part.first].every((n) => n % 4 === 0);

/** One launch an input, each into its own columns of y. */
function lower(kernel: Kernel<Part>): Lower<ConcatenateAttrs> {
  return (attrs, shapes) => {
    const parts = partsOf(attrs, shapes);
    if (kernel === concatenateVec4Kernel && !parts.every(inFours))
      throw new VariantUnfit("lengths that are no multiples of four");
    return { dispatches: parts.map((part, i) => dispatch(kernel, part, { x: `x${i}`, y: "y" })) };
  };
}

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
  variants: { plain: lower(concatenateKernel), vec4: lower(concatenateVec4Kernel) },
  select: (attrs, shapes) => (partsOf(attrs, shapes).every(inFours) ? "vec4" : "plain"),
  cases: [
    { attrs: { axis: 0 }, inputs: { x0: [1] } },
    { attrs: { axis: 0 }, inputs: { x0: [2, 3], x1: [5, 3] } },
    { attrs: { axis: -1 }, inputs: { x0: [2, 3, 2, 3], x1: [2, 3, 2, 1], x2: [2, 3, 2, 7] } },
    { attrs: { axis: -1 }, inputs: { x0: [2, 3, 4], x1: [2, 3, 8] } },
    { attrs: { axis: 1 }, inputs: { x0: [2, 1, 4], x1: [2, 5, 4] } },
    { attrs: { axis: 3 }, inputs: { x0: [1, 2, 2, 3, 2], x1: [1, 2, 2, 2, 2] } },
    { attrs: { axis: -1 }, inputs: { x0: [2, 28, 28, 64], x1: [2, 28, 28, 33] }, large: true },
  ],
});
