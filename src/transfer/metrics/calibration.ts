/** Whether a model is right as often as it is sure: expected calibration error (Guo, Pleiss, Sun and Weinberger 2017). */
import { ThawError } from "../../errors";
import { confidenceWords } from "../../kernels/counts/counts";
import type { Objective } from "../../nn/compile/trace";
import { countingMetric, share } from "./counting";

export interface CalibrationOptions {
  /** Bins of equal width over the confidences 0..1. Default 15, as in the paper. */
  readonly bins?: number;
  /** In the logs. Default "expectedCalibrationError". */
  readonly name?: string;
}

/** Samples whose confidence lies in (from, to]. */
export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Share of them that are right; 0 where there are none. */
  readonly accuracy: number;
  /** Mean of their confidences, to 2^-24; 0 where there are none. */
  readonly confidence: number;
}

export const calibrationBins = (counts: Uint32Array, bins: number): CalibrationBin[] =>
  Array.from({ length: bins }, (_, b) => {
    const [count, right, low, high] = counts.subarray(4 * b, 4 * b + 4);
    const sum = (high * 2 ** 32 + low) / 2 ** 24;
    return {
      from: b / bins,
      to: (b + 1) / bins,
      count,
      accuracy: share(right, count),
      confidence: share(sum, count),
    };
  });

/**
 * sum over bins of (samples of the bin / all samples) |accuracy - confidence|, where a sample's confidence is its largest probability; of a
 * model with one output p, the larger of p and 1 - p. 0 is perfect. Meant for a softmax or one output.
 */
export function expectedCalibrationError(options: CalibrationOptions = {}): Objective {
  const { bins = 15, name = "expectedCalibrationError" } = options;
  if (!(Number.isInteger(bins) && bins >= 1 && bins <= 65536))
    throw new ThawError("expectedCalibrationError", `bins ${bins}`, "a whole number from 1 to 65536");
  return countingMetric({
    name,
    op: "countConfidence",
    better: "min",
    words: () => confidenceWords(bins),
    probabilities: () => true,
    attrs: () => ({ bins }),
    finish(counts) {
      const all = calibrationBins(counts, bins);
      const total = all.reduce((sum, b) => sum + b.count, 0);
      return share(
        all.reduce((sum, b) => sum + b.count * Math.abs(b.accuracy - b.confidence), 0),
        total,
      );
    },
  });
}
