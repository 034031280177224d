import { reference, type Arrays, type Reference } from "../reference";
import type { Shapes } from "../operation";
import { partsOf, type FixMatchAttrs, type FixMatchReportAttrs } from "./fixMatch";

/** Softmax of one row, and the first of its likeliest classes. */
function likelihood(x: Float64Array, row: number, classes: number) {
  const logits = Array.from(x.subarray(row * classes, (row + 1) * classes));
  const top = Math.max(...logits);
  const total = Math.log(logits.reduce((sum, v) => sum + Math.exp(v - top), 0)) + top;
  const best = logits.indexOf(top);
  return { p: logits.map((v) => Math.exp(v - total)), entropy: (c: number) => total - logits[c], best };
}

/** Of each row: the class it should have, and the weight of its cross-entropy in the mean of its part. */
function targets({ mu, threshold, lambda }: FixMatchAttrs, { x, labels }: Arrays, shapes: Shapes) {
  const parts = partsOf(mu, shapes);
  const { rows, classes, labelled, unlabelled } = parts;
  const goals = Array.from({ length: rows }, (_, r) => {
    if (r < labelled) return { goal: labels![r], weight: 1 / labelled };
    if (r < labelled + unlabelled) return { goal: 0, weight: 0 };
    const { p, best } = likelihood(x!, r - unlabelled, classes);
    return { goal: best, weight: p[best] >= Math.fround(threshold) ? lambda / unlabelled : 0 };
  });
  return { ...parts, goals };
}

function loss(attrs: FixMatchAttrs, arrays: Arrays, shapes: Shapes) {
  const { rows, classes, goals } = targets(attrs, arrays, shapes);
  const entropies = goals.map(({ goal, weight }, r) => rows * weight * likelihood(arrays.x!, r, classes).entropy(goal));
  return { loss: Float64Array.from(entropies) };
}

function gradient(attrs: FixMatchAttrs, arrays: Arrays, shapes: Shapes) {
  const { classes, goals } = targets(attrs, arrays, shapes);
  const rows = goals.flatMap(({ goal, weight }, r) =>
    likelihood(arrays.x!, r, classes).p.map((p, c) => weight * (p - Number(c === goal))),
  );
  return { dx: Float64Array.from(rows) };
}

const terms: Reference<FixMatchAttrs>["terms"] = (_, { x }) => x![1];

export const fixMatchReference = reference<FixMatchAttrs>("fixMatch", loss, terms);
export const fixMatchGradientReference = reference<FixMatchAttrs>("fixMatchGradient", gradient, terms);
export const fixMatchWithGradientReference = reference<FixMatchAttrs>(
  "fixMatchWithGradient",
  (attrs, arrays, shapes) => ({ ...loss(attrs, arrays, shapes), ...gradient(attrs, arrays, shapes) }),
  terms,
);

export const fixMatchReportReference = reference<FixMatchReportAttrs>(
  "fixMatchReport",
  ({ kind, mu, threshold }, { x, labels }, shapes) => {
    const { rows, classes, labelled, unlabelled } = partsOf(mu, shapes);
    const [first, count] = kind === "accuracy" || unlabelled === 0 ? [0, labelled] : [labelled, unlabelled];
    const y = Float64Array.from({ length: rows }, (_, r) => {
      if (r < first || r >= first + count) return 0;
      const { p, best } = likelihood(x!, r, classes);
      const holds = kind === "accuracy" ? best === labels![r] : p[best] >= Math.fround(threshold);
      return holds ? rows / count : 0;
    });
    return { y };
  },
);
