/** Sum over all axes but the last: the gradient of a bias. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Dispatch, type Kernel } from "../kernel";
import { elements, operation, type Lowering, type Shape } from "../operation";
import { wgsl } from "../program";

interface RowSums {
  readonly rows: number;
  readonly columns: number;
  readonly slices: number;
}

const workgroup = 64;

export const sumRowsKernel: Kernel<RowSums> = {
  program: wgsl("training", "sum_rows"),
  params: ({ rows, columns, slices }) => ({ rows, columns, rowsEach: ceilDiv(rows, slices), count: slices * columns }),
  workgroups: ({ columns, slices }) => foldWorkgroups(ceilDiv(slices * columns, workgroup)),
  sizes: ({ rows, columns, slices }) => ({ x: rows * columns, y: slices * columns }),
  cost: ({ rows, columns, slices }) => ({ flops: rows * columns, bytes: 4 * (rows + slices) * columns }),
};

const matrix = (x: Shape) => ({ rows: elements(x) / x.at(-1)!, columns: x.at(-1)! });

/** Invocations that keep an adapter busy; a software adapter has a few cores, a GPU thousands of lanes. */
const invocationsWanted = (software: boolean) => (software ? 256 : 16384);

/** Into how many slices the rows are cut: enough to keep the adapter busy, but each at least 16 rows long. */
export function rowSlices(rows: number, columns: number, software: boolean): number {
  return Math.max(1, Math.min(ceilDiv(invocationsWanted(software), columns), Math.floor(rows / 16), 4096));
}

/** The sum of the rows of the value `x` into the value `y`, in two launches where that is quicker. */
export function lowerSumRows(rows: number, columns: number, slices: number, x: string, y: string): Lowering {
  const sum = (from: string, to: string, n: number, parts: number): Dispatch =>
    dispatch(sumRowsKernel, { rows: n, columns, slices: parts }, { x: from, y: to });
  if (slices === 1) return { dispatches: [sum(x, y, rows, 1)] };
  // Rounding up the rows of a slice can leave the last slices without any.
  const used = ceilDiv(rows, ceilDiv(rows, slices));
  return { dispatches: [sum(x, "slices", rows, used), sum("slices", y, used, 1)], scratch: { slices: used * columns } };
}

export const sumRows = operation<object>({
  name: "sumRows",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => {
    if (!x?.length) throw new ThawError("sumRows", `x has shape ${formatShape(x)}`, "at least one axis");
    return { y: [x.at(-1)!] };
  },
  gradients: {},
  constants: ["x"], // made by gradient tables only, and nothing takes the gradient of a gradient
  variants: {
    plain: (_, { x }) => {
      const { rows, columns } = matrix(x);
      return lowerSumRows(rows, columns, 1, "x", "y");
    },
    slices: (_, { x }, { software }) => {
      const { rows, columns } = matrix(x);
      return lowerSumRows(rows, columns, rowSlices(rows, columns, software), "x", "y");
    },
  },
  select: () => "slices",
  cases: [
    { attrs: {}, inputs: { x: [1] } },
    { attrs: {}, inputs: { x: [7, 3] } },
    { attrs: {}, inputs: { x: [2, 5, 7, 3] } },
    { attrs: {}, inputs: { x: [64, 64] } },
    { attrs: {}, inputs: { x: [65, 1] } },
    { attrs: {}, inputs: { x: [4, 21, 21, 19] }, large: true },
  ],
});
