/** Rotation prediction (Gidaris et al. 2018): who can tell how an image was turned has seen what is in it. */
import { formatShape, ThawError } from "../../errors";
import type { Preparation } from "../../nn/compile/trace";
import { Dense } from "../../nn/layers/dense";
import type { Container } from "../../nn/model";
import { sparseCategoricalCrossentropy, sparseTopKCategoricalAccuracy } from "../../nn/objectives";
import type { Dataset } from "../../nn/trainer";
import { checkBackbone, pretrain, type Pretraining, type PretrainingOptions } from "./pretraining";
import { checkSamples } from "./samples";
import { augmented } from "./views";

export interface RotationOptions extends PretrainingOptions {
  /** What is done to the images before they are turned. Default: nothing. */
  readonly augmentation?: Preparation;
  /** Images a step, each in all four rotations (section 3.2 of the paper: better than in one at random). Default 32. */
  readonly batchSize?: number;
  /** Default 30: the task is learned sooner than a contrastive one. */
  readonly epochs?: number;
}

const who = "pretrainRotation";

/**
 * Pretrains a network on images without labels: a dense layer on the backbone's features tells by how many quarters of a circle an image
 * was turned, 0 to 3, counter-clockwise. Pixels are moved and not computed, so that nothing but the content gives the rotation away. The
 * dense layer is thrown away afterwards.
 *
 * The backbone, a model whose output is one vector a sample (after global pooling), has the weights and moving statistics then, and the
 * ordinary recipe goes on with it. Its `trainable` flags are followed. The history has `loss` and `accuracy` (a quarter is chance). It teaches nothing
 * where images have no up and down, such as cells or satellite images.
 *
 * Another compiled model that shares the backbone's layers has its own copy on the GPU; its `writeWeights()` brings it up to date.
 *
 * @param unlabelled square images; labels, if any, are not read
 * @throws for a backbone with another output, images that are not square or of another shape, and augmentations that change labels. The backbone is as
 *   before then.
 */
export async function pretrainRotation(
  backbone: Container,
  unlabelled: Dataset,
  options: RotationOptions,
): Promise<Pretraining> {
  const { augmentation, batchSize = 32, epochs = 30, seed = 0 } = options;
  checkBackbone(who, backbone);
  const { shape } = unlabelled;
  if (shape.length !== 3 || shape[0] !== shape[1])
    throw new ThawError(
      who,
      `images of shape ${formatShape(shape)}`,
      "[size, size, channels], as high as they are wide",
      "Crop or resize the images to squares, and build the backbone for them.",
    );
  const count = checkSamples(who, backbone, unlabelled);
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ThawError(who, `batchSize ${batchSize}`, "a whole number above 0");
  const views: Preparation = {
    key: `${who} ${augmentation?.key ?? ""}`,
    apply: (g, batch) =>
      g.within("views", () => {
        const seen = augmentation ? augmented(who, g, augmentation, batch, batch.x) : batch.x;
        const x = g.apply("rotations", {}, { x: seen });
        const turns = Array.from({ length: x.shape[0] }, (_, row) => row % 4);
        return { ...batch, x, labels: g.constant("turns", [x.shape[0]], turns) };
      }),
  };
  const history = await pretrain(
    backbone,
    {
      name: "rotation",
      head: [new Dense({ units: 4, name: "turns", seed: seed + 1 })],
      loss: sparseCategoricalCrossentropy({ fromLogits: true }),
      metrics: [{ ...sparseTopKCategoricalAccuracy(1), name: "accuracy" }],
      views,
      data: { x: unlabelled.x, y: new Uint8Array(count), shape },
      fit: { batchSize: Math.min(batchSize, count) },
    },
    { ...options, epochs },
  );
  return { history, warnings: [] };
}
