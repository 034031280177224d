import { elements, type Shape } from "../operation";
import { reference, type Arrays, type Reference } from "../reference";
import { softmaxRows } from "../softmax/softmax.reference";
import type { CategoricalAttrs, PointwiseAttrs } from "./losses";

const epsilon = 1e-7;
const clip = (p: number) => Math.min(Math.max(p, epsilon), 1 - epsilon);

/** Labels as one value a class, smoothed. */
function targets(
  { sparse, labelSmoothing }: CategoricalAttrs,
  labels: Float64Array,
  rows: number,
  classes: number,
): Float64Array {
  return Float64Array.from({ length: rows * classes }, (_, i) => {
    const t = sparse ? Number(labels[Math.floor(i / classes)] === i % classes) : labels[i];
    return sparse ? t : t * (1 - labelSmoothing) + labelSmoothing / classes;
  });
}

function categorical(attrs: CategoricalAttrs, { x, labels }: Arrays, shape: Shape) {
  const classes = shape.at(-1)!;
  const rows = elements(shape) / classes;
  const t = targets(attrs, labels!, rows, classes);
  const rowSum = (v: Float64Array, row: number) =>
    v.subarray(row * classes, (row + 1) * classes).reduce((a, b) => a + b, 0);
  const sums = Float64Array.from({ length: rows }, (_, r) => rowSum(x!, r));
  const p = attrs.fromLogits ? softmaxRows(x!, classes) : x!.map((v, i) => v / sums[Math.floor(i / classes)]);
  return { classes, rows, t, sums, p, rowSum };
}

export const categoricalCrossEntropyReference = reference<CategoricalAttrs>(
  "categoricalCrossEntropy",
  (attrs, arrays, shapes) => {
    const { rows, t, p, rowSum } = categorical(attrs, arrays, shapes.x!);
    const terms = t.map((v, i) => -v * Math.log(attrs.fromLogits ? p[i] : clip(p[i])));
    return { loss: Float64Array.from({ length: rows }, (_, r) => rowSum(terms, r)) };
  },
  (_, { x }) => x!.at(-1)!,
);

export const categoricalCrossEntropyGradientReference = reference<CategoricalAttrs>(
  "categoricalCrossEntropyGradient",
  (attrs, arrays, shapes) => {
    const { classes, rows, t, p, sums, rowSum } = categorical(attrs, arrays, shapes.x!);
    if (attrs.fromLogits) {
      return { dx: p.map((v, i) => (v * rowSum(t, Math.floor(i / classes)) - t[i]) / rows) };
    }
    // d/dx of -sum t log(x / sum x), where clipping leaves p alone.
    const active = t.map((v, i) => (p[i] >= epsilon && p[i] <= 1 - epsilon ? v : 0));
    return {
      dx: p.map((v, i) => {
        const row = Math.floor(i / classes);
        return (rowSum(active, row) - active[i] / v) / sums[row] / rows;
      }),
    };
  },
  (_, { x }) => x!.at(-1)!,
);

function pointwise(
  name: string,
  loss: (x: number, t: number, a: PointwiseAttrs) => number,
  slope: (x: number, t: number, a: PointwiseAttrs) => number,
) {
  const smooth = (t: number, { labelSmoothing = 0 }: PointwiseAttrs) => t * (1 - labelSmoothing) + labelSmoothing / 2;
  const forward = reference<PointwiseAttrs>(name, (attrs, { x, labels }, shapes) => {
    const classes = shapes.x!.at(-1)!;
    const result = new Float64Array(x!.length / classes);
    x!.forEach((v, i) => (result[Math.floor(i / classes)] += loss(v, smooth(labels![i], attrs), attrs) / classes));
    return { loss: result };
  });
  const backward = reference<PointwiseAttrs>(`${name}Gradient`, (attrs, { x, labels }) => ({
    // Mean over classes and rows: every element weighs the same.
    dx: x!.map((v, i) => slope(v, smooth(labels![i], attrs), attrs) / x!.length),
  }));
  return [forward, backward] as const;
}

export const [binaryCrossEntropyReference, binaryCrossEntropyGradientReference] = pointwise(
  "binaryCrossEntropy",
  (x, t, { fromLogits }) => {
    const p = fromLogits ? 1 / (1 + Math.exp(-x)) : clip(x);
    return -(t * Math.log(p) + (1 - t) * Math.log(1 - p));
  },
  (x, t, { fromLogits }) => (fromLogits ? 1 / (1 + Math.exp(-x)) - t : (x - t) / (x * (1 - x))),
);

export const [meanSquaredErrorReference, meanSquaredErrorGradientReference] = pointwise(
  "meanSquaredError",
  (x, t) => (x - t) ** 2,
  (x, t) => 2 * (x - t),
);

/** Loss and gradient in one operation. */
function both<A>(loss: Reference<A>, gradient: Reference<A>): Reference<A> {
  return {
    name: `${loss.name}WithGradient`,
    run: (...problem) => ({ ...loss.run(...problem), ...gradient.run(...problem) }),
    ...(loss.terms && { terms: loss.terms }),
  };
}

export const categoricalCrossEntropyWithGradientReference = both(
  categoricalCrossEntropyReference,
  categoricalCrossEntropyGradientReference,
);
export const binaryCrossEntropyWithGradientReference = both(
  binaryCrossEntropyReference,
  binaryCrossEntropyGradientReference,
);
export const meanSquaredErrorWithGradientReference = both(meanSquaredErrorReference, meanSquaredErrorGradientReference);
