/** Reductions, running sums, and elements picked by number. */
import type { CumSumAttrs } from "../../../../kernels/math/cumSum";
import type { GatherAxisAttrs } from "../../../../kernels/math/gatherAxis";
import type { ArgReduceAttrs, ReduceAttrs, ReduceKind } from "../../../../kernels/math/reduce";
import type { Value } from "../../../../nn/graph";
import type { GraphWriter } from "../graph-writer";
import type { Order } from "../order";
import { cast, type OperationWriters, type WriteOperation } from "./writer";

const reductions: Readonly<Record<ReduceKind, string>> = {
  sum: "ReduceSum",
  mean: "ReduceMean",
  max: "ReduceMax",
  min: "ReduceMin",
  prod: "ReduceProd",
  l1: "ReduceL1",
  l2: "ReduceL2",
  logSum: "ReduceLogSum",
  logSumExp: "ReduceLogSumExp",
  sumSquare: "ReduceSumSquare",
};

/** How a result lies whose reduced axes are gone. */
function without(order: Order, axes: readonly number[]): number[] {
  return order.filter((d) => !axes.includes(d)).map((d) => d - axes.filter((a) => a < d).length);
}

const reduce: WriteOperation = (w, { attrs, inputs: { x }, outputs: { y } }) => {
  const { kind, axes, keepDims } = attrs as ReduceAttrs;
  const order = w.orderOf(x);
  if (axes.length === 0) {
    // Without axes ONNX reduces all, so one of a single element is put in front.
    const longer = w.node("Unsqueeze", [w.plain(x), w.integers("front", [0])]);
    w.set(y, w.node(reductions[kind], [longer, w.integers("axes", [0])], { keepdims: 0 }));
    return;
  }
  const places = axes.map((a) => order.indexOf(a)).toSorted((a, b) => a - b);
  const result = w.node(reductions[kind], [w.as(x, order), w.integers("axes", places)], { keepdims: keepDims ? 1 : 0 });
  w.set(y, result, keepDims ? order : without(order, axes));
};

const argReduce: WriteOperation = (w, { attrs, inputs: { x }, outputs: { y } }) => {
  const { kind, axis, keepDims, last } = attrs as ArgReduceAttrs;
  const order = w.orderOf(x);
  const found = w.node(kind === "argmax" ? "ArgMax" : "ArgMin", [w.as(x, order)], {
    axis: order.indexOf(axis),
    keepdims: keepDims ? 1 : 0,
    ...(last && { select_last_index: 1 }),
  });
  w.set(y, cast(w, found, "float"), keepDims ? order : without(order, [axis]));
};

/** Places as integers: Thaw counts in f32. */
function indices(w: GraphWriter, value: Value): string {
  const stored = w.storedOf(value);
  const data = stored?.source.data;
  return data ? w.integers("indices", Array.from(data), value.shape) : cast(w, w.plain(value), "int64");
}

/** Slices at places along an axis. Where the places are one list, x stays as it lies. */
const gatherAxis: WriteOperation = (w, { attrs, inputs: { x, indices: places }, outputs: { y } }) => {
  const { axis } = attrs as GatherAxisAttrs;
  const order = w.orderOf(x);
  if (places.shape.length === 1)
    w.set(y, w.node("Gather", [w.as(x, order), indices(w, places)], { axis: order.indexOf(axis) }), order);
  else w.set(y, w.node("Gather", [w.plain(x), indices(w, places)], { axis }));
};

const gatherElements: WriteOperation = (w, { attrs, inputs: { x, indices: places }, outputs: { y } }) =>
  w.set(y, w.node("GatherElements", [w.plain(x), indices(w, places)], { axis: (attrs as GatherAxisAttrs).axis }));

const cumSum: WriteOperation = (w, { attrs, inputs: { x }, outputs: { y } }) => {
  const { axis, exclusive, reverse } = attrs as CumSumAttrs;
  const order = w.orderOf(x);
  const inputs = [w.as(x, order), w.integers("axis", [order.indexOf(axis)], [])];
  const attributes = { ...(exclusive && { exclusive: 1 }), ...(reverse && { reverse: 1 }) };
  w.set(y, w.node("CumSum", inputs, attributes), order);
};

export const indexing: OperationWriters = { reduce, argReduce, gatherAxis, gatherElements, cumSum };
