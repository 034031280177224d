/** Convolutions: ONNX's filters [O, C / groups, kh, kw] become [kh, kw, C / groups, O], once. */
import { formatShape, ThawError } from "../../../errors";
import { describe, numbersOf, textOf, wholeOf } from "../attributes";
import { isHost } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Operand } from "../layout/emitter";
import { dimsOf } from "../layout/tensor";
import { pairOf, spatialAxes, toImage, windowOf } from "./images";
import { tensorInput, type Emit, type Operators } from "./operator";

export const filterDims = (w: Operand): readonly number[] => (isHost(w) ? w.dims : dimsOf(w));

/** How a filter's numbers are brought into the engine's order. */
export function filterArrangement(dims: readonly number[], groups: number, depthwise: boolean) {
  const [filters, depth] = dims;
  const [kh, kw] = dims.length === 3 ? [1, dims[2]] : [dims[2], dims[3]];
  if (depthwise) {
    const multiplier = filters / groups;
    return { dims: [groups, multiplier, kh, kw], order: [2, 3, 0, 1], shape: [kh, kw, groups, multiplier] };
  }
  return { dims: [filters, depth, kh, kw], order: [2, 3, 1, 0], shape: [kh, kw, depth, filters] };
}

/** A filter for each channel: the engine has programs of their own for it. */
export const isDepthwise = (groups: number, dims: readonly number[]): boolean =>
  groups > 1 && dims[1] === 1 && dims[0] % groups === 0;

const conv: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const axes = spatialAxes(node, x);
  const w = inputs[1]!;
  const dims = filterDims(w);
  const groups = wholeOf(node, "group", 1);
  const image = toImage(e, node, x);
  if (dims.length !== axes + 2 || dims[1] * groups !== image.channels)
    throw new ThawError(
      describe(node),
      `filters of ${formatShape(dims)} in ${groups} groups for ${formatShape(dimsOf(x))}`,
      `${image.channels / groups} channels in each`,
    );
  const size: [number, number] = axes === 1 ? [1, dims[2]] : [dims[2], dims[3]];
  const { strides, dilation, pads } = windowOf(node, axes, size, [image.height, image.width]);
  const depthwise = isDepthwise(groups, dims);
  const y = e.apply(
    depthwise ? "depthwiseConv2d" : "conv2d",
    { strides, dilation, groups, pads },
    {
      x: image.value,
      w: e.arranged(w, filterArrangement(dims, groups, depthwise)),
      b: inputs[2] && e.whole(inputs[2], [dims[0]]),
    },
  );
  return [image.back(y, y.shape[1], y.shape[2], dims[0])];
};

/** Zeros that the result of a transposed convolution loses: given, or so that it has the wanted size. */
function transposedPads(node: OnnxNode, axes: 1 | 2, image: readonly [number, number], size: readonly number[]) {
  const strides = pairOf(node, "strides", axes);
  const dilation = pairOf(node, "dilations", axes);
  const more = pairOf(
    node,
    "output_padding",
    axes,
    Array.from({ length: axes }, () => 0),
  );
  if (axes === 1) more[0] = 0;
  const auto = textOf(node, "auto_pad", "NOTSET");
  const wanted = numbersOf(node, "output_shape")?.slice(-axes);
  const given = numbersOf(node, "pads") ?? Array.from({ length: 2 * axes }, () => 0);
  const along = (a: 0 | 1): [number, number] => {
    if (axes === 1 && a === 0) return [0, 0];
    const at = axes === 1 ? 0 : a;
    const full = strides[a] * (image[a] - 1) + more[a] + (size[a] - 1) * dilation[a] + 1;
    const target = wanted?.[at] ?? (auto.startsWith("SAME") ? image[a] * strides[a] : undefined);
    if (target === undefined) return auto === "VALID" ? [0, 0] : [given[at], given[at + axes]];
    const total = Math.max(full - target, 0);
    // A result that is larger than the windows reach ends in rows that only the offset fills.
    more[a] += Math.max(target - full, 0);
    const less = Math.floor(total / 2);
    return auto === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  };
  return { strides, dilation, outputPadding: more, pads: [...along(0), ...along(1)] };
}

const convTranspose: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const axes = spatialAxes(node, x);
  const w = inputs[1]!;
  const dims = filterDims(w);
  const groups = wholeOf(node, "group", 1);
  const image = toImage(e, node, x);
  const size = axes === 1 ? [1, dims[2]] : [dims[2], dims[3]];
  const { strides, dilation, outputPadding, pads } = transposedPads(node, axes, [image.height, image.width], size);
  // [C, O / groups, kh, kw] -> [kh, kw, O / groups, C], as Keras has it.
  const filter = e.arranged(w, {
    dims: [dims[0], dims[1], ...size],
    order: [2, 3, 1, 0],
    shape: [...size, dims[1], dims[0]],
  });
  const y = e.apply(
    "convTranspose2d",
    { strides, dilation, groups, pads, outputPadding },
    { x: image.value, w: filter, b: inputs[2] && e.whole(inputs[2], [dims[1] * groups]) },
  );
  return [image.back(y, y.shape[1], y.shape[2], dims[1] * groups)];
};

export const convolutions: Operators = { Conv: conv, ConvTranspose: convTranspose };
