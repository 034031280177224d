/**
 * A tensor as ONNX sees it and as it lies in memory. ONNX's dimensions ("logical axes") are each made of memory axes, major
 * first: an image [N, C, H, W] that lies as [N, H, W, C] has the axes [[0], [3], [1], [2]]. So reshapes, transposes, squeezes
 * and flattens write no operation at all: they only regroup axes, and numbers are moved where an operator needs an order that
 * they do not have. That is what makes NCHW files run in NHWC, and transposes cancel.
 *
 * Memory axis 0 is always the batch, in a network and in attention's [length, batch, features] alike, so that no layer
 * ever mixes samples. Sizes are those of the import, where the batch has a size that nothing else has.
 */
import type { Value } from "../../../nn/graph";
import { product, type Kind } from "../host-tensor";

export interface Tensor {
  readonly value: Value;
  /** Sizes of the memory axes. The value's own shape may be another view of the same numbers. */
  readonly shape: readonly number[];
  /** For each logical axis its memory axes, major first; none for a dimension of 1. Memory axes of 1 may belong to none. */
  readonly axes: readonly (readonly number[])[];
  readonly kind: Kind;
}

/** How a tensor lies, without the tensor. */
export type Layout = Omit<Tensor, "value">;

/** Dimensions as ONNX sees them. */
export const dimsOf = ({ shape, axes }: Layout): number[] => axes.map((list) => product(list.map((p) => shape[p])));

export const rankOf = ({ axes }: Layout): number => axes.length;

/** Memory axes with other numbers. */
export const renumbered = (axes: Tensor["axes"], number: (p: number) => number): number[][] =>
  axes.map((list) => list.map(number));

/** A new memory axis of 1 at `at`, which belongs to no logical axis. */
export function insertOne(t: Tensor, at: number): Tensor {
  return {
    ...t,
    shape: [...t.shape.slice(0, at), 1, ...t.shape.slice(at)],
    axes: renumbered(t.axes, (p) => (p >= at ? p + 1 : p)),
  };
}

/** Memory axis p as several, major first. */
export function splitAxis(t: Tensor, p: number, sizes: readonly number[]): Tensor {
  const more = sizes.length - 1;
  return {
    ...t,
    shape: [...t.shape.slice(0, p), ...sizes, ...t.shape.slice(p + 1)],
    axes: t.axes.map((list) => list.flatMap((q) => (q === p ? sizes.map((_, i) => p + i) : [q > p ? q + more : q]))),
  };
}

/** Memory axes p to p + count - 1, consecutive factors of one logical axis, as one. */
export function mergeAxes(t: Tensor, p: number, count: number): Tensor {
  if (count <= 1) return t;
  return {
    ...t,
    shape: [...t.shape.slice(0, p), product(t.shape.slice(p, p + count)), ...t.shape.slice(p + count)],
    axes: t.axes.map((list) =>
      list.flatMap((q) => (q > p && q < p + count ? [] : [q >= p + count ? q - count + 1 : q])),
    ),
  };
}
