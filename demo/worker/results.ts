/** What a trained network does well and badly, and where it looks. */
import type { Gpu } from "../../src/index";
import {
  activationSprite,
  activations,
  blocksOf,
  classify,
  datasetFromImages,
  evaluateDetailed,
  gradCam,
  overlay,
  weightChange,
  type LabelledDataset,
  type RgbaImage,
  type TransferModel,
  type WeightSnapshot,
} from "../../src/transfer/index";
import { pictureOf } from "./parts";
import type { FeatureMaps, Mistake, Picture, Prediction, Results } from "./protocol";

const mistakesShown = 12;
const batch = 50;

export async function resultsOf(
  transfer: TransferModel,
  validation: LabelledDataset,
  start: WeightSnapshot,
): Promise<Results> {
  const { model, classNames } = transfer;
  const batchSize = Math.min(batch, validation.y.length);
  const { accuracy, loss, count, confusionMatrix } = await evaluateDetailed(model, validation, { batchSize });
  const answers = await classify(transfer, validation.x, { batchSize });
  const mistakes = answers
    .map((answer, index) => ({ ...answer, index, truth: validation.y[index] }))
    .filter(({ classId, truth }) => classId !== truth)
    .toSorted((a, b) => b.probability - a.probability)
    .slice(0, mistakesShown)
    .map(({ index, truth, className, probability }): Mistake => ({
      ...pictureOf(validation, index, 96),
      truth: classNames[truth],
      taken: className,
      probability,
    }));
  const moved = (await weightChange(model, start)).map(({ layer, relative }) => ({ layer, change: relative }));
  return { classNames, count, accuracy, loss, confusionMatrix, mistakes, moved };
}

/** One image, whatever its size, and what speaks for its likeliest class. */
export async function predictOne(gpu: Gpu, transfer: TransferModel, image: Blob): Promise<Prediction> {
  const { model, base, classNames } = transfer;
  const [height, width] = base.inputShape;
  const { x, shape, skipped } = await datasetFromImages(gpu, [image], { size: [height, width] });
  if (skipped.length > 0) throw new Error(skipped[0].reason);
  const [answer] = await classify(transfer, x, { batchSize: 1 });
  const cam = await gradCam(model, x, { gpu, classId: answer.classId, batchSize: 1 });
  return {
    classes: classNames
      .map((name, id) => ({ name, probability: answer.probabilities[id] }))
      .toSorted((a, b) => b.probability - a.probability),
    image: pictureOf({ x, shape }, 0),
    evidence: plain(overlay(cam, 0, x)),
    layer: cam.layer,
    maps: await mapsOf(gpu, transfer, x),
  };
}

/** Channels of a layer that are shown. */
const mostChannels = 24;

/** What the last layer of each block gives for one image, where that has height and width. */
async function mapsOf(gpu: Gpu, { model, base }: TransferModel, x: LabelledDataset["x"]): Promise<FeatureMaps[]> {
  const names = blocksOf(base).flatMap(({ layers }) => {
    const last = layers.findLast(({ className }) => !/^(Global|Flatten|Reshape|Dropout|Dense|Input)/.test(className));
    return last ? [last.name] : [];
  });
  if (names.length === 0) return [];
  const given = await activations(model, names, x, { gpu, batchSize: 1 });
  return given
    .filter(({ shape }) => shape.length === 4 && shape[1] > 1)
    .map((one) => {
      const channels = one.shape[3];
      const shown = Math.min(mostChannels, channels);
      const picked = Array.from({ length: shown }, (_, i) => i);
      return {
        layer: one.layer,
        shown,
        channels,
        ...plain(activationSprite(one, 0, { channels: picked, columns: Math.min(8, shown), gap: 1 })),
      };
    });
}

const plain = ({ data, width, height }: RgbaImage): Picture => ({ width, height, rgba: new Uint8ClampedArray(data) });
