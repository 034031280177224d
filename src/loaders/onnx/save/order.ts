/**
 * Orders of dimensions. Dimension i of the ONNX tensor is dimension `order[i]` of Thaw's value: [0, 3, 1, 2] is an image as ONNX's
 * operators take it, [batch, channels, height, width].
 */
import type { Shape } from "../../../kernels/operation";

export type Order = readonly number[];

export const plain = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i);

/** Channels behind the batch: what convolutions, pooling and batch normalization of ONNX want. */
export const channelsFirst = (rank: number): number[] =>
  rank < 3 ? plain(rank) : [0, rank - 1, ...plain(rank).slice(1, -1)];

export const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((v, i) => v === b[i]);

export const isPlain = (order: Order): boolean => order.every((d, i) => d === i);

/** Sizes of the ONNX tensor. */
export const ordered = (shape: Shape, order: Order): number[] => order.map((d) => shape[d]);

/** Dimensions that are not 1: where these agree, numbers lie the same way, whatever ones stand between. */
export const moving = (shape: Shape, order: Order): number[] => order.filter((d) => shape[d] !== 1);

/** Whether numbers lie as in the value itself. */
export const liesPlain = (shape: Shape, order: Order): boolean =>
  moving(shape, order).every((d, i, all) => i === 0 || all[i - 1] < d);

/** Runs of dimensions of two shapes that hold the same numbers: [N, H, W, C] as [N, H, W, g, k] is N, H, W, and C as g and k. */
export function commonRuns(from: Shape, to: Shape): { readonly from: number[]; readonly to: number[] }[] {
  const runs: { from: number[]; to: number[] }[] = [];
  for (let [i, j] = [0, 0]; i < from.length || j < to.length;) {
    const run = { from: [] as number[], to: [] as number[] };
    let [left, right] = [1, 1];
    do {
      const takesLeft = j >= to.length || (i < from.length && left <= right);
      if (takesLeft) left *= from[run.from[run.from.push(i++) - 1]];
      else right *= to[run.to[run.to.push(j++) - 1]];
    } while ((left !== right || run.from.length === 0 || run.to.length === 0) && (i < from.length || j < to.length));
    runs.push(run);
  }
  // Ones at an end belong to no run of their own.
  const last = runs.at(-1)!;
  if (runs.length > 1 && (last.from.length === 0 || last.to.length === 0)) {
    runs.pop();
    runs.at(-1)!.from.push(...last.from);
    runs.at(-1)!.to.push(...last.to);
  }
  return runs;
}
