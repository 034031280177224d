/** Example problems of FixMatch: tests and tools read them, a page never does. */
import type { Case } from "../operation";
import type { FixMatchAttrs } from "./fixMatch";

type Problem = readonly [mu: number, labelled: number, classes: number, threshold: number, lambda: number];

/** With views, and as a batch that is evaluated. About half of the weak views are above their threshold. */
export const fixMatchCases: readonly Case<FixMatchAttrs>[] = (
  [
    [1, 1, 2, 0.7, 1],
    [3, 2, 5, 0.4, 0.5],
    [7, 3, 3, 0.6, 2],
    [2, 13, 7, 0.35, 1],
    [1, 64, 4, 0.5, 1],
    [5, 13, 33, 0.15, 1],
  ] as Problem[]
).flatMap(([mu, labelled, classes, threshold, lambda]): Case<FixMatchAttrs>[] => {
  const samples = labelled * (1 + mu);
  const attrs = { mu, threshold, lambda };
  const fill = { labels: (_: number, random: () => number) => Math.floor(random() * classes) };
  return [
    { attrs, inputs: { x: [labelled * (1 + 2 * mu), classes], labels: [samples] }, fill },
    { attrs, inputs: { x: [samples, classes], labels: [samples] }, fill },
  ];
});
