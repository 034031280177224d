import { elements } from "../operation";
import { reference } from "../reference";
import type { AccuracyAttrs } from "./metrics";

export const accuracyReference = reference<AccuracyAttrs>(
  "accuracy",
  ({ kind, k, threshold = 0.5 }, { x, labels }, shapes) => {
    const classes = shapes.x!.at(-1)!;
    const rows = x!.length / classes;
    const row = (v: Float64Array, r: number) => [...v.subarray(r * classes, (r + 1) * classes)];
    return {
      correct: Float64Array.from({ length: rows }, (_, r) => {
        const scores = row(x!, r);
        if (kind === "binary") {
          const truth = row(labels!, r);
          return scores.filter((v, c) => v > threshold === truth[c] > 0.5).length / classes;
        }
        const truth = kind === "sparse" ? labels![r] : row(labels!, r).indexOf(Math.max(...row(labels!, r)));
        if (k === 1) return Number(scores.indexOf(Math.max(...scores)) === truth);
        return Number(scores.filter((v) => v > scores[truth]).length < k);
      }),
    };
  },
);

export const summarizeReference = reference<object>(
  "summarize",
  (_, { loss, metric0, metric1, metric2, norm, ring, status }, _shapes, step) => {
    const sum = (v: Float64Array | undefined) => v?.reduce((a, b) => a + b, 0) ?? 0;
    const gradient = Math.sqrt(sum(norm));
    const fine = Number.isFinite(sum(loss)) && Number.isFinite(gradient);
    const halted = status![0] !== 0 || !fine;
    const at = status![0] !== 0 ? status![1] : halted ? step.iteration : status![1];
    const row = [
      sum(loss),
      sum(metric0),
      sum(metric1),
      sum(metric2),
      loss!.length,
      Number(halted),
      gradient,
      step.iteration,
    ];
    const newRing = ring!.slice();
    newRing.set(row, step.ringSlot * 8);
    return { ring: newRing, status: Float64Array.of(Number(halted), at, gradient, status![3]) };
  },
);

export const gradientNormReference = reference<object>(
  "gradientNorm",
  (_, { gradients }) => {
    // Which workgroup adds which elements is the program's business: groups of 64 invocations of 4 elements, in turn.
    const partial = new Float64Array(64);
    gradients!.forEach((g, i) => (partial[Math.floor(i / 256) % 64] += g * g));
    return { partial };
  },
  (_, { gradients }) => Math.ceil(elements(gradients!) / 64),
);
