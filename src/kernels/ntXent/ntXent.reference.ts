import type { Shape } from "../operation";
import { reference, type Reference } from "../reference";
import type { NtXentAttrs } from "./ntXent";

function pairs(x: Float64Array, [rows, width]: Shape, temperature: number) {
  const row = (v: Float64Array, r: number) => v.subarray(r * width, (r + 1) * width);
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, c) => sum + v * b[c], 0);
  const lengths = Array.from({ length: rows }, (_, r) => Math.max(1e-6, Math.sqrt(dot(row(x, r), row(x, r)))));
  const u = x.map((v, i) => v / lengths[Math.floor(i / width)]);
  const s = (a: number, b: number) => dot(row(u, a), row(u, b)) / temperature;
  const partner = (r: number) => (r + rows / 2) % rows;
  const logSum = Array.from({ length: rows }, (_, r) => {
    const others = Array.from({ length: rows }, (__, k) => k).filter((k) => k !== r);
    const values = others.map((k) => s(r, k));
    const top = Math.max(...values);
    return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0));
  });
  return { rows, width, lengths, u, s, partner, logSum, row, dot };
}

function loss(x: Float64Array, shape: Shape, temperature: number) {
  const { s, partner, logSum } = pairs(x, shape, temperature);
  return { loss: Float64Array.from(logSum, (total, r) => total - s(r, partner(r))) };
}

function gradient(x: Float64Array, shape: Shape, temperature: number) {
  const { rows, width, lengths, u, s, partner, logSum, row, dot } = pairs(x, shape, temperature);
  const dx = new Float64Array(x.length);
  for (let r = 0; r < rows; r++) {
    const du = new Float64Array(width);
    for (let k = 0; k < rows; k++) {
      if (k === r) continue;
      const w = Math.exp(s(r, k) - logSum[r]) + Math.exp(s(r, k) - logSum[k]) - (k === partner(r) ? 2 : 0);
      row(u, k).forEach((v, c) => (du[c] += (w * v) / (temperature * rows)));
    }
    const along = dot(du, row(u, r));
    du.forEach((v, c) => (dx[r * width + c] = (v - along * u[r * width + c]) / lengths[r]));
  }
  return { dx };
}

/** A similarity is a sum over the width, divided by the temperature; each row sums over all others. */
const terms: Reference<NtXentAttrs>["terms"] = ({ temperature }, { x }) => (x![0] + x![1]) / temperature;

export const ntXentReference = reference<NtXentAttrs>(
  "ntXent",
  ({ temperature }, { x }, shapes) => loss(x!, shapes.x!, temperature),
  terms,
);
export const ntXentGradientReference = reference<NtXentAttrs>(
  "ntXentGradient",
  ({ temperature }, { x }, shapes) => gradient(x!, shapes.x!, temperature),
  terms,
);
export const ntXentWithGradientReference = reference<NtXentAttrs>(
  "ntXentWithGradient",
  ({ temperature }, { x }, shapes) => ({
    ...loss(x!, shapes.x!, temperature),
    ...gradient(x!, shapes.x!, temperature),
  }),
  terms,
);

export const contrastiveAccuracyReference = reference<object>("contrastiveAccuracy", (_, { x }, shapes) => {
  const { rows, s, partner } = pairs(x!, shapes.x!, 1);
  const others = (r: number) => Array.from({ length: rows }, (__, k) => k).filter((k) => k !== r && k !== partner(r));
  const nearest = (r: number) => others(r).every((k) => s(r, k) < s(r, partner(r)));
  return { correct: Float64Array.from({ length: rows }, (__, r) => Number(nearest(r))) };
});
