import { activate } from "../activation/activation.reference";
import { elements } from "../operation";
import { reference } from "../reference";
import type { AffineAttrs, FoldAttrs } from "./channelAffine";

export const batchNormFoldReference = reference<FoldAttrs>(
  "batchNormFold",
  ({ epsilon }, { gamma, beta, mean, variance }) => {
    const scale = variance!.map((v, c) => (gamma?.[c] ?? 1) / Math.sqrt(v + epsilon));
    return { scale, shift: scale.map((s, c) => (beta?.[c] ?? 0) - mean![c] * s) };
  },
);

export const batchNormFoldGradientReference = reference<FoldAttrs>(
  "batchNormFoldGradient",
  ({ epsilon }, { dscale, dshift, mean, variance }) => ({
    dgamma: dscale!.map((d, c) => (d - mean![c] * dshift![c]) / Math.sqrt(variance![c] + epsilon)),
    dbeta: dshift!.slice(),
  }),
);

export const channelAffineReference = reference<AffineAttrs>(
  "channelAffine",
  ({ activation }, { x, scale, shift }, shapes) => {
    const channels = shapes.x!.at(-1)!;
    return {
      y: x!.map((v, i) => {
        const z = v * scale![i % channels] + (shift?.[i % channels] ?? 0);
        return activation ? activate(activation, z) : z;
      }),
    };
  },
);

export const channelScaleReference = reference<object>("channelScale", (_, { x, scale }, shapes) => {
  const channels = shapes.x!.at(-1)!;
  return { y: x!.map((v, i) => v * scale![i % channels]) };
});

export const channelAffineReduceReference = reference<object>(
  "channelAffineReduce",
  (_, { dy, x }, shapes) => {
    const channels = shapes.x!.at(-1)!;
    const dscale = new Float64Array(channels);
    const dshift = new Float64Array(channels);
    dy!.forEach((d, i) => {
      dscale[i % channels] += d * x![i];
      dshift[i % channels] += d;
    });
    return { dscale, dshift };
  },
  (_, { x }) => elements(x!) / x!.at(-1)!,
);
