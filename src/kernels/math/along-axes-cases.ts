/** Example problems of slices with steps and of padding. */
import type { Shape } from "../operation";
import type { PadMode } from "./alongAxes";

/** x, begin, size, steps */
export const slices: readonly (readonly [Shape, ...(readonly number[])[]])[] = [
  [[1], [0], [1], [1]],
  [[11], [1], [4], [3]],
  [[11], [10], [11], [-1]],
  [
    [3, 7],
    [2, 5],
    [2, 3],
    [-2, -2],
  ],
  [
    [2, 5, 7, 3],
    [0, 0, 1, 0],
    [2, 3, 3, 3],
    [1, 2, 2, 1],
  ],
  [
    [2, 8, 6, 8],
    [0, 1, 0, 0],
    [2, 4, 3, 8],
    [1, 2, 2, 1],
  ],
  [
    [2, 3, 2, 3, 2, 4],
    [0, 2, 0, 0, 0, 3],
    [2, 2, 2, 3, 2, 2],
    [1, -2, 1, 1, 1, -1],
  ],
];

const modes: readonly PadMode[] = ["constant", "edge", "reflect", "wrap"];

const shapes: readonly (readonly [Shape, readonly number[], readonly number[]])[] = [
  [[1], [0], [0]],
  [[4], [3], [2]],
  [
    [3, 5],
    [0, 4],
    [2, 0],
  ],
  [
    [2, 5, 4, 3],
    [0, 1, 3, 0],
    [0, 2, 1, 0],
  ],
  [
    [2, 2, 2, 3, 2, 3],
    [0, 1, 0, 0, 1, 2],
    [1, 0, 0, 0, 0, 1],
  ],
];

/** mode, x, before, after, value */
export const pads: readonly (readonly [PadMode, Shape, readonly number[], readonly number[], number?])[] = [
  ...modes.flatMap((mode) => shapes.map(([x, before, after]) => [mode, x, before, after] as const)),
  ["constant", [2, 3], [1, 0], [0, 2], -1.5],
  ["wrap", [3], [7], [5]],
  ["edge", [1, 2], [3, 0], [2, 4]],
];
