/** Precision, recall and F1 after Keras's metrics of these names, over classes as scikit-learn averages them. */
import { ThawError } from "../../errors";
import { outcomeWords } from "../../kernels/counts/counts";
import type { Objective } from "../../nn/compile/trace";
import { countingMetric, share } from "./counting";

export interface OutcomeOptions {
  /**
   * How classes make one number: "macro" (the default), their mean, each class alike, also those without samples; "weighted", by their
   * number of samples; "micro", over all predictions together; null, no number but one for each class, in the logs as `recall0`, `recall1`, ...
   */
  readonly average?: "macro" | "weighted" | "micro" | null;
  /** Only this class counts, and `average` does not. */
  readonly classId?: number;
  /**
   * Above it (a probability, also where the model gives logits) a class is predicted. Default: 0.5 where each output is a yes or no
   * of its own (one output, or a binary cross-entropy); otherwise none, and the likeliest class is predicted. With `threshold: 0.5,
   * average: "micro"` precision and recall are Keras's `Precision()` and `Recall()`.
   */
  readonly threshold?: number;
  /** In the logs. Default: that of the function. */
  readonly name?: string;
}

export interface F1Options extends OutcomeOptions {
  /** Weight of recall, as in Keras's FBetaScore. Default 1. */
  readonly beta?: number;
}

/** Of a class: how often it was predicted rightly, predicted, and true. */
export interface Outcomes {
  readonly hits: number;
  readonly predicted: number;
  readonly actual: number;
}

export const outcomesIn = (counts: Uint32Array, outputs: number): Outcomes[] =>
  Array.from({ length: outputs }, (_, c) => ({
    hits: counts[3 * c],
    predicted: counts[3 * c + 1],
    actual: counts[3 * c + 2],
  }));

export const precisionOf = ({ hits, predicted }: Outcomes): number => share(hits, predicted);
export const recallOf = ({ hits, actual }: Outcomes): number => share(hits, actual);
/** (1 + beta^2) P R / (beta^2 P + R), as counts. */
export const fScoreOf =
  (beta: number) =>
  ({ hits, predicted, actual }: Outcomes): number =>
    share((1 + beta ** 2) * hits, predicted + beta ** 2 * actual);

const sumOf = (classes: readonly Outcomes[]): Outcomes =>
  classes.reduce((a, b) => ({
    hits: a.hits + b.hits,
    predicted: a.predicted + b.predicted,
    actual: a.actual + b.actual,
  }));

function outcomeMetric(who: string, options: OutcomeOptions, value: (o: Outcomes) => number): Objective {
  const { average = "macro", classId, threshold, name = who } = options;
  if (![null, "macro", "micro", "weighted"].includes(average))
    throw new ThawError(who, `average ${JSON.stringify(average)}`, '"macro", "micro", "weighted" or null');
  if (threshold !== undefined && !(threshold >= 0 && threshold <= 1))
    throw new ThawError(who, `threshold ${threshold}`, "a probability from 0 to 1");
  if (classId !== undefined && !(Number.isInteger(classId) && classId >= 0))
    throw new ThawError(who, `classId ${classId}`, "a class id: a whole number, 0 or more");
  return countingMetric({
    name,
    op: "countOutcomes",
    better: "max",
    words(outputs) {
      if (classId !== undefined && classId >= outputs)
        throw new ThawError(who, `classId ${classId}, and the model has ${outputs} outputs`, `at most ${outputs - 1}`);
      return outcomeWords(outputs);
    },
    // The likeliest class is the same by logits, and rounding makes no ties of them.
    probabilities: ({ binary }) => threshold !== undefined || binary,
    attrs: ({ binary, fromLogits }) => ({
      ...((binary || threshold !== undefined) && { threshold: threshold ?? 0.5 }),
      least: fromLogits ? -1 : 1e-9,
    }),
    finish(counts, outputs) {
      const classes = outcomesIn(counts, outputs);
      if (classId !== undefined) return value(classes[classId]);
      const values = classes.map(value);
      if (average === null) return values;
      const sum = sumOf(classes);
      if (average === "micro") return value(sum);
      if (average === "macro") return values.reduce((a, b) => a + b, 0) / outputs;
      return share(
        values.reduce((s, v, c) => s + v * classes[c].actual, 0),
        sum.actual,
      );
    },
  });
}

/** Of what was predicted, the share that is true. A class that was never predicted has 0, as in Keras. */
export const precision = (options: OutcomeOptions = {}): Objective => outcomeMetric("precision", options, precisionOf);

/** Of what is true, the share that was predicted. A class without samples has 0, as in Keras. */
export const recall = (options: OutcomeOptions = {}): Objective => outcomeMetric("recall", options, recallOf);

/**
 * The harmonic mean of precision and recall; with `average: null` and the others as in Keras's F1Score and FBetaScore (whose default is
 * null), but without their epsilon of 1e-7. Classes that tie for the likeliest are all predicted, as there.
 */
export function f1Score(options: F1Options = {}): Objective {
  const { beta = 1 } = options;
  if (!(beta > 0 && Number.isFinite(beta))) throw new ThawError("f1Score", `beta ${beta}`, "a finite number above 0");
  return outcomeMetric("f1Score", options, fScoreOf(beta));
}
