import { activate } from "../activation/activation.reference";
import { elements, type Shape } from "../operation";
import { reference } from "../reference";
import type { BatchNormAttrs } from "./batchNormTraining";
import type { BatchNormGradientAttrs } from "./batchNormGradients";

const rowCount = (_: unknown, s: Readonly<Record<string, Shape | undefined>>) => elements(s.x!) / s.x!.at(-1)!;

export const batchNormTrainingReference = reference<BatchNormAttrs>(
  "batchNormTraining",
  ({ epsilon, momentum, activation }, { x, gamma, beta, movingMean, movingVariance }, shapes) => {
    const channels = shapes.x!.at(-1)!;
    const rows = x!.length / channels;
    const mean = new Float64Array(channels);
    const variance = new Float64Array(channels);
    x!.forEach((v, i) => (mean[i % channels] += v / rows));
    x!.forEach((v, i) => (variance[i % channels] += (v - mean[i % channels]) ** 2 / rows));
    const invStd = variance.map((v) => 1 / Math.sqrt(v + epsilon));
    const y = x!.map((v, i) => {
      const c = i % channels;
      const normal = (v - mean[c]) * invStd[c] * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0);
      return activation ? activate(activation, normal) : normal;
    });
    return {
      y,
      statistics: Float64Array.from([...mean, ...invStd]),
      movingMean: movingMean!.map((v, c) => momentum * v + (1 - momentum) * mean[c]),
      movingVariance: movingVariance!.map((v, c) => momentum * v + (1 - momentum) * variance[c]),
    };
  },
  rowCount,
);

/** dy times the slope of a relu behind the normalization. */
function throughRelu(
  { activation }: BatchNormGradientAttrs,
  { dy, x, statistics, gamma, beta }: Readonly<Record<string, Float64Array | undefined>>,
  channels: number,
): Float64Array {
  if (!activation) return dy!;
  return dy!.map((d, i) => {
    const c = i % channels;
    const v = (x![i] - statistics![c]) * statistics![channels + c] * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0);
    return v > 0 && v < (activation.maxValue ?? Infinity) ? d : 0;
  });
}

export const batchNormReduceReference = reference<BatchNormGradientAttrs>(
  "batchNormReduce",
  (attrs, inputs, shapes) => {
    const { x, statistics } = inputs;
    const channels = shapes.x!.at(-1)!;
    const d = throughRelu(attrs, inputs, channels);
    const dgamma = new Float64Array(channels);
    const dbeta = new Float64Array(channels);
    d.forEach((v, i) => {
      const c = i % channels;
      dgamma[c] += v * (x![i] - statistics![c]) * statistics![channels + c];
      dbeta[c] += v;
    });
    return { dgamma, dbeta };
  },
  rowCount,
);

export const batchNormInputGradientReference = reference<BatchNormGradientAttrs>(
  "batchNormInputGradient",
  (attrs, inputs, shapes) => {
    const { x, gamma, statistics, dgamma, dbeta } = inputs;
    const channels = shapes.x!.at(-1)!;
    const rows = x!.length / channels;
    const d = throughRelu(attrs, inputs, channels);
    return {
      dx: d.map((v, i) => {
        const c = i % channels;
        const invStd = statistics![channels + c];
        const h = (x![i] - statistics![c]) * invStd;
        return (gamma?.[c] ?? 1) * invStd * (v - (dbeta![c] + h * dgamma![c]) / rows);
      }),
    };
  },
  () => 8,
);
