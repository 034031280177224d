/** Losses and metrics as plain data over operations. Names are Keras's in camelCase. */
import { ThawError } from "../errors";
import type { Shape } from "../kernels/operation";
import type { Objective } from "./compile/trace";

export interface LossOptions {
  /** Whether the model's output is not yet a probability (no softmax or sigmoid at its end). Default false, as in Keras. */
  readonly fromLogits?: boolean;
  /** Share of each label that is spread over all classes. Default 0. */
  readonly labelSmoothing?: number;
}

const sameAsOutput = (output: Shape): Shape => output;
/** Class ids: one number a row. */
const oneARow = (output: Shape): Shape => output.slice(0, -1);

/** Labels are class ids 0, 1, ...; the output has one value a class. */
export function sparseCategoricalCrossentropy({ fromLogits = false }: Pick<LossOptions, "fromLogits"> = {}): Objective {
  return {
    name: "sparseCategoricalCrossentropy",
    op: "categoricalCrossEntropy",
    attrs: { sparse: true, fromLogits, labelSmoothing: 0 },
    labelShape: oneARow,
  };
}

/** Labels are one value a class (one-hot, or soft). */
export function categoricalCrossentropy({ fromLogits = false, labelSmoothing = 0 }: LossOptions = {}): Objective {
  return {
    name: "categoricalCrossentropy",
    op: "categoricalCrossEntropy",
    attrs: { sparse: false, fromLogits, labelSmoothing },
    labelShape: sameAsOutput,
  };
}

/** Labels are 0 or 1 for each output. */
export function binaryCrossentropy({ fromLogits = false, labelSmoothing = 0 }: LossOptions = {}): Objective {
  return {
    name: "binaryCrossentropy",
    op: "binaryCrossEntropy",
    attrs: { fromLogits, labelSmoothing },
    labelShape: sameAsOutput,
  };
}

/** Mean of squared differences. */
export function meanSquaredError(): Objective {
  return { name: "meanSquaredError", op: "meanSquaredError", attrs: {}, labelShape: sameAsOutput };
}

/** Share of samples among whose `k` likeliest classes is the right one; for class ids. */
export function sparseTopKCategoricalAccuracy(k = 5): Objective {
  return { name: `top${k}Accuracy`, op: "accuracy", attrs: { kind: "sparse", k }, labelShape: oneARow };
}

/** The same for labels with one value a class. */
export function topKCategoricalAccuracy(k = 5): Objective {
  return { name: `top${k}Accuracy`, op: "accuracy", attrs: { kind: "categorical", k }, labelShape: sameAsOutput };
}

/** Share of outputs on the right side of the threshold. */
export function binaryAccuracy(threshold = 0.5): Objective {
  return { name: "accuracy", op: "accuracy", attrs: { kind: "binary", k: 1, threshold }, labelShape: sameAsOutput };
}

const losses: Record<string, () => Objective> = {
  sparseCategoricalCrossentropy,
  categoricalCrossentropy,
  binaryCrossentropy,
  meanSquaredError,
  mse: meanSquaredError,
};

/** @throws when no loss has the name. */
export function parseLoss(loss: string | Objective): Objective {
  if (typeof loss !== "string") return loss;
  const make = losses[loss.replace(/_(\w)/g, (_, c: string) => c.toUpperCase())];
  if (!make) throw new ThawError("compile", `loss "${loss}"`, `one of ${Object.keys(losses).join(", ")}`);
  return make();
}

/** "accuracy" is the one that fits the loss, as in Keras. */
export function parseMetric(metric: string | Objective, loss: Objective): Objective {
  if (typeof metric !== "string") return metric;
  if (metric === "accuracy" || metric === "acc") {
    if (loss.op === "binaryCrossEntropy") return binaryAccuracy(loss.attrs.fromLogits ? 0 : 0.5);
    if (loss.op === "categoricalCrossEntropy") {
      const one = loss.attrs.sparse ? sparseTopKCategoricalAccuracy(1) : topKCategoricalAccuracy(1);
      return { ...one, name: "accuracy" };
    }
    throw new ThawError(
      "compile",
      `metric "accuracy" with the loss ${loss.name}`,
      "a cross-entropy loss",
      "Leave the metric out.",
    );
  }
  if (metric === "top5Accuracy")
    return loss.attrs.sparse ? sparseTopKCategoricalAccuracy(5) : topKCategoricalAccuracy(5);
  throw new ThawError("compile", `metric "${metric}"`, "accuracy or top5Accuracy");
}
