/** A pretrained network with a new head. */
import { ThawError } from "../../errors";
import { Dense } from "../../nn/layers/dense";
import { Dropout } from "../../nn/layers/dropout";
import { GlobalAveragePooling2D, GlobalMaxPooling2D } from "../../nn/layers/global-pooling2d";
import type { Dataset } from "../../nn/trainer";
import { FunctionalModel, input, type Container } from "../../nn/model";
import { preprocess } from "../../nn/preprocess";
import type { SymbolicTensor } from "../../nn/symbolic";
import { classProbabilities } from "../few-labels/probabilities";
import { withoutHead } from "./cut-head";

export interface HeadOptions {
  /** Classes to tell apart: their names, or how many. At least two. */
  readonly classes: readonly string[] | number;
  /**
   * Share of the features that training drops before the last layer; default 0.2, as in Keras's transfer-learning guide: a head on few images
   * would learn them by heart. 0 leaves the layer out.
   */
  readonly dropout?: number;
  /**
   * Units of a dense layer with ReLU between features and classes; default 0, none: on good features a linear head needs the fewest images,
   * and a hidden layer pays where the new images differ much from those of the pretraining.
   */
  readonly hiddenUnits?: number;
  /** How a picture of features becomes a vector: default "average", which every network here was pretrained with or tolerates. */
  readonly pooling?: "average" | "max";
  /** Keeps the base up to this layer. Default: up to where its own head begins. */
  readonly lastLayer?: string;
  /**
   * Whether batch normalization of the base uses the statistics of the batch once it is thawed. Default false: it stays in inference
   * mode, because small batches of new images would spoil statistics from millions (Keras's guide says the same).
   */
  readonly trainBatchNormalization?: boolean;
  /** For the head's first weights; default 0. */
  readonly seed?: number;
  /** Default: the base's name with "_transfer". */
  readonly name?: string;
}

/** A network in two parts. The base's layers are those of the pretrained network: training changes it too. */
export interface TransferModel {
  /** The whole: pixels in, one logit a class out (no softmax: the loss applies it, which keeps gradients of confident mistakes). */
  readonly model: FunctionalModel;
  /** Its pretrained part. */
  readonly base: FunctionalModel;
  /** Layers of the head that have weights. */
  readonly head: readonly Dense[];
  readonly classNames: readonly string[];
  readonly trainsBatchNormalization: boolean;
}

/**
 * Replaces the head of a pretrained network and freezes the rest. Nothing is compiled yet, and no weight of the base is copied.
 *
 * Where the network says what it expects of its pixels (`base.preprocessing`), layers that do it come first: it takes pixels of 0 to 255.
 *
 * @throws for fewer than two classes, options out of range, and a network in which no head is found.
 * @example const { model, base } = buildTransferModel(await loadModel("mobilenet_v2.keras"), { classes: ["cat", "dog"] });
 */
export function buildTransferModel(pretrained: Container, options: HeadOptions): TransferModel {
  const { classes, dropout = 0.2, hiddenUnits = 0, pooling = "average", lastLayer, seed = 0 } = options;
  const { trainBatchNormalization = false, name = `${pretrained.name}_transfer` } = options;
  const who = "buildTransferModel";
  const classNames = typeof classes === "number" ? Array.from({ length: classes }, (_, i) => String(i)) : classes;
  if (!(classNames.length >= 2) || new Set(classNames).size < classNames.length)
    throw new ThawError(who, `classes ${JSON.stringify(classes)}`, "two or more that differ");
  if (!(dropout >= 0 && dropout < 1)) throw new ThawError(who, `dropout ${dropout}`, "a number from 0 to below 1");
  if (!Number.isInteger(hiddenUnits) || hiddenUnits < 0)
    throw new ThawError(who, `hiddenUnits ${hiddenUnits}`, "a whole number, 0 for none");

  const base = withoutHead(pretrained, lastLayer);
  base.trainable = false;
  const pixels = input(base.inputShape, { name: "pixels" });
  const ready = base.preprocessing ? preprocess(pixels, base.preprocessing) : pixels;
  const training = trainBatchNormalization ? {} : { training: false };
  let t: SymbolicTensor = base.apply(ready, training);
  if (t.shape.length === 3)
    t = new (pooling === "max" ? GlobalMaxPooling2D : GlobalAveragePooling2D)({ name: "pooled_features" }).apply(t);
  if (t.shape.length !== 1)
    throw new ThawError(who, `${base.name} ends in ${t.shape.length} dimensions`, "a picture or a vector of features");
  const head: Dense[] = [];
  if (hiddenUnits > 0) {
    head.push(new Dense({ name: "head_hidden", units: hiddenUnits, activation: "relu", seed: seed + 1 }));
    t = head[0].apply(t);
  }
  if (dropout > 0) t = new Dropout({ name: "head_dropout", rate: dropout }).apply(t);
  const last = new Dense({ name: "head", units: classNames.length, seed });
  const model = new FunctionalModel({ inputs: pixels, outputs: last.apply(t), name });
  return { model, base, head: [...head, last], classNames, trainsBatchNormalization: trainBatchNormalization };
}

/** What a classifier says of one sample. */
export interface Classified {
  readonly classId: number;
  readonly className: string;
  /** Of that class: the softmax of the logits. */
  readonly probability: number;
  /** By class id. */
  readonly probabilities: readonly number[];
}

/** The likeliest class of each sample. For a model that is compiled. */
export async function classify(
  { model, classNames }: Pick<TransferModel, "model" | "classNames">,
  x: Dataset["x"],
  options: { batchSize?: number } = {},
): Promise<Classified[]> {
  const { p, count, classes } = await classProbabilities("classify", model, x, options);
  return Array.from({ length: count }, (_, i) => {
    const probabilities = Array.from(p.subarray(i * classes, (i + 1) * classes));
    const probability = Math.max(...probabilities);
    const classId = probabilities.indexOf(probability);
    return { classId, className: classNames[classId], probability, probabilities };
  });
}
