import { activate } from "../activation/activation.reference";
import { reference, type Reference } from "../reference";
import type { ConvolutionAttrs } from "../convolution";
import { elements, type Shape } from "../operation";
import type { DepthwiseFilterGradientAttrs } from "./filterGradient";
import type { DepthwiseInputGradientAttrs } from "./inputGradient";

/** Calls `visit` with the indices of an element of y, x and w for each product x * w that is part of y. */
function forEachProduct(
  { strides, dilation, pads }: ConvolutionAttrs,
  [, height, width, channels]: Shape,
  [kh, kw, , multiplier]: Shape,
  [batch, outHeight, outWidth]: Shape,
  visit: (y: number, x: number, w: number) => void,
): void {
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < outHeight; p++)
      for (let q = 0; q < outWidth; q++)
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++) {
            const h = p * strides[0] - pads[0] + i * dilation[0];
            const v = q * strides[1] - pads[2] + j * dilation[1];
            if (h < 0 || h >= height || v < 0 || v >= width) continue;
            for (let c = 0; c < channels; c++)
              for (let m = 0; m < multiplier; m++) {
                const y = (((n * outHeight + p) * outWidth + q) * channels + c) * multiplier + m;
                const x = ((n * height + h) * width + v) * channels + c;
                const w = ((i * kw + j) * channels + c) * multiplier + m;
                visit(y, x, w);
              }
          }
}

const taps: Reference["terms"] = (_, { w }) => w![0] * w![1] * w![3];

export const depthwiseConv2dReference = reference<ConvolutionAttrs>(
  "depthwiseConv2d",
  (attrs, { x, w, b, scale, residual }, shapes) => {
    const y = new Float64Array(elements(shapes.y!));
    forEachProduct(attrs, shapes.x!, shapes.w!, shapes.y!, (o, i, tap) => {
      y[o] += x![i] * w![tap];
    });
    const outputs = shapes.y![3];
    const epilogue = (z: number, i: number) => {
      const o = i % outputs;
      const sum = z * (scale ? scale[o] : 1) + (b ? b[o] : 0) + (residual ? residual[i] : 0);
      return attrs.activation ? activate(attrs.activation, sum) : sum;
    };
    return { y: y.map(epilogue) };
  },
  taps,
);

export const depthwiseInputGradientReference = reference<DepthwiseInputGradientAttrs>(
  "depthwiseInputGradient",
  (attrs, { dy, w }, shapes) => {
    const dx = new Float64Array(elements(attrs.inputShape));
    forEachProduct(attrs, attrs.inputShape, shapes.w!, shapes.dy!, (o, i, tap) => {
      dx[i] += dy![o] * w![tap];
    });
    return { dx };
  },
  taps,
);

export const depthwiseFilterGradientReference = reference<DepthwiseFilterGradientAttrs>(
  "depthwiseFilterGradient",
  (attrs, { x, dy }, shapes) => {
    const dw = new Float64Array(elements(attrs.filterShape));
    forEachProduct(attrs, shapes.x!, attrs.filterShape, shapes.dy!, (o, i, tap) => {
      dw[tap] += x![i] * dy![o];
    });
    return { dw };
  },
  (_, { dy }) => dy![0] * dy![1] * dy![2],
);
