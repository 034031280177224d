/** Reshapes and single axes: memory axes split, merged and brought together, with numbers moved only where that must be. */
import { formatShape, ThawError } from "../../../errors";
import { product } from "../host-tensor";
import type { Emitter } from "./emitter";
import { dimsOf, insertOne, mergeAxes, splitAxis, type Tensor } from "./tensor";

/**
 * Other dimensions of the same numbers in ONNX's order: `dims` has to have as many as the tensor. The factors of the
 * logical axes, one after the other, are dealt out to the new dimensions, and split where one is too large.
 */
export function regroup(e: Emitter, who: string, t: Tensor, dims: readonly number[]): Tensor {
  if (product(dims) !== product(dimsOf(t)))
    throw new ThawError(
      who,
      `reshapes ${formatShape(dimsOf(t))} to ${formatShape(dims)}`,
      "the same number of elements",
    );
  let now = t;
  let factors = t.axes.flat();
  const axes: number[][] = [];
  for (const d of dims) {
    const own: number[] = [];
    let rest = d;
    while (rest !== 1) {
      // Ones in between belong to no dimension in particular.
      while (factors.length > 0 && now.shape[factors[0]] === 1) factors.shift();
      const p = factors[0];
      const size = now.shape[p];
      if (rest % size === 0) {
        own.push(p);
        factors.shift();
        rest /= size;
      } else if (size % rest === 0 && p !== 0) {
        now = splitAxis(now, p, [rest, size / rest]);
        const shift = (q: number) => (q > p ? q + 1 : q);
        factors = [p + 1, ...factors.slice(1).map(shift)];
        axes.forEach((list, i) => (axes[i] = list.map(shift)));
        own.forEach((q, i) => (own[i] = shift(q)));
        own.push(p);
        rest = 1;
      } else return regroupPlain(e, who, t, dims);
    }
    axes.push(own);
  }
  return { ...now, axes };
}

/** Where factors do not divide, e.g. [4, 6] to [8, 3]: in memory order, as a whole. */
function regroupPlain(e: Emitter, who: string, t: Tensor, dims: readonly number[]): Tensor {
  const owner = t.axes.findIndex((list) => list.includes(0));
  const value = e.plain(t).value;
  if (owner < 0) return { ...t, value, shape: [t.shape[0], ...dims], axes: dims.map((_, i) => [i + 1]) };
  if (owner === 0 && t.axes[0].length === 1 && dims[0] === t.shape[0])
    return { ...t, value, shape: dims, axes: dims.map((_, i) => [i]) };
  throw new ThawError(
    who,
    `reshapes ${formatShape(dimsOf(t))} to ${formatShape(dims)}, which mixes the samples of a batch`,
    "reshapes within samples",
  );
}

/** Logical axis i on a memory axis of its own; returns that axis too. @throws where it holds the batch and more. */
export function single(e: Emitter, who: string, t: Tensor, i: number): { t: Tensor; p: number } {
  const list = t.axes[i];
  if (list.length === 1) return { t, p: list[0] };
  if (list.length === 0) {
    const p = t.shape.length;
    const more = insertOne(t, p);
    return { t: { ...more, axes: more.axes.map((l, k) => (k === i ? [p] : l)) }, p };
  }
  if (list.includes(0))
    throw new ThawError(
      who,
      `works along dimension ${i} of ${formatShape(dimsOf(t))}, which holds the samples of a batch`,
      "dimensions within samples",
    );
  const [first, ...others] = list;
  const order = t.shape.flatMap((_, p) => (p === first ? list : others.includes(p) ? [] : [p]));
  const moved = e.permute(t, order);
  const p = order.indexOf(first);
  return { t: mergeAxes(moved, p, list.length), p };
}

/** Several logical axes on memory axes of their own, moved behind all others in this order. */
export function lastAxes(e: Emitter, who: string, t: Tensor, logical: readonly number[]): Tensor {
  let now = t;
  for (const i of logical) now = single(e, who, now, i).t;
  const last = logical.map((i) => now.axes[i][0]);
  if (last.includes(0))
    throw new ThawError(
      who,
      `works along the samples of a batch, dimension ${logical[last.indexOf(0)]}`,
      "dimensions within samples",
    );
  const order = [...now.shape.map((_, p) => p).filter((p) => !last.includes(p)), ...last];
  return e.permute(now, order);
}

/** Axes that the batch or ones fill: everything but the last `count` memory axes as one. */
export const rows = (t: Tensor, count: number): number[] => [
  product(t.shape.slice(0, t.shape.length - count)),
  ...t.shape.slice(t.shape.length - count),
];
