/** Pooling over windows and over whole images. */
import { describe, flagOf, numberOf, numbersOf } from "../attributes";
import { product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter } from "../layout/emitter";
import { lastAxes } from "../layout/regroup";
import { dimsOf, type Tensor } from "../layout/tensor";
import { pairOf, spatialAxes, toImage, windowOf, type Window } from "./images";
import { tensorInput, type Emit, type Operators } from "./operator";

/** Geometry of a pooling node for images of this size. */
export const poolWindow = (node: OnnxNode, axes: 1 | 2, image: readonly [number, number]): Window =>
  windowOf(node, axes, pairOf(node, "kernel_shape", axes), image);

/** Whether the engine's usual pooling does it: no gaps, sizes rounded down, padding that does not count and fits the window. */
export function isPlainPool(node: OnnxNode, { size, dilation, pads }: Window): boolean {
  return (
    dilation.every((d) => d === 1) &&
    !flagOf(node, "ceil_mode") &&
    pads.every((p, i) => p < size[i < 2 ? 0 : 1]) &&
    !(flagOf(node, "count_include_pad") && pads.some((p) => p !== 0))
  );
}

/** Where the largest values lie, a second output of MaxPool, is not computed: who reads it is refused. */
const pool =
  (kind: "max" | "average" | "lp"): Emit =>
  (e, node, inputs) => {
    const x = tensorInput(e, node, inputs, 0);
    if (x.axes.length === 5) return [overVolume(e, node, x, kind)];
    const image = toImage(e, node, x);
    const window = poolWindow(node, spatialAxes(node, x), [image.height, image.width]);
    const { size, strides, dilation, pads } = window;
    const special = {
      kind,
      size,
      strides,
      dilation,
      pads,
      ceilMode: flagOf(node, "ceil_mode"),
      countIncludePad: flagOf(node, "count_include_pad"),
      ...(kind === "lp" && { p: numberOf(node, "p", 2) }),
    };
    const y =
      kind === "lp" || !isPlainPool(node, window)
        ? e.apply("windowPool", special, { x: image.value })
        : e.apply(kind === "max" ? "maxPool" : "averagePool", { size, strides, pads }, { x: image.value });
    return [image.back(y, y.shape[1], y.shape[2], image.channels)];
  };

/**
 * Volumes, [N, C, D, H, W]: windows over rows and columns of each slice, then along the slices. Largest elements, sums of powers, and
 * means (the elements that count in a window are a product of those along each axis) all come apart like that.
 */
function overVolume(e: Emitter, node: OnnxNode, x: Tensor, kind: "max" | "average" | "lp"): Tensor {
  const own = dimsOf(x);
  const part = (dims: readonly number[]): OnnxNode => {
    const attributes = new Map(node.attributes);
    for (const key of ["kernel_shape", "strides", "dilations"]) {
      const list = numbersOf(node, key);
      if (list)
        attributes.set(
          key,
          dims.map((d) => list[d]),
        );
    }
    const pads = numbersOf(node, "pads");
    if (pads) attributes.set("pads", [...dims.map((d) => pads[d]), ...dims.map((d) => pads[d + 3])]);
    return { ...node, attributes };
  };
  const pass = (t: Tensor, logical: readonly number[]): Tensor => {
    const at = lastAxes(e, describe(node), t, [...logical, 1]);
    const count = logical.length;
    const lead = at.shape.slice(0, -count - 1);
    const sizes = logical.map((i) => own[i]);
    const [height, width] = count === 1 ? [1, sizes[0]] : sizes;
    const piece = part(logical.map((i) => i - 2));
    const { size, strides, dilation, pads } = poolWindow(piece, count === 1 ? 1 : 2, [height, width]);
    const attrs = {
      kind,
      size,
      strides,
      dilation,
      pads,
      ceilMode: flagOf(node, "ceil_mode"),
      countIncludePad: flagOf(node, "count_include_pad"),
      ...(kind === "lp" && { p: numberOf(node, "p", 2) }),
    };
    const y = e.apply("windowPool", attrs, { x: e.view(at.value, [product(lead), height, width, own[1]]) });
    const result = count === 1 ? [y.shape[2]] : [y.shape[1], y.shape[2]];
    return { ...at, value: y, shape: [...lead, ...result, own[1]] };
  };
  return pass(pass(x, [3, 4]), [2]);
}

/** One number a channel; the image's dimensions stay as ones. */
const globalPool =
  (op: string): Emit =>
  (e, node, inputs) => [overImage(e, node, tensorInput(e, node, inputs, 0), op)];

function overImage(e: Emitter, node: OnnxNode, x: Tensor, op: string): Tensor {
  const spatial = x.axes.map((_, i) => i).slice(2);
  const t = lastAxes(e, describe(node), x, [...spatial, 1]);
  const count = spatial.length;
  const lead = t.shape.slice(0, -count - 1);
  const inner = t.shape.slice(-count - 1);
  const value = e.apply(op, {}, { x: e.view(t.value, [product(lead), product(inner.slice(0, -1)), 1, inner.at(-1)!]) });
  return { value, shape: [...lead, ...spatial.map(() => 1), inner.at(-1)!], axes: t.axes, kind: x.kind };
}

export const pooling: Operators = {
  MaxPool: pool("max"),
  AveragePool: pool("average"),
  LpPool: pool("lp"),
  GlobalAveragePool: globalPool("globalAveragePool"),
  GlobalMaxPool: globalPool("globalMaxPool"),
};
