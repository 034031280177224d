/** The area under a curve over thresholds, after Keras's AUC. */
import { ThawError } from "../../errors";
import { scoreWords } from "../../kernels/counts/counts";
import type { Objective } from "../../nn/compile/trace";
import { countingMetric, share } from "./counting";

export interface AucOptions {
  /** "ROC" (the default): the rate of true positives over that of false ones; "PR": precision over recall. */
  readonly curve?: "ROC" | "PR";
  /** Evenly spaced thresholds from 0 to 1; more are exacter. Default 200. */
  readonly numThresholds?: number;
  /**
   * "interpolation" (the default): trapezes for ROC, and for PR the interpolation of Davis and Goadrich (2006); "minoring" and "majoring":
   * the lower and the upper sum.
   */
  readonly summationMethod?: "interpolation" | "minoring" | "majoring";
  /** Whether each class has an area of its own, whose mean is the result, instead of one over all outputs together. Default false. */
  readonly multiLabel?: boolean;
  /** In the logs. Default "auc". */
  readonly name?: string;
}

/** By threshold, from the lowest: how many with label 1 and with label 0 lie above it. */
interface Curve {
  readonly truePositives: readonly number[];
  readonly falsePositives: readonly number[];
}

function curveOf(counts: Uint32Array, buckets: number, classes: readonly number[]): Curve {
  const above = (label: number) => {
    const sums: number[] = Array.from({ length: buckets }, () => 0);
    for (let b = buckets - 1, sum = 0; b >= 0; b--) {
      for (const c of classes) sum += counts[2 * (c * buckets + b) + label];
      sums[b] = sum;
    }
    return sums;
  };
  return { truePositives: above(1), falsePositives: above(0) };
}

/** Keras's interpolated area under precision and recall: within a bucket, hits grow linearly with predictions. */
function interpolatedPrecision({ truePositives: tp, falsePositives: fp }: Curve): number {
  let area = 0;
  for (let i = 0; i + 1 < tp.length; i++) {
    const [p0, p1] = [tp[i] + fp[i], tp[i + 1] + fp[i + 1]];
    const slope = share(tp[i] - tp[i + 1], p0 - p1);
    const intercept = tp[i + 1] - slope * p1;
    const ratio = p0 > 0 && p1 > 0 ? p0 / p1 : 1;
    area += share(slope * (tp[i] - tp[i + 1] + intercept * Math.log(ratio)), tp[0]);
  }
  return area;
}

function areaUnder(curve: Curve, { curve: kind, summationMethod }: Required<AucOptions>): number {
  const { truePositives: tp, falsePositives: fp } = curve;
  if (kind === "PR" && summationMethod === "interpolation") return interpolatedPrecision(curve);
  const recall = tp.map((n) => share(n, tp[0]));
  const x = kind === "ROC" ? fp.map((n) => share(n, fp[0])) : recall;
  const y = kind === "ROC" ? recall : tp.map((n, i) => share(n, n + fp[i]));
  let area = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    const heights = { interpolation: (y[i] + y[i + 1]) / 2, minoring: Math.min(y[i], y[i + 1]) };
    const height = summationMethod === "majoring" ? Math.max(y[i], y[i + 1]) : heights[summationMethod];
    area += (x[i] - x[i + 1]) * height;
  }
  return area;
}

/**
 * The area under the ROC or the precision-recall curve, from a histogram of probabilities. It is as exact as `numThresholds` is fine, and
 * equals Keras's number for the same predictions. 0 where one of the two labels does not occur (as in Keras).
 */
export function auc(options: AucOptions = {}): Objective {
  const { curve = "ROC", numThresholds = 200, summationMethod = "interpolation" } = options;
  const { multiLabel = false, name = "auc" } = options;
  if (!["ROC", "PR"].includes(curve)) throw new ThawError("auc", `curve ${JSON.stringify(curve)}`, '"ROC" or "PR"');
  if (!["interpolation", "minoring", "majoring"].includes(summationMethod))
    throw new ThawError(
      "auc",
      `summationMethod ${JSON.stringify(summationMethod)}`,
      '"interpolation", "minoring" or "majoring"',
    );
  if (!(Number.isInteger(numThresholds) && numThresholds >= 2 && numThresholds <= 65536))
    throw new ThawError("auc", `numThresholds ${numThresholds}`, "a whole number from 2 to 65536");
  const settled = { curve, numThresholds, summationMethod, multiLabel, name };
  return countingMetric({
    name,
    op: "countScores",
    better: "max",
    words: (outputs) => scoreWords(outputs, numThresholds),
    probabilities: () => true,
    attrs: () => ({ buckets: numThresholds }),
    finish(counts, outputs) {
      const classes = Array.from({ length: outputs }, (_, c) => c);
      const area = (of: readonly number[]) => areaUnder(curveOf(counts, numThresholds, of), settled);
      return multiLabel ? classes.reduce((sum, c) => sum + area([c]), 0) / outputs : area(classes);
    },
  });
}
