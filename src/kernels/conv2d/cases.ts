/** Example problems of the convolution; those of its gradients are the same problems seen from the other side. */
import { outputSize, samePadding, type ConvolutionAttrs, type Pads, type Pair } from "../convolution";
import type { AdapterTraits, Shape } from "../operation";

export interface Example {
  readonly attrs: ConvolutionAttrs;
  readonly x: Shape;
  readonly w: Shape;
  readonly y: Shape;
  readonly large: boolean;
  readonly traits: Partial<AdapterTraits>;
}

interface Options {
  readonly strides?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly pads?: Pads | "same";
  readonly large?: boolean;
  readonly traits?: Partial<AdapterTraits>;
}

/** Image [batch, rows, columns, channels], filter [rows, columns, filters]. */
function example(
  x: Shape,
  [rows, columns, filters]: readonly [number, number, number],
  options: Options = {},
): Example {
  const { strides = [1, 1], dilation = [1, 1], groups = 1, pads = [0, 0, 0, 0], large = false, traits = {} } = options;
  const image: Pair = [x[1], x[2]];
  const size: Pair = [rows, columns];
  const attrs = {
    strides,
    dilation,
    groups,
    pads: pads === "same" ? samePadding(image, size, strides, dilation) : pads,
  };
  return {
    attrs,
    x,
    w: [rows, columns, x[3] / groups, filters],
    y: [x[0], ...outputSize(attrs, image, size), filters],
    large,
    traits,
  };
}

/** As if two workgroups kept the adapter busy, so that problems need not be large. */
const largeTiles: Options = { pads: "same", large: true, traits: { busyWorkgroups: 2 } };

export const examples: readonly Example[] = [
  example([1, 1, 1, 1], [1, 1, 1]),
  example([2, 3, 3, 4], [1, 1, 8]), // a matrix product
  example([2, 2, 3, 3], [1, 1, 5]),
  example([2, 4, 6, 8], [1, 1, 12]), // rows in fours too
  example([2, 2, 3, 3], [2, 3, 5]), // the whole image is one window
  example([1, 5, 4, 2], [3, 3, 3], { pads: "same" }),
  example([2, 5, 5, 3], [3, 3, 4], { pads: "same", strides: [2, 2] }), // a stem
  example([1, 6, 6, 4], [3, 3, 4], { pads: "same", strides: [2, 2] }),
  example([1, 7, 5, 2], [3, 2, 4], { pads: [1, 0, 0, 1], strides: [2, 1] }),
  example([1, 7, 7, 1], [3, 3, 2], { pads: "same", dilation: [2, 2] }),
  example([1, 9, 8, 2], [3, 2, 2], { dilation: [2, 3], strides: [2, 3], pads: [2, 1, 0, 3] }),
  example([1, 5, 5, 4], [1, 1, 4], { strides: [2, 2] }), // a shortcut of ResNet
  example([1, 4, 4, 4], [2, 2, 3], { strides: [3, 3], pads: [0, 1, 0, 1] }), // pixels that no window reads
  example([1, 4, 4, 6], [3, 3, 4], { groups: 2, pads: "same" }),
  example([1, 5, 5, 4], [2, 2, 8], { groups: 4, strides: [2, 2] }),
  example([1, 6, 7, 8], [3, 3, 8], { pads: "same" }),
  example([2, 7, 8, 4], [3, 3, 8], { pads: [0, 2, 3, 0] }),
  example([2, 12, 12, 16], [3, 3, 32], { pads: "same", large: true }),
  example([2, 13, 11, 20], [3, 3, 36], { pads: "same", strides: [2, 2], large: true }),
  example([1, 17, 19, 3], [3, 3, 16], { pads: [0, 1, 0, 1], strides: [2, 2], large: true }),
  example([2, 9, 9, 64], [3, 3, 68], { pads: "same", large: true }),
  example([1, 11, 11, 19], [5, 3, 23], { pads: [2, 2, 1, 1], large: true }),
  example([1, 14, 14, 8], [3, 3, 20], { pads: "same", dilation: [2, 2], large: true }),
  example([2, 12, 12, 24], [3, 3, 24], { pads: "same", groups: 3, large: true }),
  example([1, 16, 16, 12], [5, 5, 8], { pads: "same", strides: [3, 2], large: true }),
  example([2, 15, 15, 24], [1, 1, 40], { large: true }),
  example([1, 14, 14, 32], [1, 1, 64], { strides: [2, 2], large: true }),
  // Long sums, cut into parts, in each of the three directions.
  example([1, 2, 2, 1200], [1, 1, 8], { large: true }),
  example([1, 2, 2, 8], [1, 1, 1200], { large: true }),
  example([1, 36, 36, 4], [1, 1, 8], { large: true }),
  example([1, 11, 11, 80], [3, 3, 20], { pads: "same", large: true }), // dx has a tile of 128 x 128
  // Large tiles, of images and of filters: 128 x 128, 128 x 64, 128 x 32, 64 x 64 and 64 x 32.
  ...[252, 60, 20].map((filters) => example([1, 15, 17, 28], [3, 3, filters], largeTiles)),
  ...[60, 20].map((filters) => example([1, 11, 11, 12], [3, 3, filters], largeTiles)),
];

/** Weights in f16, which the plan puts there after gradients are taken: channels and filters of every group in fours. */
export const halfExamples = (["weights", "arithmetic"] as const).flatMap((half) =>
  examples
    .filter(({ w }) => w[2] % 4 === 0 && w[3] % 4 === 0)
    .filter(({ w, attrs }) => (w[3] / attrs.groups) % 4 === 0)
    .map((e) => ({ ...e, half })),
);
