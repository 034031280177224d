/** Operators that regroup dimensions. They write nothing: only how memory is read changes. */
import { ThawError } from "../../../errors";
import { describe, flagOf, numbersOf } from "../attributes";
import { isHost, product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter } from "../layout/emitter";
import { regroup } from "../layout/regroup";
import { dimsOf, rankOf, type Tensor } from "../layout/tensor";
import { reshapeTarget, targetShape } from "../shapes";
import { knownInput, knownInputs, tensorInput, type Emit, type Inputs, type Operators } from "./operator";

/**
 * A shape with the batch as the import counts it. A model that was exported with a batch of 1 says 1 in its reshapes: there
 * the count is short by the batch, and the dimension is the one where the batch stands in the tensor's own order.
 */
function withBatch(e: Emitter, x: Tensor, dims: readonly number[], literal: number): number[] {
  if (e.batch === 1 || product(dims) * (e.batch / literal) !== product(dimsOf(x))) return [...dims];
  const owner = x.axes.findIndex((list) => list.includes(0));
  const own = dimsOf(x);
  const before =
    product(own.slice(0, owner)) * product(x.axes[owner].slice(0, x.axes[owner].indexOf(0)).map((p) => x.shape[p]));
  // Dimensions that end where the batch begins, in order of preference: the batch alone, leading, trailing.
  let seen = 1;
  const candidates: { at: number; rank: number }[] = [];
  dims.forEach((d, at) => {
    if (d % literal === 0) {
      if (seen === before && d === literal) candidates.push({ at, rank: 0 });
      else if (seen === before) candidates.push({ at, rank: splits(x, owner, d / literal) ? 1 : 3 });
      else if (seen * (d / literal) === before) candidates.push({ at, rank: 2 });
    }
    seen *= d;
  });
  const best = candidates.toSorted((a, b) => a.rank - b.rank)[0];
  return best ? dims.map((d, at) => (at === best.at ? (d / literal) * e.batch : d)) : [...dims];
}

/** Whether d is a proper part of the dimension behind the batch: heads, split off the features and joined with the batch. */
function splits(x: Tensor, owner: number, d: number): boolean {
  const next = dimsOf(x)[owner + 1];
  return next !== undefined && d !== next && next % d === 0;
}

const reshape: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const own = dimsOf(x);
  knownInput(node, inputs, 1);
  const known = knownInputs(inputs);
  if (node.op !== "Reshape") return [regroup(e, describe(node), x, targetShape(node, own, known))];
  const wanted = reshapeTarget(node, known);
  const zeros = wanted.map((d, i) => (d === 0 && !flagOf(node, "allowzero") ? (own[i] ?? 0) : d));
  const open = zeros.indexOf(-1);
  if (open < 0) return [regroup(e, describe(node), x, withBatch(e, x, zeros, e.literalBatch))];
  // A literal batch and an open dimension: the open one would swallow the batch.
  const rest = product(own) / product(zeros.filter((d) => d !== -1));
  const owner = x.axes.findIndex((list) => list.includes(0));
  const swallowed =
    e.batch > 1 &&
    open > 0 &&
    owner === 0 &&
    zeros[0] === e.literalBatch &&
    own[0] === e.batch &&
    rest % e.batch === 0 &&
    x.axes[0].length === 1;
  const filled = zeros.map((d) => (d === -1 ? (swallowed ? (rest / e.batch) * e.literalBatch : rest) : d));
  return [regroup(e, describe(node), x, withBatch(e, x, filled, e.literalBatch))];
};

const squeeze: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const given = knownInput(node, inputs, 1);
  const list = given ? Array.from(given.data) : numbersOf(node, "axes");
  const own = dimsOf(x);
  const axes = new Set(
    list ? list.map((a) => (a < 0 ? a + own.length : a)) : own.flatMap((d, i) => (d === 1 ? [i] : [])),
  );
  const wrong = [...axes].find((i) => own[i] !== 1);
  if (wrong !== undefined)
    throw new ThawError(describe(node), `squeezes dimension ${wrong} of [${own.join(", ")}]`, "a dimension of 1");
  return [{ ...x, axes: x.axes.filter((_, i) => !axes.has(i)) }];
};

const unsqueeze: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const given = knownInput(node, inputs, 1);
  const list = given ? Array.from(given.data) : (numbersOf(node, "axes") ?? []);
  const rank = rankOf(x) + list.length;
  const axes = new Set(list.map((a) => (a < 0 ? a + rank : a)));
  const rest = [...x.axes];
  return [{ ...x, axes: Array.from({ length: rank }, (_, i) => (axes.has(i) ? [] : rest.shift()!)) }];
};

const transpose: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const order = numbersOf(node, "perm") ?? x.axes.map((_, i) => x.axes.length - 1 - i);
  if (order.length !== x.axes.length || order.toSorted((a, b) => a - b).some((p, i) => p !== i))
    throw new ThawError(
      describe(node),
      `perm is [${order.join(", ")}] for ${x.axes.length} dimensions`,
      "each dimension once",
    );
  return [{ ...x, axes: order.map((p) => x.axes[p]) }];
};

const through: Emit = (_, node: OnnxNode, inputs: Inputs) => {
  if (inputs[0] === undefined) throw new ThawError(describe(node), "has no input", "one");
  return [inputs[0]];
};

/** Outside training a Dropout gives its input; a mask, if asked for, is all true. In training a layer stands for it, which drops. */
const dropout: Emit = (e, node, inputs) => {
  const training = inputs[2];
  const ratio = inputs[1];
  const rate = ratio && isHost(ratio) ? ratio.data[0] : Number(node.attributes.get("ratio") ?? 0.5);
  const drops = training && isHost(training) && training.data[0] !== 0 && rate !== 0;
  if (drops && e.batch === 1)
    throw new ThawError(
      describe(node),
      "drops values, of which every system draws others",
      "inference mode, or a network in which it is a layer",
      "Call model.eval() before the export.",
    );
  const x = tensorInput(e, node, inputs, 0);
  if (node.outputs.length < 2 || drops) return [x];
  return [x, { ...x, value: e.apply("affine", { scale: 0, offset: 1 }, { x: x.value }), kind: "bool" }];
};

/** Sizes, where the batch has the size that stands for it. */
const shapeOf: Emit = (_, node, inputs) => {
  const x = inputs[0]!;
  const dims = isHost(x) ? x.dims : dimsOf(x);
  const rank = dims.length;
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank);
  const [start, end] = [Number(node.attributes.get("start") ?? 0), Number(node.attributes.get("end") ?? rank)];
  const list = dims.slice(clamp(start), clamp(end));
  return [{ dims: [list.length], kind: "int", data: Float64Array.from(list) }];
};

const sizeOf: Emit = (_, __, inputs) => {
  const x = inputs[0]!;
  return [{ dims: [], kind: "int", data: Float64Array.of(product(isHost(x) ? x.dims : dimsOf(x))) }];
};

export const arrangements: Operators = {
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Identity: through,
  Dropout: dropout,
  Shape: shapeOf,
  Size: sizeOf,
};
