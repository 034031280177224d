/** What the kernels of several families have in common, for one launch of a gather and for sums of dw in parts. */
import type { Epilogue } from "../epilogue";
import { epilogueSizes } from "../epilogue";
import { foldWorkgroups, type Kernel } from "../kernel";
import type { Gather } from "./gather";
import { convolutionCost, filterCount, inputCount, outputCount, type Convolution } from "./problem";

interface Gathered {
  readonly gather: Gather;
  readonly epilogue: Epilogue;
}

/** @param tiles of a result of `m` rows and `n` columns. */
export const gathered = <Q extends Gathered>(
  tiles: (m: number, n: number, q: Q) => number,
): Pick<Kernel<Q>, "workgroups" | "sizes" | "cost"> => ({
  workgroups: (q) => {
    const { params, groups } = q.gather;
    const [x, y] = foldWorkgroups(tiles(params.m, params.n, q));
    return [x, y, groups];
  },
  sizes: ({ gather, epilogue }) => ({
    ...gather.sizes,
    ...epilogueSizes(epilogue, gather.params.resultChannels, gather.sizes.y),
  }),
  cost: ({ gather }) => gather.cost,
});

/** Rows of dw: taps of one group. */
export const filterRows = (p: Convolution): number => p.filterRows * p.filterColumns * p.depth;
export const groupsOf = (p: Convolution): number => p.filters / p.filtersEach;

/** The uniforms of every program for dw, but for those that say which part is summed. */
export function filterGradientParams(p: Convolution): Readonly<Record<string, number>> {
  const { batch: _, filterRows: __, filtersEach: n, ...rest } = p;
  return { m: filterRows(p), n, ...rest };
}

interface InParts {
  readonly p: Convolution;
  readonly parts: number;
}

/** @param tiles of dw of one group, `m` rows and `n` columns. */
export const summedInParts = <Q extends InParts>(
  tiles: (m: number, n: number, q: Q) => number,
): Pick<Kernel<Q>, "workgroups" | "sizes" | "cost"> => ({
  workgroups: (q) => {
    const [x, y] = foldWorkgroups(groupsOf(q.p) * tiles(filterRows(q.p), q.p.filtersEach, q));
    return [x, y, q.parts];
  },
  sizes: ({ p, parts }) => ({ x: inputCount(p), dy: outputCount(p), dw: parts * filterCount(p) }),
  cost: ({ p, parts }) => {
    const { flops, bytes } = convolutionCost(p);
    return { flops, bytes: bytes + 4 * (parts - 1) * filterCount(p) };
  },
});

/** The same in vectors of four channels; m stays. */
export const filterGradientInVectors = (params: Readonly<Record<string, number>>): Readonly<Record<string, number>> => {
  const { n, channels, filters, depth } = params;
  return { ...params, n: n / 4, channels: channels / 4, filters: filters / 4, depth: depth / 4 };
};
