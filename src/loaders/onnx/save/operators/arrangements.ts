/** Operations that move numbers or repeat them: parts, joins, paddings. Axes are counted as the tensor lies. */
import type { ConcatenateAttrs } from "../../../../kernels/arrange/concatenate";
import type { PadAttrs, SliceAttrs } from "../../../../kernels/arrange/slice";
import type { TransposeAttrs } from "../../../../kernels/arrange/transpose";
import type { PadModeAttrs, StridedSliceAttrs } from "../../../../kernels/math/alongAxes";
import type { Value } from "../../../../nn/graph";
import { ThawError } from "../../../../errors";
import type { GraphWriter } from "../graph-writer";
import { isPlain, plain, type Order } from "../order";
import type { OperationWriters, WriteOperation } from "./writer";

/** A part of x along some axes; axes that are taken whole are left out, and the batch is one of them. */
function sliced(w: GraphWriter, x: Value, y: Value, { begin, size, steps }: StridedSliceAttrs): void {
  const order = w.orderOf(x);
  const counts = size.map((n, d) => (n === -1 ? x.shape[d] - begin[d] : n));
  const axes = order.flatMap((d, i) =>
    begin[d] === 0 && steps[d] === 1 && counts[d] === x.shape[d] ? [] : [{ d, i }],
  );
  if (axes.length === 0) {
    w.alias(y, x);
    return;
  }
  if (axes.some(({ d }) => x.shape[d] % w.batch === 0))
    throw new ThawError(w.layer, "takes some samples of a batch", "parts within samples");
  // Backwards to the first element: the end lies before it, which is counted from the end of the axis.
  const ends = axes.map(({ d }) => {
    const end = begin[d] + counts[d] * steps[d];
    return end < 0 ? -x.shape[d] - 1 : end;
  });
  const inputs = [
    w.as(x, order),
    w.integers(
      "starts",
      axes.map(({ d }) => begin[d]),
    ),
    w.integers("ends", ends),
    w.integers(
      "axes",
      axes.map(({ i }) => i),
    ),
  ];
  if (axes.some(({ d }) => steps[d] !== 1))
    inputs.push(
      w.integers(
        "steps",
        axes.map(({ d }) => steps[d]),
      ),
    );
  w.set(y, w.node("Slice", inputs), order);
}

const slice: WriteOperation = (w, { attrs, inputs: { x }, outputs: { y } }) => {
  const { begin, size } = attrs as SliceAttrs;
  sliced(w, x, y, { begin, size, steps: begin.map(() => 1) });
};

function padded(w: GraphWriter, x: Value, y: Value, { mode, before, after, value = 0 }: PadModeAttrs): void {
  const order = w.orderOf(x);
  if ([...before, ...after].every((n) => n === 0)) {
    w.alias(y, x);
    return;
  }
  const pads = w.integers("pads", [...order.map((d) => before[d]), ...order.map((d) => after[d])]);
  const inputs = [w.as(x, order), pads, ...(mode === "constant" && value !== 0 ? [w.scalar("value", value)] : [])];
  w.set(y, w.node("Pad", inputs, mode === "constant" ? {} : { mode }), order);
}

const concatenate: WriteOperation = (w, { attrs, inputs, outputs: { y } }) => {
  const parts = Object.values(inputs);
  const rank = y.shape.length;
  const { axis } = attrs as ConcatenateAttrs;
  const orders = parts.filter((x) => !w.storedOf(x)).map((x) => w.orderOf(x));
  const order: Order = orders.find((o) => !isPlain(o)) ?? plain(rank);
  const names = parts.map((x) => w.as(x, order));
  w.set(y, w.node("Concat", names, { axis: order.indexOf(axis < 0 ? axis + rank : axis) }), order);
};

/** Repeated along axes of 1. The batch, where something is repeated for each sample, is read from the input. */
const expand: WriteOperation = (w, { inputs: { x }, outputs: { y } }) => {
  const missing = y.shape.length - x.shape.length;
  const own = (d: number) => (d < missing ? 1 : x.shape[d - missing]);
  // 1 leaves what is there, so that the batch of x stays.
  const sizes = y.shape.map((n, d) => (own(d) === n ? 1 : n));
  const open = sizes.findIndex((n) => n % w.batch === 0);
  let shape: string;
  if (open < 0) shape = w.integers("shape", sizes);
  else {
    const times = sizes[open] / w.batch;
    const batch =
      times === 1 ? w.batchSizeTensor() : w.node("Mul", [w.batchSizeTensor(), w.integers("times", [times])]);
    const before = open > 0 ? [w.integers("leading", sizes.slice(0, open))] : [];
    const after = open < sizes.length - 1 ? [w.integers("trailing", sizes.slice(open + 1))] : [];
    const parts = [...before, batch, ...after];
    shape = parts.length === 1 ? batch : w.node("Concat", parts, { axis: 0 });
  }
  w.set(y, w.node("Expand", [w.plain(x), shape]));
};

export const arrangements: OperationWriters = {
  reshape: (w, { inputs: { x }, outputs: { y } }) => w.reshape(y, x),
  transpose: (w, { attrs, inputs: { x }, outputs: { y } }) => w.transpose(y, x, (attrs as TransposeAttrs).permutation),
  slice,
  stridedSlice: (w, { attrs, inputs: { x }, outputs: { y } }) => sliced(w, x, y, attrs as StridedSliceAttrs),
  pad: (w, { attrs, inputs: { x }, outputs: { y } }) => padded(w, x, y, { mode: "constant", ...(attrs as PadAttrs) }),
  padMode: (w, { attrs, inputs: { x }, outputs: { y } }) => padded(w, x, y, attrs as PadModeAttrs),
  concatenate,
  expand,
};
