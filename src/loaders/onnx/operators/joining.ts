/** Operators that cut tensors into parts and put them together. */
import { formatShape, ThawError } from "../../../errors";
import { axisOf, describe, wholeOf } from "../attributes";
import { isHost, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter } from "../layout/emitter";
import { single } from "../layout/regroup";
import { dimsOf, type Tensor } from "../layout/tensor";
import { splitSizes } from "../shapes";
import { knownInput, tensorInput, type Emit, type Operators } from "./operator";
import { around, splitInto, takeRange, withinSamples } from "./pieces";

const split: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const axis = axisOf(node, wholeOf(node, "axis", 0), x.axes.length);
  const { t, p } = single(e, describe(node), x, axis);
  let begin = 0;
  return splitSizes(node, t.shape[p], knownInput(node, inputs, 1)).map((count) => {
    if (count < 1) throw new ThawError(describe(node), "makes a part that is empty", "parts that are not");
    const part = takeRange(e, t, withinSamples(node, e, p), { begin, step: 1, count });
    begin += count;
    return part;
  });
};

/** Constants among the inputs (a class token) are repeated over the batch. */
const concat: Emit = (e, node, inputs) => {
  const who = describe(node);
  const list = inputs.filter((x) => x !== undefined);
  const like = list.find((x): x is Tensor => !isHost(x));
  if (!like) return list;
  const axis = axisOf(node, wholeOf(node, "axis"), like.axes.length);
  const dims = dimsOf(like);
  const tensors = list.map((x) => (isHost(x) ? spreadConstant(e, node, x, like, axis) : x));
  // All lie as the first does; where the joined axis is of 1 there, as a memory axis of its own.
  const first = single(e, who, like, axis);
  withinSamples(node, e, first.p);
  const shaped = tensors.map((t) => layLike(e, who, t, first.t, axis, dims));
  const p = first.p;
  const total = shaped.reduce((sum, t) => sum + t.shape[p], 0);
  const parts = shaped.map((t) => around(e, t, p));
  const value = e.apply(
    "concatenate",
    { axis: parts[0].axis },
    Object.fromEntries(parts.map(({ x }, i) => [`x${i}`, x])),
  );
  return [{ ...first.t, value, shape: first.t.shape.map((d, q) => (q === p ? total : d)) }];
};

/** A constant as part of every sample. */
function spreadConstant(e: Emitter, node: OnnxNode, x: HostTensor, like: Tensor, axis: number): Tensor {
  const own = x.repeats ?? x;
  const target = dimsOf(like).map((d, i) => (i === axis ? x.dims[i] : d));
  const size = target.map((d) => e.size(d));
  if (own.dims.length !== target.length)
    throw new ThawError(
      describe(node),
      `joins ${formatShape(x.dims)} to ${formatShape(dimsOf(like))}`,
      "as many dimensions",
    );
  const owner = like.axes.findIndex((list) => list.includes(0));
  if (owner >= 0 && like.axes[owner].length > 1)
    throw new ThawError(
      describe(node),
      "joins a constant to a dimension that holds the batch and more",
      "the batch by itself",
    );
  const value = e.apply("expand", { shape: size }, { x: e.whole(own, own.dims) });
  // In ONNX's order, whose batch is moved to the front.
  const order = target.map((_, i) => i).toSorted((a, b) => Number(b === owner) - Number(a === owner));
  if (owner < 0) return { value, shape: [1, ...target], axes: target.map((_, i) => [i + 1]), kind: x.kind };
  return {
    value: e.transpose(value, target, order),
    shape: order.map((i) => target[i]),
    axes: target.map((_, i) => [order.indexOf(i)]),
    kind: x.kind,
  };
}

/** The tensor with memory axes as another has them; the joined axis may differ in size. */
function layLike(e: Emitter, who: string, t: Tensor, like: Tensor, axis: number, dims: readonly number[]): Tensor {
  const own = dimsOf(t);
  if (own.length !== dims.length || own.some((d, i) => i !== axis && d !== dims[i]))
    throw new ThawError(
      who,
      `joins ${formatShape(own)} to ${formatShape(dims)} along dimension ${axis}`,
      "equal dimensions besides",
    );
  const found = single(e, who, t, axis);
  let now = found.t;
  // Memory axes of each dimension, split as the other's are.
  for (let i = 0; i < dims.length; i++) {
    if (i === axis) continue;
    const sizes = like.axes[i].map((p) => like.shape[p]).filter((d) => d !== 1);
    const mine = now.axes[i].map((p) => now.shape[p]).filter((d) => d !== 1);
    if (sizes.length === mine.length && sizes.every((d, k) => d === mine[k])) continue;
    now = single(e, who, now, i).t;
    const p = now.axes[i][0];
    now = splitInto(now, p, sizes);
  }
  const ofOnes = (x: Tensor, i: number) => x.axes[i].filter((p) => x.shape[p] !== 1 || i === axis);
  const order: number[] = [];
  like.shape.forEach((_, p) => {
    const i = like.axes.findIndex((list) => list.includes(p));
    if (i < 0) {
      if (p === 0) order.push(0);
      return;
    }
    const k = ofOnes(like, i).indexOf(p);
    if (k >= 0) order.push(ofOnes(now, i)[k]);
  });
  const rest = now.shape.map((_, p) => p).filter((p) => !order.includes(p));
  const value = e.transpose(now.value, now.shape, [...order, ...rest]);
  return {
    ...like,
    value,
    kind: t.kind,
    shape: like.shape.map((d, p) => (like.axes[axis].includes(p) ? own[axis] : d)),
  };
}

export const joining: Operators = { Split: split, Concat: concat };
