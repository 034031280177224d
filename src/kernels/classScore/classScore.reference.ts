import { reference, type Arrays } from "../reference";

const loss = ({ x, labels }: Arrays, classes: number) => {
  const sums = new Float64Array(x!.length / classes);
  x!.forEach((v, i) => (sums[Math.floor(i / classes)] += v * labels![i]));
  return { loss: sums };
};

const gradient = ({ labels }: Arrays, classes: number) => ({ dx: labels!.map((v) => v / (labels!.length / classes)) });

export const classScoreReference = reference<object>(
  "classScore",
  (_, arrays, { x }) => loss(arrays, x!.at(-1)!),
  (_, { x }) => x!.at(-1)!,
);

export const classScoreGradientReference = reference<object>("classScoreGradient", (_, arrays, { x }) =>
  gradient(arrays, x!.at(-1)!),
);

export const classScoreWithGradientReference = reference<object>(
  "classScoreWithGradient",
  (_, arrays, { x }) => ({ ...loss(arrays, x!.at(-1)!), ...gradient(arrays, x!.at(-1)!) }),
  (_, { x }) => x!.at(-1)!,
);
