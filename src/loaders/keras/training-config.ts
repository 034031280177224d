/** Keras's optimizers, losses and metrics as Thaw's. */
import { ThawError } from "../../errors";
import type { Objective } from "../../nn/compile/trace";
import type { Optimizer } from "../../nn/compile/update";
import {
  binaryAccuracy,
  binaryCrossentropy,
  categoricalCrossentropy,
  meanSquaredError,
  parseMetric,
  sparseCategoricalCrossentropy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from "../../nn/objectives";
import { adam, adamW, rmsprop, sgd } from "../../nn/optimizers";
import { isObject, shown, type Json } from "../json";

/** Options that would change what a step does and that Thaw has not, with the values that do nothing. */
const idle: Readonly<Record<string, readonly unknown[]>> = {
  loss_scale_factor: [null],
};

const types: Readonly<Record<string, "number" | "boolean">> = {
  momentum: "number",
  rho: "number",
  epsilon: "number",
  beta_1: "number",
  beta_2: "number",
  weight_decay: "number",
  clipnorm: "number",
  global_clipnorm: "number",
  gradient_accumulation_steps: "number",
  ema_momentum: "number",
  ema_overwrite_frequency: "number",
  clipvalue: "number",
  nesterov: "boolean",
  centered: "boolean",
  amsgrad: "boolean",
  use_ema: "boolean",
};

const numberOr = (value: unknown) => (typeof value === "number" ? value : undefined);

/** @throws for another class, an option that Thaw has not, and a schedule. */
export function readOptimizer(file: string, value: unknown): Optimizer {
  const who = `${file}: optimizer`;
  if (!isObject(value) || typeof value.class_name !== "string" || !isObject(value.config))
    throw new ThawError(who, `is ${shown(value)}`, "an object with class_name and config");
  const { config, class_name: className } = value;
  const wrong = Object.entries(idle).find(([key, values]) => !values.includes(config[key] ?? values[0]));
  if (wrong) throw new ThawError(who, `has ${wrong[0]} = ${shown(config[wrong[0]])}`, shown(wrong[1][0]));
  const rate = config.learning_rate;
  if (typeof rate !== "number")
    throw new ThawError(
      who,
      `has the learning rate ${shown(rate)}`,
      "a number",
      "Compile with an optimizer and schedule of your own.",
    );
  for (const [key, type] of Object.entries(types)) {
    const given = config[key] ?? null;
    if (given !== null && typeof given !== type) throw new ThawError(who, `has ${key} = ${shown(given)}`, `a ${type}`);
  }
  const given = (keys: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(keys).flatMap(([own, key]) => ((config[key] ?? null) === null ? [] : [[own, config[key]]])),
    );
  const steps = numberOr(config.gradient_accumulation_steps) ?? 1;
  const average = { emaMomentum: "ema_momentum", emaOverwriteFrequency: "ema_overwrite_frequency" };
  const common = {
    weightDecay: numberOr(config.weight_decay) ?? 0,
    globalClipnorm: numberOr(config.global_clipnorm) ?? 0,
    clipvalue: numberOr(config.clipvalue) ?? 0,
    ...given({ clipnorm: "clipnorm" }),
    ...(steps > 1 && { gradientAccumulationSteps: steps }),
    ...(config.use_ema === true && { useEma: true, ...given(average) }),
  };
  const moments = given({ beta1: "beta_1", beta2: "beta_2", epsilon: "epsilon", amsgrad: "amsgrad" });
  switch (className) {
    case "SGD":
      return sgd(rate, { ...given({ momentum: "momentum", nesterov: "nesterov" }), ...common });
    case "RMSprop":
    case "RMSProp": {
      const own = { rho: "rho", momentum: "momentum", epsilon: "epsilon", centered: "centered" };
      return rmsprop(rate, { ...given(own), ...common });
    }
    case "Adam":
      return adam(rate, { ...moments, ...common });
    case "AdamW":
      return adamW(rate, { ...moments, ...common });
    default:
      throw new ThawError(who, `is ${className}`, "SGD, RMSprop, Adam or AdamW");
  }
}

/** "sparse_categorical_crossentropy" and SparseCategoricalCrossentropy, a function or an object. */
function nameOf(value: unknown): { name: string; config: Json } | undefined {
  if (typeof value === "string") return { name: value, config: {} };
  if (!isObject(value) || typeof value.class_name !== "string") return undefined;
  if (typeof value.config === "string") return { name: value.config, config: {} };
  const name = value.class_name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
  return { name, config: isObject(value.config) ? value.config : {} };
}

function lossOf(value: unknown): Objective | undefined {
  const found = nameOf(value);
  if (!found) return undefined;
  const { name, config } = found;
  const options = { fromLogits: config.from_logits === true, labelSmoothing: numberOr(config.label_smoothing) ?? 0 };
  switch (name) {
    case "sparse_categorical_crossentropy":
      return (config.ignore_class ?? null) === null ? sparseCategoricalCrossentropy(options) : undefined;
    case "categorical_crossentropy":
      return categoricalCrossentropy(options);
    case "binary_crossentropy":
      return binaryCrossentropy(options);
    case "mse":
    case "mean_squared_error":
      return meanSquaredError();
    default:
      return undefined;
  }
}

/** One loss, for the model's output. */
export function readLoss(file: string, value: unknown, weights: unknown): Objective | undefined {
  if ((value ?? null) === null) return undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const loss = list.length === 1 ? lossOf(list[0]) : undefined;
  const reduction = isObject(list[0]) && isObject(list[0].config) ? (list[0].config.reduction ?? null) : null;
  const mean = [null, "auto", "mean", "sum_over_batch_size"].includes(reduction as string | null);
  if (loss && mean && (weights ?? null) === null) return loss;
  throw new ThawError(
    `${file}: loss`,
    `is ${shown(value)}${(weights ?? null) === null ? "" : " with weights"}`,
    "one of the cross-entropies or the mean squared error, as a mean over the batch",
    "Compile with a loss of your own.",
  );
}

/** Thaw has three metrics at most; others, and those that it does not know, are named in `leftOut`. */
export function readMetrics(value: unknown, loss: Objective | undefined, leftOut: string[]): Objective[] {
  const list = (Array.isArray(value) ? (value as unknown[]) : [value]).flat(2).filter((v) => (v ?? null) !== null);
  const result: Objective[] = [];
  for (const metric of list) {
    const found = loss && result.length < 3 ? metricOf(metric, loss) : undefined;
    if (found) result.push(found);
    else leftOut.push(`the metric ${nameOf(metric)?.name ?? shown(metric)}`);
  }
  return result;
}

function metricOf(value: unknown, loss: Objective): Objective | undefined {
  const found = nameOf(value);
  if (!found) return undefined;
  const { name, config } = found;
  const named = (objective: Objective) =>
    typeof config.name === "string" ? { ...objective, name: config.name } : objective;
  const asAccuracy = (objective: Objective) => named({ ...objective, name: "accuracy" });
  const k = numberOr(config.k) ?? 5;
  switch (name) {
    case "acc":
    case "accuracy":
      return loss.op === "meanSquaredError" ? undefined : parseMetric("accuracy", loss);
    case "sparse_categorical_accuracy":
      return asAccuracy(sparseTopKCategoricalAccuracy(1));
    case "categorical_accuracy":
      return asAccuracy(topKCategoricalAccuracy(1));
    case "binary_accuracy":
      return named(binaryAccuracy(numberOr(config.threshold) ?? 0.5));
    case "sparse_top_kcategorical_accuracy":
    case "sparse_top_k_categorical_accuracy":
      return named(sparseTopKCategoricalAccuracy(k));
    case "top_kcategorical_accuracy":
    case "top_k_categorical_accuracy":
      return named(topKCategoricalAccuracy(k));
    default: {
      const asLoss = lossOf(value);
      return asLoss && named(asLoss);
    }
  }
}
