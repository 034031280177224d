/** Pieces of tensors along one memory axis. */
import { ThawError } from "../../../errors";
import type { Value } from "../../../nn/graph";
import { describe } from "../attributes";
import { product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter } from "../layout/emitter";
import type { Tensor } from "../layout/tensor";
import type { Range } from "../shapes";

/** The view [what lies before, axis p, what lies behind] of a tensor's memory, the batch by itself where it is not p. */
export function around(e: Emitter, t: Tensor, p: number): { x: Value; axis: number; shape: number[] } {
  const behind = product(t.shape.slice(p + 1));
  const shape = p === 0 ? [t.shape[0], behind] : [t.shape[0], product(t.shape.slice(1, p)), t.shape[p], behind];
  return { x: e.view(t.value, shape), axis: p === 0 ? 0 : 2, shape };
}

/** Entries begin, begin + step, ... of memory axis p. */
export function takeRange(e: Emitter, t: Tensor, p: number, { begin, step, count }: Range): Tensor {
  if (step === 1 && begin === 0 && count === t.shape[p]) return t;
  const { x, axis, shape } = around(e, t, p);
  const result = t.shape.map((d, q) => (q === p ? count : d));
  const at = (value: number, other: number) => shape.map((_, a) => (a === axis ? value : other));
  if (step === 1)
    return { ...t, shape: result, value: e.apply("slice", { begin: at(begin, 0), size: at(count, -1) }, { x }) };
  const size = shape.map((d, a) => (a === axis ? count : e.size(d)));
  return {
    ...t,
    shape: result,
    value: e.apply("stridedSlice", { begin: at(begin, 0), steps: at(step, 1), size }, { x }),
  };
}

/** The memory axis, which is not to be a network's batch. */
export function withinSamples(node: OnnxNode, e: Emitter, p: number): number {
  if (p === 0 && e.batch > 1)
    throw new ThawError(describe(node), "takes some of the samples of a batch", "parts of samples");
  return p;
}

export function splitInto(t: Tensor, p: number, sizes: readonly number[]): Tensor {
  const more = sizes.length - 1;
  return {
    ...t,
    shape: [...t.shape.slice(0, p), ...sizes, ...t.shape.slice(p + 1)],
    axes: t.axes.map((list) => list.flatMap((q) => (q === p ? sizes.map((_, k) => p + k) : [q > p ? q + more : q]))),
  };
}
