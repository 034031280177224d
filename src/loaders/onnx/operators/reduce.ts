/** Reductions over axes. The mean over the positions of an image is a global pooling. */
import { formatShape, ThawError } from "../../../errors";
import { describe, flagOf, wholeOf } from "../attributes";
import { product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter } from "../layout/emitter";
import { lastAxes } from "../layout/regroup";
import { dimsOf, renumbered, type Tensor } from "../layout/tensor";
import { axesOf } from "../shapes";
import { knownInputs, tensorInput, type Emit, type Inputs, type Operators } from "./operator";

/** Memory axes that the logical axes lie on; the batch is not to be among them. */
function memoryAxes(node: OnnxNode, x: Tensor, logical: readonly number[]): number[] {
  const list = logical.flatMap((i) => x.axes[i]);
  if (list.includes(0))
    throw new ThawError(
      describe(node),
      `reduces ${formatShape(dimsOf(x))} over the samples of a batch`,
      "axes within samples",
    );
  return list.toSorted((a, b) => a - b);
}

/** Sums, means and extremes: memory axes stay as ones, which ONNX's dimensions keep or drop. */
function reduceOver(e: Emitter, node: OnnxNode, x: Tensor, logical: readonly number[], kind: string): Tensor {
  const axes = memoryAxes(node, x, logical);
  const keeps = flagOf(node, "keepdims", true);
  const left = (t: Tensor): Tensor => ({
    ...t,
    shape: t.shape.map((d, p) => (axes.includes(p) ? 1 : d)),
    axes: t.axes.flatMap((list, i) => (logical.includes(i) ? (keeps ? [[]] : []) : [list])),
  });
  if (axes.every((p) => x.shape[p] === 1) && ["sum", "mean", "max", "min", "prod"].includes(kind)) return left(x);
  // [batch, ..., channels] over all in between, the batch and the channels being whole axes.
  const positions = x.shape.map((_, p) => p).slice(1, -1);
  if (
    kind === "mean" &&
    x.shape.length >= 3 &&
    axes.length === positions.length &&
    axes.every((p, i) => p === positions[i])
  ) {
    const value = e.apply(
      "globalAveragePool",
      {},
      { x: e.view(x.value, [x.shape[0], product(x.shape.slice(1, -1)), 1, x.shape.at(-1)!]) },
    );
    return left({ ...x, value });
  }
  const value = e.apply("reduce", { kind, axes, keepDims: true }, { x: e.memory(x) });
  return left({ ...x, value });
}

/** Where the axes are none, an input that says so with `noop_with_empty_axes` goes through. */
function wanted(e: Emitter, node: OnnxNode, inputs: Inputs): { x: Tensor; axes: number[] } {
  const x = tensorInput(e, node, inputs, 0);
  return { x, axes: axesOf(node, knownInputs(inputs)[1], x.axes.length) };
}

const reduction =
  (kind: string): Emit =>
  (e, node, inputs) => {
    const { x, axes } = wanted(e, node, inputs);
    return [axes.length === 0 ? x : reduceOver(e, node, x, axes, kind)];
  };

/** Where the largest or smallest element lies along one axis. */
const argument =
  (kind: "argmax" | "argmin"): Emit =>
  (e, node, inputs) => {
    const x = tensorInput(e, node, inputs, 0);
    const rank = x.axes.length;
    const axis = wholeOf(node, "axis", 0);
    const logical = axis < 0 ? axis + rank : axis;
    const t = lastAxes(e, describe(node), x, [logical]);
    const p = t.shape.length - 1;
    const value = e.apply(
      "argReduce",
      { kind, axis: p, keepDims: true, last: flagOf(node, "select_last_index") },
      { x: e.memory(t) },
    );
    const keeps = flagOf(node, "keepdims", true);
    return [
      {
        value,
        kind: "int",
        shape: [...t.shape.slice(0, -1), 1],
        axes: renumbered(t.axes, (q) => q).flatMap((list, i) => (i === logical ? (keeps ? [[]] : []) : [list])),
      },
    ];
  };

export const reductions: Operators = {
  ReduceSum: reduction("sum"),
  ReduceMean: reduction("mean"),
  ReduceMax: reduction("max"),
  ReduceMin: reduction("min"),
  ReduceProd: reduction("prod"),
  ReduceSumSquare: reduction("sumSquare"),
  ReduceL1: reduction("l1"),
  ReduceL2: reduction("l2"),
  ReduceLogSum: reduction("logSum"),
  ReduceLogSumExp: reduction("logSumExp"),
  ArgMax: argument("argmax"),
  ArgMin: argument("argmin"),
};
