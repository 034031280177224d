/** Convolutions and pooling of images, [batch, channels, height, width] in ONNX; filters are turned once, when they are written. */
import { ThawError } from "../../../../errors";
import type { ConvolutionAttrs } from "../../../../kernels/convolution";
import type { ConvTranspose2dAttrs } from "../../../../kernels/math/convTranspose2d";
import type { WindowPoolAttrs } from "../../../../kernels/math/windowPool";
import type { PoolAttrs } from "../../../../kernels/pooling/window";
import type { Shape } from "../../../../kernels/operation";
import type { Value } from "../../../../nn/graph";
import type { GraphWriter } from "../graph-writer";
import { channelsFirst, isPlain, plain } from "../order";
import type { SavedAttributes } from "../saved-graph";
import { beginsAndEnds, type OperationWriters, type WriteOperation } from "./writer";

const image = [0, 3, 1, 2] as const;

/** How filters lie in ONNX: [kh, kw, C / groups, O] as [O, C / groups, kh, kw], and the other kinds likewise. */
export const filterOrders = {
  conv2d: { order: [3, 2, 0, 1], shape: ([kh, kw, depth, filters]: Shape) => [filters, depth, kh, kw] },
  /** [kh, kw, C, M] as [C M, 1, kh, kw]. */
  depthwiseConv2d: { order: [2, 3, 0, 1], shape: ([kh, kw, c, m]: Shape) => [c * m, 1, kh, kw] },
  /** [kh, kw, O / groups, C] as [C, O / groups, kh, kw]. */
  convTranspose2d: { order: [3, 2, 0, 1], shape: ([kh, kw, each, c]: Shape) => [c, each, kh, kw] },
} as const;

const window = (attrs: ConvolutionAttrs, size: readonly number[], group: number): SavedAttributes => ({
  dilations: attrs.dilation,
  group,
  kernel_shape: size,
  pads: beginsAndEnds(attrs.pads),
  strides: attrs.strides,
});

const convolution =
  (name: keyof typeof filterOrders, op: string): WriteOperation =>
  (w, { attrs, inputs: { x, w: filter, b }, outputs: { y } }) => {
    const { order, shape } = filterOrders[name];
    const group = name === "depthwiseConv2d" ? filter.shape[2] : (attrs as ConvolutionAttrs).groups;
    const { outputPadding } = attrs as ConvTranspose2dAttrs;
    const inputs = [w.as(x, image), w.arranged(filter, order, shape(filter.shape))];
    if (b) inputs.push(w.plain(b));
    const attributes = {
      ...window(attrs, filter.shape.slice(0, 2), group),
      ...(outputPadding?.some((n) => n !== 0) && { output_padding: outputPadding }),
    };
    w.set(y, w.node(op, inputs, attributes), image);
  };

const pool =
  (op: string): WriteOperation =>
  (w, { attrs, inputs: { x }, outputs: { y } }) => {
    const { size, strides, pads } = attrs as PoolAttrs;
    const attributes = { kernel_shape: size, pads: beginsAndEnds(pads), strides };
    w.set(y, w.node(op, [w.as(x, image)], attributes), image);
  };

/** Whether sizes are rounded up: not where a last window would begin behind the image, which versions of ONNX count differently. */
function roundsUp({ size, strides, dilation, pads }: WindowPoolAttrs, x: Shape, y: Shape): boolean {
  return ([0, 1] as const).some((a) => {
    const padded = x[a + 1] + pads[2 * a] + pads[2 * a + 1];
    const reach = (size[a] - 1) * dilation[a] + 1;
    return y[a + 1] !== Math.floor((padded - reach) / strides[a]) + 1;
  });
}

/** Pooling with everything that ONNX has of it. */
const windowPool: WriteOperation = (w, { attrs, inputs: { x }, outputs: { y } }) => {
  const { kind, size, strides, dilation, pads, ceilMode, countIncludePad, p = 2 } = attrs as WindowPoolAttrs;
  if (kind === "lp" && !Number.isInteger(p))
    throw new ThawError(w.layer, `pools with the exponent ${p}`, "a whole number, which is what ONNX's LpPool takes");
  const op = { max: "MaxPool", average: "AveragePool", lp: "LpPool" }[kind];
  const attributes = {
    kernel_shape: size,
    pads: beginsAndEnds(pads),
    strides,
    ...(dilation.some((d) => d !== 1) && { dilations: dilation }),
    ...(ceilMode && roundsUp(attrs as WindowPoolAttrs, x.shape, y.shape) && { ceil_mode: 1 }),
    ...(kind === "average" && countIncludePad && { count_include_pad: 1 }),
    ...(kind === "lp" && { p }),
  };
  w.set(y, w.node(op, [w.as(x, image)], attributes), image);
};

/** Whether a value lies with its channels behind the batch, or may as well. */
const liesChannelsFirst = (w: GraphWriter, x: Value): boolean => !isPlain(w.orderOf(x));

/** [N, ..., C] to [N, C]. Images are pooled as they lie; what has its channels last is not turned for it. */
const globalPool =
  (op: string, reduction: string): WriteOperation =>
  (w, { inputs: { x }, outputs: { y } }) => {
    const rank = x.shape.length;
    if (!liesChannelsFirst(w, x)) {
      const axes = w.integers("axes", plain(rank).slice(1, -1));
      w.set(y, w.node(reduction, [w.plain(x), axes], { keepdims: 0 }));
      return;
    }
    const pooled = w.node(op, [w.as(x, channelsFirst(rank))]);
    w.view(y, pooled, [x.shape[0], x.shape[rank - 1], ...plain(rank - 2).map(() => 1)]);
  };

export const convolutions: OperationWriters = {
  conv2d: convolution("conv2d", "Conv"),
  depthwiseConv2d: convolution("depthwiseConv2d", "Conv"),
  convTranspose2d: convolution("convTranspose2d", "ConvTranspose"),
  maxPool: pool("MaxPool"),
  averagePool: pool("AveragePool"),
  windowPool,
  globalAveragePool: globalPool("GlobalAveragePool", "ReduceMean"),
  globalMaxPool: globalPool("GlobalMaxPool", "ReduceMax"),
};
