/** Pooling over windows and over whole images. */
import { ThawError } from "../../../errors";
import type { Value } from "../../../nn/graph";
import { describe, flagOf, numbersOf, textOf } from "../attributes";
import { product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter } from "../layout/emitter";
import { lastAxes } from "../layout/regroup";
import type { Tensor } from "../layout/tensor";
import { padImage, pairOf, spatialAxes, toImage, windowOf, type Window } from "./images";
import { tensorInput, type Emit, type Operators } from "./operator";

/**
 * The window's geometry with `ceil_mode`: the last, partial window is one with more padding behind. It may not begin in
 * that padding (as PyTorch, and ONNX since it was made clear).
 */
export function poolWindow(
  node: OnnxNode,
  axes: 1 | 2,
  image: readonly [number, number],
): Window & { readonly extra: boolean } {
  const size = pairOf(node, "kernel_shape", axes);
  const window = windowOf(node, axes, size, image);
  if (!flagOf(node, "ceil_mode")) return { ...window, extra: false };
  const pads = [...window.pads] as Window["pads"];
  for (const a of [0, 1] as const) {
    const reach = (size[a] - 1) * window.dilation[a] + 1;
    const padded = image[a] + pads[2 * a] + pads[2 * a + 1];
    let count = Math.ceil((padded - reach) / window.strides[a]) + 1;
    if ((count - 1) * window.strides[a] >= image[a] + pads[2 * a]) count--;
    pads[2 * a + 1] += Math.max((count - 1) * window.strides[a] + reach - padded, 0);
  }
  return { ...window, pads, extra: pads.some((p, i) => p !== window.pads[i]) };
}

const isDilated = (w: Window) => w.dilation[0] !== 1 || w.dilation[1] !== 1;
/** The engine's pooling takes padding that is smaller than the window. */
const overlaps = (w: Window) => w.pads.some((p, i) => p >= w.size[i < 2 ? 0 : 1]);

const maxPool: Emit = (e, node, inputs) => {
  if (node.outputs.length > 1 && node.outputs[1] !== "")
    throw new ThawError(describe(node), "gives the places of the largest values too", "MaxPool with one output");
  const x = tensorInput(e, node, inputs, 0);
  const image = toImage(e, node, x);
  const window = poolWindow(node, spatialAxes(node, x), [image.height, image.width]);
  const y =
    isDilated(window) || overlaps(window)
      ? dilatedMax(e, image.value, window)
      : e.apply("maxPool", { size: window.size, strides: window.strides, pads: window.pads }, { x: image.value });
  return [image.back(y, y.shape[1], y.shape[2], image.channels)];
};

/** Every stride-th element of the range that one tap of the window sees; the engine slices in steps of one. */
function tapOf(
  e: Emitter,
  padded: Value,
  window: Window,
  tap: readonly [number, number],
  count: readonly [number, number],
): Value {
  const size = [-1, ...count, -1];
  const begin = [0, tap[0] * window.dilation[0], tap[1] * window.dilation[1], 0];
  if (window.strides[0] === 1 && window.strides[1] === 1) return e.apply("slice", { begin, size }, { x: padded });
  const whole = [padded.shape[0], ...count, padded.shape[3]];
  return e.apply("stridedSlice", { begin, steps: [1, ...window.strides, 1], size: whole }, { x: padded });
}

/** The maximum over the taps, one after the other: dilated windows are small. */
function dilatedMax(e: Emitter, x: Value, window: Window): Value {
  const lowest = -3.4028234663852886e38;
  const padded = window.pads.every((p) => p === 0) ? x : padImage(e, x, window.pads, lowest);
  const count = ([0, 1] as const).map(
    (a) => Math.floor((padded.shape[a + 1] - (window.size[a] - 1) * window.dilation[a] - 1) / window.strides[a]) + 1,
  ) as [number, number];
  let y: Value | undefined;
  for (let i = 0; i < window.size[0]; i++)
    for (let j = 0; j < window.size[1]; j++) {
      const tap = tapOf(e, padded, window, [i, j], count);
      y = y ? e.apply("arithmetic", { kind: "max" }, { a: y, b: tap }) : tap;
    }
  return y!;
}

/** The mean over each window: of its pixels, or with `count_include_pad` of the padding's zeros too. */
const averagePool: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const image = toImage(e, node, x);
  const window = poolWindow(node, spatialAxes(node, x), [image.height, image.width]);
  const padding = window.pads.some((p) => p !== 0);
  if (isDilated(window) || (flagOf(node, "count_include_pad") && window.extra) || overlaps(window))
    throw new ThawError(
      describe(node),
      "averages with dilation, or with both ceil_mode and count_include_pad",
      "plain windows",
    );
  const includes = flagOf(node, "count_include_pad") && padding;
  const source = includes ? padImage(e, image.value, window.pads) : image.value;
  const pads = includes ? [0, 0, 0, 0] : window.pads;
  const y = e.apply("averagePool", { size: window.size, strides: window.strides, pads }, { x: source });
  return [image.back(y, y.shape[1], y.shape[2], image.channels)];
};

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

/** (sum of |x|^p)^(1/p) over a window. */
const lpPool: Emit = (e, node, inputs) => {
  const p = Number(node.attributes.get("p") ?? 2);
  if (p !== 2 || numbersOf(node, "dilations")?.some((d) => d !== 1) || textOf(node, "auto_pad", "NOTSET") !== "NOTSET")
    throw new ThawError(describe(node), `p is ${p}, or the window is dilated`, "p = 2 with plain windows");
  const x = tensorInput(e, node, inputs, 0);
  const squares = { ...x, value: e.apply("multiply", {}, { a: x.value, b: x.value }) };
  const attributes = new Map([...node.attributes, ["count_include_pad", 1] as const]);
  const [mean] = averagePool(e, { ...node, attributes }, [squares]) as Tensor[];
  const size = pairOf(node, "kernel_shape", spatialAxes(node, x));
  const sum = e.unary("affine", { scale: size[0] * size[1], offset: 0 }, mean);
  return [e.unary("unary", { kind: "sqrt" }, sum)];
};

export const pooling: Operators = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalAveragePool: globalPool("globalAveragePool"),
  GlobalMaxPool: globalPool("globalMaxPool"),
};
