/** What the three depthwise operations share: shapes, sizes as uniforms, cost and example problems. */
import { formatShape, ThawError } from "../../errors";
import { checkWindow, type ConvolutionAttrs } from "../convolution";
import type { Cost } from "../kernel";
import { elements, VariantUnfit, type Shape } from "../operation";

/** One depthwise problem, whichever of its three tensors is computed. */
export interface Depthwise {
  readonly attrs: ConvolutionAttrs;
  readonly x: Shape; // [N, H, W, C]
  readonly w: Shape; // [kh, kw, C, M]
  readonly y: Shape; // [N, P, Q, C * M]
}

/** Shape of y; `groups` is not looked at, because each channel is a group of its own. */
export function depthwiseShape(
  who: string,
  attrs: ConvolutionAttrs,
  x: Shape | undefined,
  w: Shape | undefined,
): Shape {
  if (w?.length !== 4)
    throw new ThawError(
      who,
      `w has shape ${formatShape(w)}`,
      "[filter rows, filter columns, channels, depth multiplier]",
    );
  const [rows, columns] = checkWindow(who, attrs, x, [w[0], w[1]]);
  if (x![3] !== w[2])
    throw new ThawError(
      who,
      `x ${formatShape(x)} has ${x![3]} channels and w ${formatShape(w)} reads ${w[2]}`,
      "as many channels in both",
      "Check that the layer before has as many filters, and that the layout is NHWC.",
    );
  return [x![0], rows, columns, w[2] * w[3]];
}

/** Checks a gradient's dy against the shape that the forward operation gives. */
export function checkIncoming(
  who: string,
  attrs: ConvolutionAttrs,
  x: Shape | undefined,
  w: Shape | undefined,
  dy: Shape,
): void {
  const y = depthwiseShape(who, attrs, x, w);
  if (dy.length !== 4 || y.some((n, a) => n !== dy[a]))
    throw new ThawError(who, `dy has shape ${formatShape(dy)}`, `the shape of y, ${formatShape(y)}`);
}

/** The uniforms that every depthwise program has. */
export const imageParams = ({ x, y }: Depthwise) => ({
  inHeight: x[1],
  inWidth: x[2],
  outHeight: y[1],
  outWidth: y[2],
});

/** The further uniforms of the plain programs, which leave nothing to overrides. */
export const plainParams = (p: Depthwise) => ({
  ...imageParams(p),
  channels: p.w[2],
  multiplier: p.w[3],
  sizeH: p.w[0],
  sizeW: p.w[1],
  strideH: p.attrs.strides[0],
  strideW: p.attrs.strides[1],
  dilationH: p.attrs.dilation[0],
  dilationW: p.attrs.dilation[1],
  top: p.attrs.pads[0],
  left: p.attrs.pads[2],
});

/** The same for all three: each pair of an output and a tap is one multiply-add; padding is counted in. */
export const depthwiseCost = ({ x, w, y }: Depthwise): Cost => ({
  flops: 2 * elements(y) * w[0] * w[1],
  bytes: 4 * (elements(x) + elements(w) + elements(y)),
});

/** Whether four channels can be loaded at a time: one filter a channel, channels in fours. */
const inFours = ({ w }: Depthwise) => w[3] === 1 && w[2] % 4 === 0;

/** Whether the programs for strips, written for 3x3 filters, can run it. */
function inStrips(p: Depthwise): boolean {
  const [dh, dw] = p.attrs.dilation;
  const [sh, sw] = p.attrs.strides;
  return inFours(p) && p.w[0] === 3 && p.w[1] === 3 && dh === 1 && dw === 1 && sh === sw && sh <= 2;
}

export function requireFours(p: Depthwise): void {
  if (!inFours(p)) throw new VariantUnfit("channels not in fours, or a multiplier");
}

export function requireStrips(p: Depthwise): void {
  if (!inStrips(p)) throw new VariantUnfit("not a 3x3 filter with stride 1 or 2 and channels in fours");
}

/** The same table for all three operations, on every adapter: the most special program that fits. */
export const selectVariant = (p: Depthwise) => (inStrips(p) ? "strips" : inFours(p) ? "vec4" : "plain");

/**
 * How many rows one invocation walks down. Long strips load less twice; short ones make more invocations, and a GPU
 * needs many more of them than a software adapter.
 *
 * @param others invocations that there are for each strip of a column of strips
 */
export function stripsOf(rows: number, others: number, software: boolean): number {
  const [wanted, longest] = software ? [512, 28] : [32768, 16];
  const blocks = Math.min(rows, Math.max(Math.ceil(rows / longest), Math.ceil(wanted / others)));
  return Math.ceil(rows / blocks);
}

const attributes = (s: number, d: number, pads: ConvolutionAttrs["pads"]): ConvolutionAttrs => ({
  strides: [s, s],
  dilation: [d, d],
  groups: 1,
  pads,
});

export interface Example {
  readonly attrs: ConvolutionAttrs;
  readonly x: Shape;
  readonly w: Shape;
  readonly large?: true;
}

/** Attributes, x and w for the cases of all three operations. */
export const examples = (): readonly Example[] => [
  { attrs: attributes(1, 1, [0, 0, 0, 0]), x: [1, 1, 1, 1], w: [1, 1, 1, 1] },
  { attrs: attributes(1, 1, [1, 1, 1, 1]), x: [2, 5, 7, 3], w: [3, 3, 3, 2] },
  { attrs: attributes(2, 1, [0, 1, 0, 1]), x: [1, 6, 8, 5], w: [3, 3, 5, 1] },
  { attrs: attributes(1, 2, [2, 2, 2, 2]), x: [1, 6, 5, 2], w: [3, 3, 2, 1] },
  { attrs: { ...attributes(1, 1, [1, 0, 0, 2]), strides: [3, 2] }, x: [2, 7, 6, 3], w: [2, 3, 3, 3] },
  // Channels in fours; widths around what one invocation of the fast programs computes.
  { attrs: attributes(1, 1, [1, 1, 1, 1]), x: [1, 4, 4, 4], w: [3, 3, 4, 1] },
  { attrs: attributes(1, 1, [1, 1, 1, 1]), x: [2, 3, 5, 8], w: [3, 3, 8, 1] },
  { attrs: attributes(1, 1, [2, 2, 2, 2]), x: [1, 7, 9, 4], w: [5, 5, 4, 1] },
  { attrs: attributes(2, 1, [0, 1, 0, 1]), x: [2, 8, 8, 4], w: [3, 3, 4, 1] },
  { attrs: attributes(2, 1, [1, 1, 1, 1]), x: [1, 7, 11, 8], w: [3, 3, 8, 1] },
  { attrs: attributes(2, 1, [1, 2, 1, 2]), x: [1, 10, 12, 4], w: [5, 5, 4, 1] },
  { attrs: attributes(2, 1, [0, 0, 0, 0]), x: [1, 6, 7, 4], w: [2, 2, 4, 1] },
  { attrs: attributes(1, 3, [3, 3, 3, 3]), x: [1, 8, 13, 4], w: [3, 3, 4, 1] },
  { attrs: { ...attributes(1, 1, [0, 1, 3, 0]), strides: [1, 2] }, x: [1, 5, 6, 4], w: [4, 1, 4, 1] },
  { attrs: { ...attributes(1, 1, [1, 0, 0, 2]), strides: [2, 1] }, x: [1, 5, 6, 4], w: [1, 4, 4, 1] },
  { attrs: { ...attributes(1, 1, [3, 3, 3, 3]), strides: [3, 3] }, x: [1, 9, 10, 4], w: [7, 7, 4, 1] },
  { attrs: attributes(1, 1, [1, 1, 1, 1]), x: [2, 14, 15, 36], w: [3, 3, 36, 1], large: true },
  { attrs: attributes(2, 1, [0, 1, 0, 1]), x: [3, 28, 30, 20], w: [3, 3, 20, 1], large: true },
];

export const flagsOf = (example: Example) => (example.large ? ({ large: true } as const) : {});
