/** How a model was compiled, in Keras's words: optimizer, loss, metrics. */
import { ThawError } from "../../../errors";
import type { Objective } from "../../../nn/compile/trace";
import type { Optimizer } from "../../../nn/compile/update";
import type { TrainedWith } from "../../saved-file";

type Json = Readonly<Record<string, unknown>>;

const serialised = (module: string, className: string, config: Json): Json => ({
  module,
  class_name: className,
  config,
  registered_name: null,
});

/**
 * The rate as it is now. A schedule is a function, which no file can hold: it is written as the rate of the next step, and whoever goes on
 * has to give the schedule again.
 */
export function presentRate({ compiled: { optimizer }, state }: TrainedWith): number {
  const { learningRate } = optimizer;
  return typeof learningRate === "number" ? learningRate : learningRate(state.iteration + 1);
}

const optimizerClasses: Readonly<Record<string, (attrs: Json) => { className: string; config: Json }>> = {
  sgd: ({ momentum, nesterov }) => ({ className: "SGD", config: { momentum, nesterov } }),
  rmsprop: ({ rho, momentum, epsilon, centered }) => ({
    className: "RMSprop",
    config: { rho, momentum, epsilon, centered },
  }),
  adam: ({ beta1, beta2, epsilon, weightDecay, amsgrad = false }) => ({
    className: Number(weightDecay) > 0 ? "AdamW" : "Adam",
    config: { beta_1: beta1, beta_2: beta2, epsilon, amsgrad },
  }),
};

export function optimizerConfig(who: string, trained: TrainedWith): Json {
  const { op, attrs, options } = trained.compiled.optimizer;
  const { clipnorm, gradientAccumulationSteps: steps = 1, useEma = false, ...further } = options ?? {};
  const { emaMomentum = 0.99, emaOverwriteFrequency = null, ...unsaved } = further;
  if (Object.keys(unsaved).length > 0)
    throw new ThawError(
      who,
      `the optimizer has ${Object.keys(unsaved).join(", ")}, which no configuration of Keras's has a place for`,
      "an optimizer without",
      "Compile with one before saving, and give these options again where training goes on.",
    );
  const make = Object.hasOwn(optimizerClasses, op) ? optimizerClasses[op] : undefined;
  if (!make)
    throw new ThawError(who, `the optimizer ${op} has no name in Keras`, Object.keys(optimizerClasses).join(", "));
  const { className, config } = make(attrs);
  const { weightDecay, clipNorm, clipValue } = attrs as { weightDecay?: number; clipNorm?: number; clipValue?: number };
  return serialised("keras.optimizers", className, {
    name: optimizerName(trained.compiled.optimizer),
    learning_rate: presentRate(trained),
    weight_decay: weightDecay ? weightDecay : null,
    clipnorm: clipnorm ? clipnorm : null,
    global_clipnorm: clipNorm ?? null,
    clipvalue: clipValue ?? null,
    use_ema: useEma,
    ema_momentum: emaMomentum,
    ema_overwrite_frequency: emaOverwriteFrequency,
    gradient_accumulation_steps: steps > 1 ? steps : null,
    ...config,
  });
}

/** As Keras names its optimizers where nobody else does. */
export const optimizerName = ({ op, attrs }: Optimizer): string =>
  op === "rmsprop" ? "rm_sprop" : op === "adam" && Number(attrs.weightDecay) > 0 ? "adam_w" : op;

const reduction = "sum_over_batch_size";

const lossClasses: Readonly<Record<string, (attrs: Json) => { className: string; config: Json }>> = {
  categoricalCrossEntropy: ({ sparse, fromLogits, labelSmoothing }) =>
    sparse === true
      ? {
          className: "SparseCategoricalCrossentropy",
          config: { name: "sparse_categorical_crossentropy", reduction, from_logits: fromLogits },
        }
      : {
          className: "CategoricalCrossentropy",
          config: {
            name: "categorical_crossentropy",
            reduction,
            from_logits: fromLogits,
            label_smoothing: labelSmoothing,
          },
        },
  binaryCrossEntropy: ({ fromLogits, labelSmoothing }) => ({
    className: "BinaryCrossentropy",
    config: { name: "binary_crossentropy", reduction, from_logits: fromLogits, label_smoothing: labelSmoothing },
  }),
  meanSquaredError: () => ({ className: "MeanSquaredError", config: { name: "mean_squared_error", reduction } }),
};

function lossConfig(who: string, loss: Objective): Json {
  const make = Object.hasOwn(lossClasses, loss.op) ? lossClasses[loss.op] : undefined;
  if (!make)
    throw new ThawError(
      who,
      `the loss ${loss.name} has no name in Keras`,
      "one of the losses that compile() knows by name",
    );
  const { className, config } = make(loss.attrs);
  return serialised("keras.losses", className, config);
}

/** Metrics keep the names that they have in histories. */
function metricConfig(who: string, { name, op, attrs }: Objective): Json {
  const { kind, k, threshold } = attrs as { kind?: string; k?: number; threshold?: number };
  const config = { name, dtype: "float32" };
  if (op === "accuracy" && kind === "binary")
    return serialised("keras.metrics", "BinaryAccuracy", { ...config, threshold });
  if (op === "accuracy") {
    const sparse = kind === "sparse" ? "Sparse" : "";
    if (k === 1) return serialised("keras.metrics", `${sparse}CategoricalAccuracy`, config);
    return serialised("keras.metrics", `${sparse}TopKCategoricalAccuracy`, { ...config, k });
  }
  if (Object.hasOwn(lossClasses, op)) {
    const { className, config: options } = lossClasses[op](attrs);
    const { reduction: _, ...rest } = options;
    return serialised("keras.metrics", className, { ...rest, ...config });
  }
  throw new ThawError(who, `the metric ${name} has no name in Keras`, "one of those that compile() knows by name");
}

/**
 * `compile_config` of `.keras`, and with the optimizer elsewhere `training_config` of `.h5`. Metrics that count over a pass are left out: Keras's read
 * labels of another form, or are not there.
 */
export function compileConfig(who: string, { compiled: { loss, metrics: all } }: TrainedWith): Json {
  const metrics = all.filter((metric) => !metric.accumulator);
  return {
    loss: loss ? lossConfig(who, loss) : null,
    loss_weights: null,
    metrics: metrics.length > 0 ? metrics.map((metric) => metricConfig(who, metric)) : null,
    weighted_metrics: null,
    run_eagerly: false,
    steps_per_execution: 1,
    jit_compile: false,
  };
}
