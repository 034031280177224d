/** Example problems of the losses: tests and tools read them, a page never does. */
import type { Case, Shape } from "../operation";
import type { CategoricalAttrs, PointwiseAttrs } from "./losses";

const probability = (_: number, random: () => number) => 0.05 + 0.9 * random();
const classId = (classes: number) => (_: number, random: () => number) => Math.floor(random() * classes);

function categoricalCases(): Case<CategoricalAttrs>[] {
  return (
    [
      [1, 2],
      [5, 7],
      [2, 3, 33],
      [3, 1000],
    ] as Shape[]
  ).flatMap((x) => {
    const classes = x.at(-1)!;
    return [true, false].flatMap((fromLogits): Case<CategoricalAttrs>[] => {
      const fill = fromLogits ? {} : { x: probability };
      const large = classes > 100 ? { large: true as const } : {};
      return [
        {
          attrs: { sparse: true, fromLogits, labelSmoothing: 0 },
          inputs: { x, labels: x.slice(0, -1) },
          fill: { ...fill, labels: classId(classes) },
          ...large,
        },
        {
          attrs: { sparse: false, fromLogits, labelSmoothing: 0.1 },
          inputs: { x, labels: x },
          fill: { ...fill, labels: probability },
          ...large,
        },
      ];
    });
  });
}

const pairs: Shape[] = [
  [1, 1],
  [5, 7],
  [2, 3, 4],
  [130, 1],
];

const binaryCases = (): Case<PointwiseAttrs>[] =>
  pairs.flatMap((x): Case<PointwiseAttrs>[] => [
    { attrs: { fromLogits: true, labelSmoothing: 0.2 }, inputs: { x, labels: x }, fill: { labels: probability } },
    {
      attrs: { fromLogits: false, labelSmoothing: 0 },
      inputs: { x, labels: x },
      fill: { x: probability, labels: classId(2) },
    },
  ]);

/** The cases of a loss and of its gradient. */
export function lossCases(name: string): Case<unknown>[] {
  if (name === "categoricalCrossEntropy") return categoricalCases();
  return name === "binaryCrossEntropy" ? binaryCases() : pairs.map((x) => ({ attrs: {}, inputs: { x, labels: x } }));
}
