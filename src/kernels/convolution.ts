/**
 * What all operations with a sliding window share: attributes, output sizes, error checks and Keras's padding.
 * Layout is NHWC; the filter of a convolution is [kh, kw, C / groups, O], that of a depthwise one [kh, kw, C, M].
 */
import { formatShape, ThawError } from "../errors";
import type { Activation } from "./activation/activation";
import type { Shape } from "./operation";

/** Rows and columns, in this order, as everywhere. */
export type Pair = readonly [number, number];

/** Zeros around the image: top, bottom, left, right. */
export type Pads = readonly [number, number, number, number];

/** A window that slides over an image; pooling needs no more than this. */
export interface WindowAttrs {
  readonly strides: Pair;
  readonly dilation: Pair;
  readonly pads: Pads;
}

export interface ConvolutionAttrs extends WindowAttrs {
  readonly groups: number;
  /** Applied to the output; put there by fusion. */
  readonly activation?: Activation;
}

/** How far a window of `size` taps reaches: the taps and the gaps between them. */
export const dilatedSize = (size: number, dilation: number): number => (size - 1) * dilation + 1;

/** Number of window positions along one axis. */
export function outputLength(
  length: number,
  size: number,
  stride: number,
  dilation: number,
  before: number,
  after: number,
): number {
  return Math.floor((length + before + after - dilatedSize(size, dilation)) / stride) + 1;
}

/** Output rows and columns of a window of `size` over an image of `input` rows and columns. */
export function outputSize(attrs: WindowAttrs, input: Pair, size: Pair): Pair {
  const [top, bottom, left, right] = attrs.pads;
  return [
    outputLength(input[0], size[0], attrs.strides[0], attrs.dilation[0], top, bottom),
    outputLength(input[1], size[1], attrs.strides[1], attrs.dilation[1], left, right),
  ];
}

/**
 * Keras's padding "same": as many outputs as there are strides in the input, ceil(n / s), with the odd zero after the
 * image. (PyTorch and most ONNX files pad evenly instead, which shifts the window where the stride is 2.)
 */
export function samePadding(input: Pair, size: Pair, strides: Pair, dilation: Pair = [1, 1]): Pads {
  const along = (axis: 0 | 1): Pair => {
    const outputs = Math.ceil(input[axis] / strides[axis]);
    const total = Math.max(0, (outputs - 1) * strides[axis] + dilatedSize(size[axis], dilation[axis]) - input[axis]);
    const before = Math.floor(total / 2);
    return [before, total - before];
  };
  return [...along(0), ...along(1)];
}

/**
 * Checks what every windowed operation expects of its image and attributes, and returns the output's rows and columns.
 *
 * @param who the operation's name, for the message
 * @param size rows and columns of the window
 */
export function checkWindow(who: string, attrs: WindowAttrs, x: Shape | undefined, size: Pair): Pair {
  if (x?.length !== 4) {
    throw new ThawError(
      who,
      `x has shape ${formatShape(x)}`,
      "[batch, rows, columns, channels]",
      "Add the missing axes with a reshape.",
    );
  }
  const whole = (values: readonly number[], least: number) => values.every((v) => Number.isInteger(v) && v >= least);
  if (!whole(attrs.strides, 1) || !whole(attrs.dilation, 1) || !whole(attrs.pads, 0)) {
    const { strides, dilation, pads } = attrs;
    const received = `strides ${formatShape(strides)}, dilation ${formatShape(dilation)}, pads ${formatShape(pads)}`;
    throw new ThawError(who, `received ${received}`, "whole strides and dilation from 1 and whole pads from 0");
  }
  const output = outputSize(attrs, [x[1], x[2]], size);
  if (output[0] < 1 || output[1] < 1) {
    const reach = size.map((s, i) => dilatedSize(s, attrs.dilation[i]));
    throw new ThawError(
      who,
      `a window of ${formatShape(reach)} does not fit into x ${formatShape(x)} with pads ${formatShape(attrs.pads)}`,
      "a window no larger than the padded image",
      'Use a larger image, a smaller window or padding "same".',
    );
  }
  return output;
}

/** Checks x and the filter of a convolution with groups and returns the shape of y. */
export function convolutionShape(
  who: string,
  attrs: ConvolutionAttrs,
  x: Shape | undefined,
  w: Shape | undefined,
): Shape {
  if (w?.length !== 4) {
    throw new ThawError(
      who,
      `w has shape ${formatShape(w)}`,
      "[filter rows, filter columns, channels / groups, filters]",
    );
  }
  const [rows, columns, depth, filters] = w as [number, number, number, number];
  const [outRows, outColumns] = checkWindow(who, attrs, x, [rows, columns]);
  const [batch, , , channels] = x as [number, number, number, number];
  const { groups } = attrs;
  if (!Number.isInteger(groups) || groups < 1 || filters % groups !== 0) {
    throw new ThawError(
      who,
      `received groups ${groups} for ${filters} filters`,
      "a number of groups that divides the filters",
    );
  }
  if (channels !== depth * groups) {
    throw new ThawError(
      who,
      `x ${formatShape(x)} has ${channels} channels and w ${formatShape(w)} reads ${depth} in each of ${groups} groups`,
      `x with ${depth * groups} channels`,
      "Check that the layer before has as many filters, and that the layout is NHWC.",
    );
  }
  return [batch, outRows, outColumns, filters];
}

/** Checks the optional inputs of a fused epilogue: scale and b are [channels], residual has the shape of y. */
export function checkEpilogue(who: string, y: Shape, inputs: Readonly<Record<string, Shape | undefined>>): void {
  const channels = y.at(-1)!;
  for (const name of ["scale", "b"]) {
    const shape = inputs[name];
    if (shape && (shape.length !== 1 || shape[0] !== channels)) {
      throw new ThawError(
        who,
        `${name} has shape ${formatShape(shape)}`,
        `[${channels}], one value for each output channel`,
      );
    }
  }
  const { residual } = inputs;
  if (residual && (residual.length !== y.length || residual.some((n, i) => n !== y[i]))) {
    throw new ThawError(who, `residual has shape ${formatShape(residual)}`, `that of the output, ${formatShape(y)}`);
  }
}
