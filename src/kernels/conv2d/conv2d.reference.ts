import { activate } from "../activation/activation.reference";
import type { ConvolutionAttrs } from "../convolution";
import { reference } from "../reference";
import type { Shape } from "../operation";
import type { FilterGradientAttrs, InputGradientAttrs } from "./conv2d";

/** Calls `term` for every product of the convolution, with the places of its three factors in x, w and y. */
function everyTerm(
  attrs: ConvolutionAttrs,
  x: Shape,
  w: Shape,
  y: Shape,
  term: (xAt: number, wAt: number, yAt: number) => void,
): void {
  const [batch, inRows, inColumns, channels] = x as [number, number, number, number];
  const [filterRows, filterColumns, depth, filters] = w as [number, number, number, number];
  const [, outRows, outColumns] = y as [number, number, number, number];
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < outRows; row++)
      for (let column = 0; column < outColumns; column++)
        for (let ky = 0; ky < filterRows; ky++)
          for (let kx = 0; kx < filterColumns; kx++) {
            const inRow = row * attrs.strides[0] + ky * attrs.dilation[0] - attrs.pads[0];
            const inColumn = column * attrs.strides[1] + kx * attrs.dilation[1] - attrs.pads[2];
            if (inRow < 0 || inRow >= inRows || inColumn < 0 || inColumn >= inColumns) continue;
            for (let o = 0; o < filters; o++)
              for (let d = 0; d < depth; d++) {
                const channel = Math.floor(o / (filters / attrs.groups)) * depth + d;
                const xAt = ((n * inRows + inRow) * inColumns + inColumn) * channels + channel;
                const wAt = ((ky * filterColumns + kx) * depth + d) * filters + o;
                term(xAt, wAt, ((n * outRows + row) * outColumns + column) * filters + o);
              }
          }
}

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

export const conv2dReference = reference<ConvolutionAttrs>(
  "conv2d",
  (attrs, { x, w, b, scale, residual }, shapes) => {
    const filters = shapes.w![3];
    const z = new Float64Array(count(shapes.y!));
    everyTerm(attrs, shapes.x!, shapes.w!, shapes.y!, (xAt, wAt, yAt) => (z[yAt] += x![xAt] * w![wAt]));
    const act = attrs.activation ?? { kind: "linear" };
    return {
      y: z.map((v, i) =>
        activate(act, v * (scale ? scale[i % filters] : 1) + (b ? b[i % filters] : 0) + (residual ? residual[i] : 0)),
      ),
    };
  },
  (_, { w }) => w![0] * w![1] * w![2],
);

export const conv2dInputGradientReference = reference<InputGradientAttrs>(
  "conv2dInputGradient",
  (attrs, { dy, w, residual }, shapes) => {
    const dx = residual ? residual.slice() : new Float64Array(count(attrs.inputShape));
    everyTerm(attrs, attrs.inputShape, shapes.w!, shapes.dy!, (xAt, wAt, yAt) => (dx[xAt] += dy![yAt] * w![wAt]));
    return { dx };
  },
  (_, { w }) => w![0] * w![1] * w![3],
);

export const conv2dFilterGradientReference = reference<FilterGradientAttrs>(
  "conv2dFilterGradient",
  (attrs, { x, dy }, shapes) => {
    const dw = new Float64Array(count(attrs.filterShape));
    everyTerm(attrs, shapes.x!, attrs.filterShape, shapes.dy!, (xAt, wAt, yAt) => (dw[wAt] += x![xAt] * dy![yAt]));
    return { dw };
  },
  (_, { dy }) => dy![0] * dy![1] * dy![2],
);
