import { samePadding, type Pads } from "../../kernels/convolution";
import type { Shape } from "../../kernels/operation";
import type { Padding } from "./settings";

type Both = readonly [number, number];

/** Zeros around an image of shape `[batch, height, width, channels]` that Keras's `padding` stands for. */
export function windowPads(x: Shape, padding: Padding, size: Both, strides: Both, dilation: Both = [1, 1]): Pads {
  return padding === "same" ? samePadding([x[1], x[2]], size, strides, dilation) : [0, 0, 0, 0];
}
