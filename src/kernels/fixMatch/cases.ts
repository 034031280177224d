/** Example problems of FixMatch: tests and tools read them, a page never does. */
import type { Case } from "../operation";
import type { FixMatchAttrs } from "./fixMatch";

type Problem = readonly [unlabelled: number, labelled: number, classes: number, threshold: number, lambda: number];

const probability = (_: number, random: () => number) => 0.05 + 0.9 * random();

/** With views and without, for logits and for probabilities. Some weak views are above their threshold, and some are not. */
export const fixMatchCases: readonly Case<FixMatchAttrs>[] = (
  [
    [1, 1, 2, 0.7, 1],
    [6, 2, 5, 0.4, 0.5],
    [21, 3, 3, 0.6, 2],
    [0, 13, 7, 0.35, 1],
    [32, 1, 4, 0.5, 1],
    [65, 13, 33, 0.15, 1],
  ] as Problem[]
).flatMap(([unlabelled, labelled, classes, threshold, lambda]): Case<FixMatchAttrs>[] => {
  const rows = labelled + 2 * unlabelled;
  const views = unlabelled > 0 && { labelled };
  const labels = (_: number, random: () => number) => Math.floor(random() * classes);
  return [true, false].map((fromLogits) => ({
    // Probabilities as they are drawn here have less to say: they are divided by their sum.
    attrs: { ...views, fromLogits, threshold: fromLogits ? threshold : 1.4 / classes, lambda },
    inputs: { x: [rows, classes], labels: [rows] },
    fill: { labels, ...(!fromLogits && { x: probability }) },
  }));
});
