/**
 * The programs that slide a depthwise filter over an image: the forward operation and, with the filter read backwards,
 * its gradient with respect to the image.
 */
import { epilogueCost, epilogueOverrides, epilogueParams, epilogueSizes, type Epilogue } from "../epilogue";
import { ceilDiv, foldWorkgroups, type Kernel } from "../kernel";
import { dilatedSize, type Pair } from "../convolution";
import { stripsOf, type Depthwise } from "./geometry";
import { wgsl } from "../program";

/** One filter a channel (multiplier 1), channels in fours. `image` slides under the filter and gives `result`. */
export interface Correlation {
  readonly batch: number;
  readonly channels: number;
  readonly image: Pair;
  readonly result: Pair;
  readonly size: Pair;
  readonly strides: Pair;
  readonly dilation: Pair;
  readonly top: number;
  readonly left: number;
  readonly flipped: boolean;
  /** Rows of the result that one invocation walks down (3x3 only). */
  readonly rows: number;
  readonly epilogue: Epilogue;
}

/** y from x and w. */
export function forwardCorrelation({ attrs, x, w, y }: Depthwise, epilogue: Epilogue, software: boolean): Correlation {
  return {
    batch: x[0],
    channels: x[3],
    image: [x[1], x[2]],
    result: [y[1], y[2]],
    size: [w[0], w[1]],
    strides: attrs.strides,
    dilation: attrs.dilation,
    top: attrs.pads[0],
    left: attrs.pads[2],
    flipped: false,
    rows: stripsOf(y[1], (x[0] * ceilDiv(y[2], 2) * x[3]) / 4, software),
    epilogue,
  };
}

/** dx from dy and w, for stride 1: dx[h] = sum of dy[h + top - i * dilation] * w[i] has its taps in reverse order. */
export function backwardCorrelation({ attrs, x, w, y }: Depthwise, epilogue: Epilogue, software: boolean): Correlation {
  const reach = (axis: 0 | 1) => dilatedSize(w[axis], attrs.dilation[axis]) - 1;
  return {
    batch: x[0],
    channels: x[3],
    image: [y[1], y[2]],
    result: [x[1], x[2]],
    size: [w[0], w[1]],
    strides: [1, 1],
    dilation: attrs.dilation,
    top: reach(0) - attrs.pads[0],
    left: reach(1) - attrs.pads[2],
    flipped: true,
    rows: stripsOf(x[1], (x[0] * ceilDiv(x[2], 2) * x[3]) / 4, software),
    epilogue,
  };
}

const images = (p: Correlation) => ({
  batch: p.batch,
  channelGroups: p.channels / 4,
  inHeight: p.image[0],
  inWidth: p.image[1],
  outHeight: p.result[0],
  outWidth: p.result[1],
  top: p.top,
  left: p.left,
  ...epilogueParams(p.epilogue),
});

const resultCount = (p: Correlation) => p.batch * p.result[0] * p.result[1] * p.channels;

const sizes = (p: Correlation) => ({
  x: p.batch * p.image[0] * p.image[1] * p.channels,
  w: p.size[0] * p.size[1] * p.channels,
  y: resultCount(p),
  ...epilogueSizes(p.epilogue, p.channels, resultCount(p)),
});

function cost(p: Correlation) {
  const { x, w, y } = sizes(p);
  const after = epilogueCost(p.epilogue, p.channels, y);
  const outputs = p.flipped ? x : y; // in both directions: each output of the forward operation meets every tap
  return { flops: 2 * outputs * p.size[0] * p.size[1] + after.flops, bytes: 4 * (x + w + y) + after.bytes };
}

const workgroup = 64;

const stripParams = (p: Correlation) => ({
  ...images(p),
  rows: p.rows,
  rowBlocks: ceilDiv(p.result[0], p.rows),
  columnBlocks: ceilDiv(p.result[1], 2),
});

function stripWorkgroups(p: Correlation) {
  const { rowBlocks, columnBlocks } = stripParams(p);
  return foldWorkgroups(ceilDiv((p.channels / 4) * p.batch * rowBlocks * columnBlocks, workgroup));
}

export const stripKernel: Kernel<Correlation> = {
  program: wgsl("depthwise", "depthwise_3x3"),
  overrides: (p) => ({ ...epilogueOverrides(p.epilogue), FLIPPED: p.flipped }),
  params: stripParams,
  workgroups: stripWorkgroups,
  sizes,
  cost,
};

export const strip2Kernel: Kernel<Correlation> = {
  program: wgsl("depthwise", "depthwise_3x3_stride2"),
  overrides: (p) => epilogueOverrides(p.epilogue),
  params: stripParams,
  workgroups: stripWorkgroups,
  sizes,
  cost,
};

const sliding = (p: Correlation) => p.strides[1] === 1;

/** Blocks of four columns; where the four lie `apart` columns apart, blocks interlock. */
function columnBlocks(p: Correlation): number {
  const apart = sliding(p) ? p.dilation[1] : 1;
  return ceilDiv(p.result[1], 4 * apart) * apart;
}

export const generalKernel: Kernel<Correlation> = {
  program: wgsl("depthwise", "depthwise_vec4"),
  overrides: (p) => ({
    ...epilogueOverrides(p.epilogue),
    FLIPPED: p.flipped,
    SLIDING: sliding(p),
    SIZE_H: p.size[0],
    SIZE_W: p.size[1],
    STRIDE_H: p.strides[0],
    STRIDE_W: p.strides[1],
    DILATION_H: p.dilation[0],
    DILATION_W: p.dilation[1],
  }),
  params: (p) => ({ ...images(p), columnBlocks: columnBlocks(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv((p.channels / 4) * p.batch * p.result[0] * columnBlocks(p), workgroup)),
  sizes,
  cost,
};
