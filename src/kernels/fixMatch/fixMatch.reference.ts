import { reference, type Arrays, type Reference } from "../reference";
import type { Shapes } from "../operation";
import { partsOf, type FixMatchAttrs, type FixMatchReportAttrs, type Parts } from "./fixMatch";

const epsilon = 1e-7;

/** Probabilities of one row, the cross-entropy with each class, and the first of the likeliest. */
function likelihood(x: Float64Array, row: number, { classes }: Parts, fromLogits: boolean) {
  const scores = Array.from(x.subarray(row * classes, (row + 1) * classes));
  const logits = scores.map((v) => (fromLogits ? v : Math.log(Math.max(v, epsilon))));
  const top = Math.max(...logits);
  const total = Math.log(logits.reduce((sum, v) => sum + Math.exp(v - top), 0)) + top;
  const best = logits.indexOf(top);
  return { scores, p: logits.map((v) => Math.exp(v - total)), entropy: (c: number) => total - logits[c], best };
}

/** Of each row: what it says, the class it should have, and the weight of its cross-entropy in the mean of its part. */
function targets(attrs: FixMatchAttrs, { x, labels }: Arrays, shapes: Shapes) {
  const parts = partsOf(attrs, shapes);
  const { rows, labelled, unlabelled } = parts;
  const said = Array.from({ length: rows }, (_, r) => likelihood(x!, r, parts, attrs.fromLogits));
  return said.map((own, r) => {
    if (r < labelled) return { own, goal: labels![r], weight: 1 / labelled };
    if (r < labelled + unlabelled) return { own, goal: 0, weight: 0 };
    const { p, best } = said[r - unlabelled];
    return { own, goal: best, weight: p[best] >= Math.fround(attrs.threshold) ? attrs.lambda / unlabelled : 0 };
  });
}

function loss(attrs: FixMatchAttrs, arrays: Arrays, shapes: Shapes) {
  const all = targets(attrs, arrays, shapes);
  return { loss: Float64Array.from(all, ({ own, goal, weight }) => all.length * weight * own.entropy(goal)) };
}

function gradient(attrs: FixMatchAttrs, arrays: Arrays, shapes: Shapes) {
  const rows = targets(attrs, arrays, shapes).flatMap(({ own, goal, weight }) =>
    own.p.map((p, c) => {
      const d = weight * (p - Number(c === goal));
      if (attrs.fromLogits) return d;
      return own.scores[c] >= epsilon ? d / own.scores[c] : 0;
    }),
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
  (attrs, { x, labels }, shapes) => {
    const { kind, threshold, fromLogits } = attrs;
    const parts = partsOf(attrs, shapes);
    const { rows, labelled, unlabelled } = parts;
    const [first, count] = kind === "accuracy" || unlabelled === 0 ? [0, labelled] : [labelled, unlabelled];
    const y = Float64Array.from({ length: rows }, (_, r) => {
      if (r < first || r >= first + count) return 0;
      const { p, best } = likelihood(x!, r, parts, fromLogits);
      const holds = kind === "accuracy" ? best === labels![r] : p[best] >= Math.fround(threshold);
      return holds ? rows / count : 0;
    });
    return { y };
  },
);
