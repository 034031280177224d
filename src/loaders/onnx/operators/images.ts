/** Images as the engine wants them, [batch, height, width, channels], and back; paddings of windows. */
import { formatShape, ThawError } from "../../../errors";
import type { Value } from "../../../nn/graph";
import { describe, numbersOf, textOf } from "../attributes";
import { product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter } from "../layout/emitter";
import { lastAxes } from "../layout/regroup";
import { dimsOf, type Tensor } from "../layout/tensor";

export interface Image {
  /** [images, height, width, channels] */
  readonly value: Value;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** The tensor of a result with other sizes. */
  readonly back: (value: Value, height: number, width: number, channels: number) => Tensor;
}

/** How many axes an operator slides along: 2, or 1 with a height of 1. @throws for volumes. */
export function spatialAxes(node: OnnxNode, x: Tensor): 1 | 2 {
  const count = x.axes.length - 2;
  if (count !== 1 && count !== 2)
    throw new ThawError(
      describe(node),
      `received ${formatShape(dimsOf(x))}`,
      "[batch, channels, length] or [batch, channels, height, width]: volumes are not supported",
    );
  return count;
}

/** x [N, C, H, W] or [N, C, L], whatever its layout. */
export function toImage(e: Emitter, node: OnnxNode, x: Tensor): Image {
  const flat = spatialAxes(node, x) === 1;
  const t = lastAxes(e, describe(node), x, flat ? [2, 1] : [2, 3, 1]);
  const inner = t.shape.slice(flat ? -2 : -3);
  const lead = t.shape.slice(0, t.shape.length - inner.length);
  const [height, width, channels] = flat ? [1, ...inner] : inner;
  return {
    value: e.view(t.value, [product(lead), height, width, channels]),
    height,
    width,
    channels,
    back: (value, h, w, c) => ({ value, shape: [...lead, ...(flat ? [] : [h]), w, c], axes: t.axes, kind: x.kind }),
  };
}

/** An attribute with one number an axis, as height and width. */
export function pairOf(node: OnnxNode, key: string, axes: 1 | 2, fallback?: readonly number[]): [number, number] {
  const given = numbersOf(node, key) ?? fallback ?? Array.from({ length: axes }, () => 1);
  if (given.length !== axes) throw new ThawError(describe(node), `${key} is ${formatShape(given)}`, `${axes} numbers`);
  return axes === 1 ? [1, given[0]] : [given[0], given[1]];
}

/** Window geometry: what the attributes say, for images of this size. Pads are top, bottom, left, right. */
export interface Window {
  readonly size: [number, number];
  readonly strides: [number, number];
  readonly dilation: [number, number];
  readonly pads: [number, number, number, number];
}

/** ONNX's rules of `auto_pad`: SAME gives ceil(n / stride) outputs, the odd zero behind (UPPER) or in front (LOWER). */
export function windowOf(
  node: OnnxNode,
  axes: 1 | 2,
  size: [number, number],
  image: readonly [number, number],
): Window {
  const strides = pairOf(node, "strides", axes);
  const dilation = pairOf(node, "dilations", axes);
  const auto = textOf(node, "auto_pad", "NOTSET");
  if (auto === "VALID") return { size, strides, dilation, pads: [0, 0, 0, 0] };
  if (auto === "SAME_UPPER" || auto === "SAME_LOWER") {
    const along = (a: 0 | 1): [number, number] => {
      const reach = (size[a] - 1) * dilation[a] + 1;
      const total = Math.max((Math.ceil(image[a] / strides[a]) - 1) * strides[a] + reach - image[a], 0);
      const less = Math.floor(total / 2);
      return auto === "SAME_UPPER" ? [less, total - less] : [total - less, less];
    };
    return { size, strides, dilation, pads: [...along(0), ...along(1)] };
  }
  const given = numbersOf(node, "pads") ?? Array.from({ length: 2 * axes }, () => 0);
  if (given.length !== 2 * axes)
    throw new ThawError(describe(node), `pads is ${formatShape(given)}`, `${2 * axes} numbers`);
  const pads: Window["pads"] = axes === 1 ? [0, 0, given[0], given[1]] : [given[0], given[2], given[1], given[3]];
  return { size, strides, dilation, pads };
}
