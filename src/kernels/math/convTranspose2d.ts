/**
 * Transposed convolution of images: what a convolution with the same filter does to the gradient of its input. So it runs by that
 * gradient's programs, its own gradient with respect to x is the convolution, and that of w the filter gradient with image and
 * result in each other's place. Layout NHWC, filter [kh, kw, O / groups, C], as Keras's Conv2DTranspose has it.
 */
import { formatShape, ThawError } from "../../errors";
import { conv2dInputGradient, type InputGradientAttrs } from "../conv2d/conv2d";
import { checkEpilogue, convolutionShape, dilatedSize, type ConvolutionAttrs, type Pair } from "../convolution";
import { binaryKernel } from "../elementwise/binary";
import { dispatch } from "../kernel";
import { elements, operation, variantOfForm, type Lower, type Shape } from "../operation";

export interface ConvTranspose2dAttrs extends ConvolutionAttrs {
  /** Rows and columns that are added at the bottom and at the right; default none. */
  readonly outputPadding?: Pair;
}

const who = "convTranspose2d";

function outputShape(attrs: ConvTranspose2dAttrs, x: Shape | undefined, w: Shape | undefined): Shape {
  if (x?.length !== 4 || w?.length !== 4)
    throw new ThawError(
      who,
      `x has shape ${formatShape(x)} and w ${formatShape(w)}`,
      "[batch, rows, columns, channels] and [filter rows, filter columns, filters / groups, channels]",
    );
  const { strides, dilation, pads, groups, outputPadding = [0, 0] } = attrs;
  if (outputPadding.some((more, i) => !Number.isInteger(more) || more < 0 || more >= Math.max(strides[i], dilation[i])))
    throw new ThawError(
      who,
      `received outputPadding ${formatShape(outputPadding)} for strides ${formatShape(strides)}`,
      "whole numbers from 0, less than stride or dilation",
    );
  const length = (i: 0 | 1) =>
    (x[i + 1] - 1) * strides[i] + dilatedSize(w[i], dilation[i]) + outputPadding[i] - pads[2 * i] - pads[2 * i + 1];
  const y = [x[0], length(0), length(1), w[2] * groups];
  if (y.some((n) => n < 1))
    throw new ThawError(who, `received pads ${formatShape(pads)}, which leave ${formatShape(y)}`, "smaller pads");
  return y;
}

/** The convolution that leads from y back to x. */
const convolution = ({ outputPadding: _, ...attrs }: ConvTranspose2dAttrs): ConvolutionAttrs => attrs;

/** As that gradient's attributes and shapes. */
const asGradient = (attrs: ConvTranspose2dAttrs, { x, w, y }: Record<string, Shape>) => ({
  attrs: { ...convolution(attrs), inputShape: y } satisfies InputGradientAttrs,
  shapes: { dy: x, w, dx: y },
});

/** A variant of the input gradient under this operation's names, and the bias in a launch of its own. */
const renamed =
  (lower: Lower<InputGradientAttrs>): Lower<ConvTranspose2dAttrs> =>
  (attrs, shapes, adapter) => {
    const { b, y } = shapes;
    const result = b ? "unbiased" : "y";
    const names: Record<string, string> = { dy: "x", dx: result };
    const gradient = asGradient(attrs, shapes);
    const { dispatches, scratch } = lower(gradient.attrs, gradient.shapes, adapter);
    const launches = dispatches.map((d) => ({
      ...d,
      bind: Object.fromEntries(Object.entries(d.bind).map(([k, v]) => [k, v === undefined ? v : (names[v] ?? v)])),
    }));
    if (!b) return { dispatches: launches, scratch };
    const sum = dispatch(binaryKernel, { product: false, a: y, b, y }, { a: result, b: "b", y: "y" });
    return { dispatches: [...launches, sum], scratch: { ...scratch, [result]: elements(y) } };
  };

export const convTranspose2d = operation<ConvTranspose2dAttrs>({
  name: who,
  inputs: ["x", "w", "b?"],
  outputs: ["y"],
  shapes: (attrs, { x, w, b }) => {
    const y = outputShape(attrs, x, w);
    const back = convolutionShape(who, convolution(attrs), y, w);
    if (back.some((n, i) => n !== x![i]))
      throw new ThawError(
        who,
        `x has shape ${formatShape(x)}, w ${formatShape(w)}, which makes ${formatShape(y)}`,
        `x of shape ${formatShape(back)} for that`,
        "Check channels, groups and outputPadding.",
      );
    checkEpilogue(who, y, { b });
    return { y };
  },
  gradients: {
    x: { op: "conv2d", from: { x: "dy", w: "w" }, attrs: convolution },
    w: {
      op: "conv2dFilterGradient",
      from: { x: "dy", dy: "x" },
      attrs: (attrs, { w }) => ({ ...convolution(attrs), filterShape: w! }),
    },
    b: { op: "sumRows", from: { x: "dy" }, attrs: () => ({}) },
  },
  // Weights in f16 are the convolutions' own, and so are the forms of a variant, which are there for the tuner.
  variants: Object.fromEntries(
    Object.entries(conv2dInputGradient.variants)
      .filter(([name]) => name !== "tilesW16" && variantOfForm(name) === name)
      .map(([name, lower]) => [name, renamed(lower)]),
  ),
  unlikely: conv2dInputGradient.unlikely,
  select: (attrs, shapes, adapter) => {
    const gradient = asGradient(attrs, shapes);
    return conv2dInputGradient.select!(gradient.attrs, gradient.shapes, adapter);
  },
  cases: [
    {
      attrs: { strides: [1, 1], dilation: [1, 1], groups: 1, pads: [0, 0, 0, 0] },
      inputs: { x: [1, 1, 1, 1], w: [1, 1, 1, 1] },
    },
    {
      attrs: { strides: [1, 1], dilation: [1, 1], groups: 1, pads: [0, 0, 0, 0] },
      inputs: { x: [2, 3, 3, 4], w: [1, 1, 8, 4], b: [8] },
    },
    {
      attrs: { strides: [1, 1], dilation: [1, 1], groups: 1, pads: [1, 0, 1, 1] },
      inputs: { x: [2, 5, 6, 8], w: [3, 3, 4, 8], b: [4] },
    },
    {
      attrs: { strides: [2, 2], dilation: [1, 1], groups: 1, pads: [0, 1, 0, 1], outputPadding: [1, 0] },
      inputs: { x: [2, 3, 4, 3], w: [3, 3, 5, 3], b: [5] },
    },
    {
      attrs: { strides: [2, 3], dilation: [2, 1], groups: 1, pads: [1, 0, 0, 1] },
      inputs: { x: [1, 3, 2, 4], w: [2, 3, 4, 4] },
    },
    {
      attrs: { strides: [2, 2], dilation: [1, 1], groups: 2, pads: [1, 1, 1, 1], outputPadding: [1, 1] },
      inputs: { x: [1, 3, 3, 8], w: [3, 3, 4, 8], b: [8] },
    },
    {
      attrs: { strides: [3, 3], dilation: [1, 1], groups: 3, pads: [0, 0, 0, 0], outputPadding: [2, 0] },
      inputs: { x: [1, 2, 3, 3], w: [2, 2, 1, 3], b: [3] },
    },
    {
      attrs: { strides: [2, 2], dilation: [1, 1], groups: 1, pads: [0, 0, 0, 0] },
      inputs: { x: [2, 9, 7, 32], w: [2, 2, 16, 32], b: [16] },
      large: true,
    },
  ],
});
