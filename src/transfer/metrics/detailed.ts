/** What an evaluation says beyond single numbers: which classes are taken for which, class by class, and how sure the model is. */
import { classesOfOutputs, classWords } from "../../kernels/counts/counts";
import type { Objective } from "../../nn/compile/trace";
import type { Container } from "../../nn/model";
import type { Dataset } from "../../nn/trainer";
import { auc } from "./auc";
import { calibrationBins, expectedCalibrationError, type CalibrationBin } from "./calibration";
import { countingMetric, share } from "./counting";
import { fScoreOf, precisionOf, recallOf, type Outcomes } from "./outcomes";
import { countOver } from "./pass";

export interface EvaluationOptions {
  /** Default 32. */
  readonly batchSize?: number;
  /** Of a model with one output: the probability above which it says yes. Default 0.5. */
  readonly threshold?: number;
}

export interface DetailedOptions extends EvaluationOptions {
  /** Bins of the calibration. Default 15. */
  readonly bins?: number;
}

export interface ClassEvaluation {
  readonly precision: number;
  readonly recall: number;
  readonly f1Score: number;
  /** Samples of this class. */
  readonly support: number;
}

export interface DetailedEvaluation {
  readonly loss: number;
  /** Samples. */
  readonly count: number;
  readonly accuracy: number;
  /** By class id: rows are what samples are, columns what they are taken for. Of one output: no, then yes. */
  readonly confusionMatrix: readonly (readonly number[])[];
  readonly classes: readonly ClassEvaluation[];
  /** Area under the ROC curve: of one output, or the mean over classes, each against the rest. */
  readonly auc: number;
  readonly expectedCalibrationError: number;
  /** The reliability diagram. */
  readonly calibration: readonly CalibrationBin[];
}

/** Counts for a matrix; no metric of `compile`, as its result is no number. */
const confusion = (threshold = 0.5): Objective =>
  countingMetric({
    name: "confusionMatrix",
    op: "countClasses",
    words: classWords,
    probabilities: ({ outputs }) => outputs === 1,
    attrs: () => ({ threshold }),
    finish: () => [],
  });

const matrixOf = (counts: Uint32Array, outputs: number): number[][] => {
  const n = classesOfOutputs(outputs);
  return Array.from({ length: n }, (_, t) => [...counts.subarray(t * n, (t + 1) * n)]);
};

/**
 * How many samples of each class (rows) are taken for each class (columns), counted on the GPU in inference mode. The likeliest class is the
 * first largest output, as in accuracy.
 *
 * @throws when the model is not compiled with a loss, and for data that does not fit.
 */
export async function confusionMatrix(
  model: Container,
  data: Dataset,
  { batchSize, threshold }: EvaluationOptions = {},
): Promise<number[][]> {
  const metric = confusion(threshold);
  const { counts, outputs } = await countOver("confusionMatrix", model, data, [metric], batchSize);
  return matrixOf(counts.get(metric)!, outputs);
}

/**
 * One pass over the data, in inference mode, that counts everything at once. For models that tell classes apart (a softmax, or one output
 * for yes or no); where several classes may be true at a time, use `precision` and its like.
 *
 * @throws when the model is not compiled with a loss, and for data that does not fit.
 */
export async function evaluateDetailed(
  model: Container,
  data: Dataset,
  { batchSize, threshold, bins = 15 }: DetailedOptions = {},
): Promise<DetailedEvaluation> {
  const metrics = [confusion(threshold), auc({ multiLabel: true }), expectedCalibrationError({ bins })];
  const { loss, counts, outputs, logs } = await countOver("evaluateDetailed", model, data, metrics, batchSize);
  const matrix = matrixOf(counts.get(metrics[0])!, outputs);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const count = sum(matrix.map(sum));
  const classes = matrix.map((row, c) => {
    const outcomes: Outcomes = { hits: row[c], predicted: sum(matrix.map((r) => r[c])), actual: sum(row) };
    return {
      precision: precisionOf(outcomes),
      recall: recallOf(outcomes),
      f1Score: fScoreOf(1)(outcomes),
      support: outcomes.actual,
    };
  });
  return {
    loss,
    count,
    accuracy: share(sum(matrix.map((row, c) => row[c])), count),
    confusionMatrix: matrix,
    classes,
    auc: logs.auc,
    expectedCalibrationError: logs.expectedCalibrationError,
    calibration: calibrationBins(counts.get(metrics[2])!, bins),
  };
}
