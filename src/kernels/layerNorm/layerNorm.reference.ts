import { elements } from "../operation";
import { reference } from "../reference";
import type { LayerNormAttrs } from "./layerNorm";

const mean = (v: ArrayLike<number>) => Array.from(v).reduce((a, b) => a + b, 0) / v.length;

export const layerNormReference = reference<LayerNormAttrs>(
  "layerNorm",
  ({ epsilon }, { x, gamma, beta }, shapes) => {
    const rows = shapes.mean![0];
    const size = elements(shapes.x!) / rows;
    const y = new Float64Array(x!.length);
    const means = new Float64Array(rows);
    const invStds = new Float64Array(rows);
    for (let r = 0; r < rows; r++) {
      const row = x!.subarray(r * size, (r + 1) * size);
      means[r] = mean(row);
      invStds[r] = 1 / Math.sqrt(mean(row.map((v) => (v - means[r]) ** 2)) + epsilon);
      row.forEach((v, i) => (y[r * size + i] = (v - means[r]) * invStds[r] * (gamma?.[i] ?? 1) + (beta?.[i] ?? 0)));
    }
    return { y, mean: means, invStd: invStds };
  },
  (_, { x, mean: m }) => elements(x!) / m![0],
);

export const layerNormInputGradientReference = reference<LayerNormAttrs>(
  "layerNormInputGradient",
  (_, { dy, x, gamma, mean: means, invStd }) => {
    const size = x!.length / means!.length;
    const normal = x!.map((v, i) => (v - means![Math.floor(i / size)]) * invStd![Math.floor(i / size)]);
    const d = dy!.map((v, i) => v * (gamma?.[i % size] ?? 1));
    const rowMean = (v: Float64Array, i: number) =>
      mean(v.subarray(Math.floor(i / size) * size, (Math.floor(i / size) + 1) * size));
    const product = d.map((v, i) => v * normal[i]);
    return {
      dx: d.map((v, i) => invStd![Math.floor(i / size)] * (v - rowMean(d, i) - normal[i] * rowMean(product, i))),
    };
  },
  (_, { x, mean: m }) => elements(x!) / m![0],
);

export const layerNormWeightGradientReference = reference<LayerNormAttrs>(
  "layerNormWeightGradient",
  (_, { dy, x, mean: means, invStd }) => {
    const size = x!.length / means!.length;
    const dgamma = new Float64Array(size);
    const dbeta = new Float64Array(size);
    dy!.forEach((d, i) => {
      const r = Math.floor(i / size);
      dgamma[i % size] += d * (x![i] - means![r]) * invStd![r];
      dbeta[i % size] += d;
    });
    return { dgamma, dbeta };
  },
  (_, { mean: m }) => m![0],
);
