/** Example problems of reductions. */
import type { Case, Shape } from "../operation";
import type { ReduceAttrs, ReduceKind } from "./reduce";

/** x, axes, keepDims */
const shapes: readonly (readonly [Shape, readonly number[], boolean])[] = [
  [[], [], false],
  [[7], [0], false],
  [[1, 5], [0], true],
  [[3, 5, 4], [1], false],
  [[2, 3, 5, 4], [1, 2], true],
  [[2, 3, 5, 4], [0, 3], false],
  [[2, 2, 3, 2, 2, 3], [1, 3, 5], false],
  [[2, 3, 2, 2, 3, 2], [0, 2, 4], true],
  [[3, 131], [1], false],
  [[67, 3], [0], true],
];

type Fill = (i: number, random: () => number) => number;

const fills: Readonly<Record<ReduceKind, Fill | undefined>> = {
  sum: undefined,
  mean: undefined,
  max: undefined,
  min: undefined,
  prod: (i, random) => (i % 41 === 0 ? 0 : 0.6 + 0.8 * random()),
  l1: undefined,
  l2: undefined,
  logSum: (_, random) => 0.2 + random(),
  logSumExp: (_, random) => 20 * random() - 10,
  sumSquare: undefined,
};

const kinds = Object.keys(fills) as ReduceKind[];

export const reduceCases: readonly Case<ReduceAttrs>[] = [
  ...kinds.flatMap((kind, i) =>
    shapes
      .filter((_, k) => kind === "sum" || (i + k) % 3 === 0)
      .map(([x, axes, keepDims]) => ({
        attrs: { kind, axes, keepDims },
        inputs: { x },
        ...(fills[kind] && { fill: { x: fills[kind] } }),
      })),
  ),
  { attrs: { kind: "mean", axes: [0, 1], keepDims: false }, inputs: { x: [9, 1100] }, large: true },
  {
    attrs: { kind: "logSumExp", axes: [1], keepDims: false },
    inputs: { x: [2, 40] },
    fill: { x: (i: number) => 80 + (i % 9), y: () => 90 },
  },
];

/** For the gradient: several terms are the extreme, which is 1. Differences cannot tell how they share. */
export const ties: Partial<Record<ReduceKind, Fill>> = {
  max: (i) => ((i * 7) % 5) / 4,
  min: (i) => 1 + ((i * 7) % 5) / 4,
};

export const argShapes: readonly (readonly [Shape, number])[] = [
  [[1], 0],
  [[3, 7], 1],
  [[6, 5], 0],
  [[2, 3, 4, 5], 2],
  [[2, 130], 1],
];
