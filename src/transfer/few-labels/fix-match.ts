/** FixMatch (Sohn et al. 2020): what a weak view of a sample is surely classified as, a strong view of it has to be classified as too. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { registerTransferOperations } from "../../kernels/registry-transfer";
import type { Batch, Objective, Preparation } from "../../nn/compile/trace";
import type { Optimizer } from "../../nn/compile/update";
import type { Container } from "../../nn/model";
import { sparseCategoricalCrossentropy, sparseTopKCategoricalAccuracy } from "../../nn/objectives";
import { sgd } from "../../nn/optimizers";
import type { Dataset, FitOptions, History } from "../../nn/trainer";
import { sampleCount } from "../data/labelled";
import { concatenate } from "../data/select";
import { mixedBatches, padded } from "./orders";
import { classesOfModel, givesLogits } from "./probabilities";
import { augmentation, strongAugmentation, weakAugmentation } from "../augmentation";
import { checkSamples } from "./samples";
import { augmented, rowsOf, stacked } from "./views";

export interface FixMatchOptions extends Pick<
  FitOptions,
  "epochs" | "validationData" | "validationBatchSize" | "seed" | "callbacks" | "signal"
> {
  readonly gpu: Gpu;
  /** What both parts of a step are seen through. Default `augmentation(weakAugmentation())`: flips and small shifts; null: nothing. */
  readonly weak?: Preparation | null;
  /** What the model must not be led astray by. Default `augmentation(strongAugmentation())`: rotations, shifts, colours, a box cut out. */
  readonly strong?: Preparation;
  /** Labelled samples a step. Default 16: with few labels, larger batches only hold them more often. (The paper has 64.) */
  readonly batchSize?: number;
  /** Unlabelled samples a step for each labelled one. Default 7, as in the paper (table 4). */
  readonly mu?: number;
  /** Probability that the weak view's class needs to count as a label. Default 0.95, as in the paper (table 4, figure 3a). */
  readonly threshold?: number;
  /** Weight of the unlabelled part. Default 1, as in the paper; it needs no warm-up, as hardly any sample is above the threshold at first. */
  readonly lambda?: number;
  /** Default: the one that the model was compiled with, else `sgd(0.03, { momentum: 0.9, nesterov: true })` of the paper. */
  readonly optimizer?: string | Optimizer;
  /** Whether the model gives logits. Default: what its loss says, or without one whether it ends in a softmax. */
  readonly fromLogits?: boolean;
}

const who = "fixMatch";

/**
 * Trains a classifier on labelled and unlabelled samples together. A step takes `batchSize` labelled samples B and `mu * batchSize`
 * unlabelled ones U, and descends
 *
 *     mean over B of CE(label, weak view) + lambda * mean over U of [p >= threshold] CE(likeliest class of the weak view, strong view)
 *
 * where p is the probability of that class; no gradient goes through the weak views of U. All views go through the model as one batch, so
 * batch normalization that trains sees labelled, weak and strong views together, as in the paper's program; frozen, it is in inference mode.
 *
 * The history has `loss` (the whole), `accuracy` (of labelled samples) and `confident` (share of unlabelled samples above the threshold), and with
 * `validationData` the plain cross-entropy `valLoss`, `valAccuracy` and `valConfident`. An epoch has as many steps as it takes to draw as
 * many samples as there are, labelled and unlabelled: about once each unlabelled one.
 *
 * The model is compiled for it (`gpu`, optimizer, cross-entropy, accuracy) and stays so. The paper evaluates an average of the weights: train with
 * `useEma: true` in the optimizer and call `useAveragedWeights(model)` afterwards.
 *
 * @param labelled with class ids
 * @param unlabelled whose labels, if any, are not read
 * @throws for labels of one class only, samples of other shapes, none at all, sample weights, augmentations that change labels, and models
 *   with one output.
 */
export async function fixMatch(
  model: Container,
  labelled: Dataset,
  unlabelled: Dataset,
  options: FixMatchOptions,
): Promise<History> {
  const { gpu, batchSize = 16, mu = 7, threshold = 0.95, lambda = 1, seed = 0 } = options;
  const {
    epochs = 1,
    fromLogits = givesLogits(model),
    optimizer = model.compiledWith?.optimizer ?? paperOptimizer(),
  } = options;
  const counts = { labelled: checkLabelled(model, labelled), unlabelled: checkSamples(who, model, unlabelled) };
  for (const [name, value] of Object.entries({ batchSize, mu }))
    if (!Number.isInteger(value) || value < 1) throw new ThawError(who, `${name} ${value}`, "a whole number above 0");
  registerTransferOperations();
  const report = (kind: "accuracy" | "confident", rows?: number): Objective => ({
    name: kind,
    op: "fixMatchReport",
    attrs: { kind, fromLogits, threshold, ...(rows !== undefined && { labelled: rows }) },
    labelShape: oneARow,
  });
  const loss: Objective = {
    name: who,
    op: "fixMatch",
    attrs: { labelled: batchSize, fromLogits, threshold, lambda },
    labelShape: oneARow,
  };
  const preparation = views(batchSize, options, {
    loss,
    metrics: [report("accuracy", batchSize), report("confident", batchSize)],
  });
  await model.compile({
    gpu,
    optimizer,
    loss: sparseCategoricalCrossentropy({ fromLogits }),
    metrics: [{ ...sparseTopKCategoricalAccuracy(1), name: "accuracy" }, report("confident")],
  });
  const step = batchSize * (1 + mu);
  const data = padded(together(labelled, unlabelled, counts.unlabelled), step);
  const steps = sampleCount(data) / step;
  return await model.fit(data, {
    ...passedOn(options),
    epochs,
    seed,
    batchSize: step,
    validationBatchSize: options.validationBatchSize ?? 32,
    shuffle: mixedBatches({ ...counts, batchSize, mu, steps, seed }),
    preparation,
    cacheFeatures: false,
  });
}

const paperOptimizer = () => sgd(0.03, { momentum: 0.9, nesterov: true });
const oneARow = ([rows]: readonly number[]) => [rows];

function passedOn({ validationData, callbacks, signal }: FixMatchOptions): FitOptions {
  return { ...(validationData && { validationData }), ...(callbacks && { callbacks }), ...(signal && { signal }) };
}

function checkLabelled(model: Container, data: Dataset): number {
  if (model.outputs[0].shape.at(-1) === 1)
    throw new ThawError(who, `${model.name} has one output`, "one a class", "Give it two units and a softmax.");
  classesOfModel(who, model);
  const count = checkSamples(who, model, data, "labelled");
  const ids = new Set(data.y ?? []);
  if (data.y?.length !== count)
    throw new ThawError(who, `${data.y?.length ?? 0} labels for ${count} samples`, "class ids");
  if (ids.size === 1)
    throw new ThawError(who, `all labelled samples are of class ${[...ids][0]}`, "samples of two classes or more");
  if (data.weights)
    throw new ThawError(who, "the labelled samples have weights", "samples that count the same", "Leave them out.");
  return count;
}

/** Labelled ones first. Unlabelled ones get the id 0, which nothing reads. */
function together(labelled: Dataset, unlabelled: Dataset, count: number): Dataset {
  const { shape } = labelled;
  return concatenate<Dataset>(
    { x: labelled.x, y: Float32Array.from(labelled.y!), shape },
    { x: unlabelled.x, y: new Float32Array(count), shape },
  );
}

/** Rows of a step: labelled samples, weak views, strong views of the same samples in the same order. */
function views(
  labelled: number,
  {
    weak = augmentation(weakAugmentation()),
    strong = augmentation(strongAugmentation()),
  }: Pick<FixMatchOptions, "weak" | "strong">,
  objectives: Pick<Batch, "loss" | "metrics">,
): Preparation {
  const key = JSON.stringify([who, labelled, weak?.key, strong.key, objectives]);
  return {
    key,
    apply: (g, batch) =>
      g.within("views", () => {
        const samples = batch.x.shape[0];
        const seen = weak ? augmented(who, g, weak, batch, batch.x) : batch.x;
        const strongly = augmented(who, g, strong, batch, rowsOf(g, batch.x, labelled, samples));
        const x = stacked(g, seen, strongly);
        const unread = g.constant("unread", [x.shape[0] - labelled], new Float32Array(x.shape[0] - labelled));
        const labels = stacked(g, rowsOf(g, batch.labels, 0, labelled), unread);
        return { ...batch, x, labels, ...objectives };
      }),
  };
}
