import { reference, type Arrays } from "../reference";
import type { Shape } from "../operation";
import type { CountClassesAttrs, CountConfidenceAttrs, CountOutcomesAttrs, CountScoresAttrs } from "./counts";

/** Rows of scores, and the truth of each class of each row. */
function rowsOf({ x, labels }: Arrays, shape: Shape, sparse: boolean) {
  const outputs = shape.at(-1)!;
  return Array.from({ length: x!.length / outputs }, (_, r) => {
    const scores = [...x!.subarray(r * outputs, (r + 1) * outputs)];
    const truth = scores.map((_s, c) => (sparse ? Number(labels![r] === c) : labels![r * outputs + c]));
    return { scores, truth };
  });
}

const firstLargest = (values: readonly number[]) => values.indexOf(Math.max(...values));

export const countOutcomesReference = reference<CountOutcomesAttrs>(
  "countOutcomes",
  ({ sparse, threshold, least }, inputs, shapes) => {
    const counts = inputs.counts!.slice();
    for (const { scores, truth } of rowsOf(inputs, shapes.x!, sparse)) {
      const largest = Math.max(...scores);
      scores.forEach((score, c) => {
        const predicted =
          threshold === undefined ? score === largest && Math.abs(score) > least : score > Math.fround(threshold);
        const actual = truth[c] > 0.5;
        counts[3 * c] += Number(predicted && actual);
        counts[3 * c + 1] += Number(predicted);
        counts[3 * c + 2] += Number(actual);
      });
    }
    return { counts };
  },
);

export const countClassesReference = reference<CountClassesAttrs>(
  "countClasses",
  ({ sparse, threshold }, inputs, shapes) => {
    const counts = inputs.counts!.slice();
    for (const { scores, truth } of rowsOf(inputs, shapes.x!, sparse)) {
      if (scores.length === 1) counts[2 * Number(truth[0] > 0.5) + Number(scores[0] > Math.fround(threshold))]++;
      else counts[firstLargest(truth) * scores.length + firstLargest(scores)]++;
    }
    return { counts };
  },
);

// Which bucket a number on an edge belongs to is settled by rounding, so products are those of float32.
const bucketOf = (p: number, parts: number, last: number) =>
  Math.min(last, Math.max(0, Math.ceil(Math.fround(Math.min(1, Math.max(0, p)) * parts)) - 1));

export const countScoresReference = reference<CountScoresAttrs>(
  "countScores",
  ({ sparse, buckets }, inputs, shapes) => {
    const counts = inputs.counts!.slice();
    for (const { scores, truth } of rowsOf(inputs, shapes.x!, sparse))
      scores.forEach((p, c) => {
        const bucket = bucketOf(p, buckets - 1, buckets - 1);
        counts[2 * (c * buckets + bucket) + Number(truth[c] > 0.5)]++;
      });
    return { counts };
  },
);

export const countConfidenceReference = reference<CountConfidenceAttrs>(
  "countConfidence",
  ({ sparse, bins }, inputs, shapes) => {
    const counts = inputs.counts!.slice();
    for (const { scores, truth } of rowsOf(inputs, shapes.x!, sparse)) {
      const single = scores.length === 1;
      const right = single ? scores[0] > 0.5 === truth[0] > 0.5 : firstLargest(scores) === firstLargest(truth);
      const confidence = single ? Math.max(scores[0], Math.fround(1 - scores[0])) : Math.max(...scores);
      const at = 4 * bucketOf(confidence, bins, bins - 1);
      counts[at]++;
      counts[at + 1] += Number(right);
      const sum = counts[at + 3] * 2 ** 32 + counts[at + 2] + Math.floor(confidence * 2 ** 24);
      counts[at + 2] = sum % 2 ** 32;
      counts[at + 3] = Math.floor(sum / 2 ** 32);
    }
    return { counts };
  },
);
