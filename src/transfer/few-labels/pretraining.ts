/** What self-supervised trainings have in common: a network without head, a small head for the task, views of unlabelled samples. */
import { formatShape, ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { registerTransferOperations } from "../../kernels/registry-transfer";
import type { Objective, Preparation } from "../../nn/compile/trace";
import type { Optimizer } from "../../nn/compile/update";
import type { Layer } from "../../nn/layer";
import type { Container } from "../../nn/model";
import { adam } from "../../nn/optimizers";
import { Sequential } from "../../nn/sequential";
import type { Dataset, FitOptions, History } from "../../nn/trainer";

export interface PretrainingOptions extends Pick<FitOptions, "epochs" | "callbacks" | "signal"> {
  readonly gpu: Gpu;
  /** Default `adam(1e-3)`, which needs no warm-up. */
  readonly optimizer?: string | Optimizer;
  /** Of the order, the views, and the first weights of the head. Default 0; the same seed gives the same bits. */
  readonly seed?: number;
}

/** What a pretraining tells. The weights are in the backbone. */
export interface Pretraining {
  readonly history: History;
  /** What is known to hurt, with numbers. */
  readonly warnings: readonly string[];
}

export interface PretrainingTask {
  readonly name: string;
  /** What stands on the backbone while it is pretrained. */
  readonly head: readonly Layer[];
  readonly loss: Objective;
  readonly metrics: readonly Objective[];
  readonly views: Preparation;
  /** Samples with the label values that the loss asks for. */
  readonly data: Dataset;
  readonly fit: FitOptions;
}

/**
 * Features that a backbone gives for a sample.
 *
 * @throws where it gives more than one vector, or none of its weights can be trained.
 */
export function checkBackbone(who: string, backbone: Container): number {
  const shapes = backbone.outputs.map((o) => o.shape);
  if (shapes.length !== 1 || shapes[0].length !== 1)
    throw new ThawError(
      who,
      `${backbone.name} gives ${shapes.map(formatShape).join(" and ")}`,
      "one vector of features a sample",
      "Put a GlobalAveragePooling2D on it, and leave its head out.",
    );
  if (backbone.trainableParameters.length === 0)
    throw new ThawError(
      who,
      `every layer of ${backbone.name} is frozen`,
      "at least one trainable layer with weights",
      "Set trainable on a layer.",
    );
  return shapes[0][0];
}

/** Trains backbone and head together; then only the backbone, its moving statistics included, has what was learned. */
export async function pretrain(
  backbone: Container,
  task: PretrainingTask,
  { gpu, optimizer = adam(1e-3), epochs = 1, seed = 0, callbacks, signal }: PretrainingOptions,
): Promise<History> {
  registerTransferOperations();
  // A compiled model's newest weights are on its GPU.
  await backbone.readWeights();
  const model = new Sequential([backbone, ...task.head], { name: task.name, seed: 0 });
  try {
    await model.compile({ gpu, optimizer, loss: task.loss, metrics: task.metrics });
    const history = await model.fit(task.data, {
      epochs,
      seed,
      preparation: task.views,
      cacheFeatures: false,
      ...(callbacks && { callbacks }),
      ...(signal && { signal }),
      ...task.fit,
    });
    await model.readWeights();
    return history;
  } finally {
    model.dispose();
    backbone.assignPaths(); // which the task's model had put its name before
    backbone.writeWeights();
  }
}
