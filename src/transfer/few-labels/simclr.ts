/** SimCLR (Chen et al. 2020): features of two views of one image shall be alike, and unlike those of all other images of the batch. */
import { ThawError } from "../../errors";
import type { Preparation } from "../../nn/compile/trace";
import { Dense } from "../../nn/layers/dense";
import type { Container } from "../../nn/model";
import type { Dataset } from "../../nn/trainer";
import { fullBatches, padded } from "./orders";
import { augmentation, simclrAugmentation } from "../augmentation";
import { checkBackbone, pretrain, type Pretraining, type PretrainingOptions } from "./pretraining";
import { checkSamples } from "./samples";
import { augmented, stacked } from "./views";

export interface SimClrOptions extends PretrainingOptions {
  /**
   * What the views are made by. Default `augmentation(simclrAugmentation({ size }))` for the size of the images: crops with resizing and colours, which
   * matter most, by far the most together (figure 5).
   */
  readonly augmentation?: Preparation;
  /**
   * Cosine similarities are divided by it. Default 0.5, the paper's for CIFAR-10 (appendix B.9): small images, small batches, short trainings. Lower ones
   * weigh the hardest negatives more; the paper's for ImageNet with long trainings is 0.1 (table 5).
   */
  readonly temperature?: number;
  /** Units of the projection head. Default [features of the backbone, 128], as in the paper (section 4.2: 128 or 2048 made no difference). */
  readonly projection?: readonly [hidden: number, out: number];
  /** Images a step; each view has `2 * batchSize - 2` negatives. Default 128, or all where there are fewer: the more, the better (figure 9). */
  readonly batchSize?: number;
  /** Default 100, the least of the paper's: contrastive learning gains from long training. */
  readonly epochs?: number;
}

export interface SimClr extends Pretraining {
  /** Negatives that each view was told apart from. */
  readonly negatives: number;
}

/** Images a step below which a warning is given. */
const fewImages = 64;

const who = "pretrainSimCLR";

/**
 * Pretrains a network on images without labels. A step shows each of its images in two random views; a head of two layers projects
 * the backbone's features, and NT-Xent asks that a view's nearest be the other view of the same image. The head is thrown away afterwards:
 * the layer before it is the better one to go on from (section 4.2).
 *
 * The backbone, a model whose output is one vector a sample (after global pooling), has the weights and moving statistics then, and the
 * ordinary recipe goes on with it. Its `trainable` flags are followed. Batch normalization that trains uses the statistics of both views together, as
 * in the paper. The history has `loss` and `contrastiveAccuracy`: how often the other view is the nearest of all in the batch.
 *
 * Another compiled model that shares the backbone's layers has its own copy on the GPU; its `writeWeights()` brings it up to date.
 *
 * Batches are full: an epoch's last one is filled up with images that came before.
 *
 * @param unlabelled labels, if any, are not read
 * @throws for a backbone with another output, fewer images than a batch, images of another shape, and augmentations that change labels. The backbone is
 *   as before then.
 */
export async function pretrainSimCLR(
  backbone: Container,
  unlabelled: Dataset,
  options: SimClrOptions,
): Promise<SimClr> {
  const size = Math.min(unlabelled.shape[0], unlabelled.shape[1] ?? 1);
  const {
    augmentation: changes = augmentation(simclrAugmentation({ size })),
    temperature = 0.5,
    epochs = 100,
    seed = 0,
  } = options;
  const width = checkBackbone(who, backbone);
  const count = checkSamples(who, backbone, unlabelled);
  const { batchSize = Math.min(128, count) } = options;
  const [hidden, out] = options.projection ?? [width, 128];
  if (!Number.isInteger(batchSize) || batchSize < 2 || batchSize > count)
    throw new ThawError(
      who,
      `batchSize ${batchSize} with ${count} images`,
      `a whole number from 2 to ${count}`,
      "An image needs others to be told apart from.",
    );
  const oneARow = ([rows]: readonly number[]) => [rows];
  const views: Preparation = {
    key: `${who} ${changes.key}`,
    apply: (g, batch) =>
      g.within("views", () => {
        const x = augmented(who, g, changes, batch, stacked(g, batch.x, batch.x));
        // Which rows belong together is their place.
        return { ...batch, x, labels: g.constant("unread", [x.shape[0]], new Float32Array(x.shape[0])) };
      }),
  };
  const data = padded({ x: unlabelled.x, shape: unlabelled.shape }, batchSize);
  const history = await pretrain(
    backbone,
    {
      name: "simclr",
      head: [
        new Dense({ units: hidden, activation: "relu", name: "projection_hidden", seed: 2 * seed + 1 }),
        new Dense({ units: out, name: "projection", seed: 2 * seed + 2 }),
      ],
      loss: { name: "ntXent", op: "ntXent", attrs: { temperature }, labelShape: oneARow },
      metrics: [{ name: "contrastiveAccuracy", op: "contrastiveAccuracy", attrs: {}, labelShape: oneARow }],
      views,
      data: { ...data, y: new Uint8Array(Math.ceil(count / batchSize) * batchSize) },
      fit: { batchSize, shuffle: fullBatches(count, batchSize, seed) },
    },
    { ...options, epochs },
  );
  const negatives = 2 * batchSize - 2;
  const warnings =
    batchSize < fewImages
      ? [
          `${who}: a batch of ${batchSize} images gives each view ${negatives} negatives (2 * ${batchSize} - 2); the paper's smallest has 510. ` +
            `Features get better with more: ${fewImages} images give ${2 * fewImages - 2}.`,
        ]
      : [];
  return { history, warnings, negatives };
}
