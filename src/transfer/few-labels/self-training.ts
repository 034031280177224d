/** Training on labels that the model itself gave: label, train on, label again. */
import { ThawError } from "../../errors";
import type { Container } from "../../nn/model";
import type { Dataset, FitOptions, History, StreamedDataset } from "../../nn/trainer";
import { sampleCount, type LabelledDataset } from "../data/labelled";
import { concatenate } from "../data/select";
import { holdWeights } from "../hold-weights";
import { classesOfModel } from "./probabilities";
import { checkSamples } from "./samples";
import { pseudoLabel, type PseudoLabelOptions, type PseudoLabels } from "./pseudo-label";

export interface SelfTrainingOptions extends FitOptions, Omit<PseudoLabelOptions, "batchSize"> {
  /**
   * How often all unlabelled samples are labelled anew and trained on. Default 3. An `optimizer` given here starts anew each time.
   */
  readonly rounds?: number;
  /** How often each labelled sample comes in an epoch. Default 1. */
  readonly labelledRepeats?: number;
  /** How much a pseudo-labelled sample counts in the loss, where a labelled one counts 1. Default 1. */
  readonly pseudoWeight?: number;
}

/** One time of labelling and training. */
export interface SelfTrainingRound extends Omit<PseudoLabels, "dataset" | "indices" | "confidences"> {
  /** Mean probability of the labels. */
  readonly confidence: number;
  readonly history: History;
  /** Loss and metrics on the validation data behind this round. */
  readonly validation?: Readonly<Record<string, number>>;
}

export interface SelfTraining {
  readonly rounds: readonly SelfTrainingRound[];
  /** Loss and metrics on the validation data before the first round. */
  readonly before?: Readonly<Record<string, number>>;
  /** The round whose weights the model has now: from 1; 0 are those from before. */
  readonly best: number;
  /** Why fewer rounds were trained than asked for. */
  readonly stopped?: string;
}

const who = "trainWithPseudoLabels";

/**
 * Rounds of pseudo-labelling and training: the model labels the unlabelled samples (`pseudoLabel`), and `fit` trains it on these and the
 * labelled ones together. It has to be compiled, and trained on the labelled samples before.
 *
 * With `validationData` the model ends with the weights of the best round, or those from before where no round was better: by the metric
 * `accuracy` where it has one, else by the loss. Without, it ends with those of the last round. Each round goes on from the last.
 *
 * @throws as `pseudoLabel` in the first round; a later round that gets no labels ends the training and is named in `stopped`.
 */
export async function trainWithPseudoLabels(
  model: Container,
  labelled: Dataset,
  unlabelled: Dataset,
  options: SelfTrainingOptions = {},
): Promise<SelfTraining> {
  const { rounds = 3, labelledRepeats = 1, pseudoWeight = 1, ...rest } = options;
  const { threshold, balanced, maxPerClass, temperature, fromLogits, classNames, ...fitting } = rest;
  for (const [name, value] of Object.entries({ rounds, labelledRepeats }))
    if (!Number.isInteger(value) || value < 1) throw new ThawError(who, `${name} ${value}`, "a whole number above 0");
  if (!(pseudoWeight > 0) || !Number.isFinite(pseudoWeight))
    throw new ThawError(who, `pseudoWeight ${pseudoWeight}`, "a number above 0");
  checkSamples(who, model, unlabelled);
  checkSamples(who, model, labelled, "labelled");
  const classes = classesOfModel(who, model);
  const width = labelWidth(labelled, classes);
  const { validationData, validationBatchSize = fitting.batchSize ?? 32, batchSize = 32, seed = 0 } = fitting;
  const labelling = given({ threshold, balanced, maxPerClass, temperature, fromLogits, classNames, batchSize });
  const evaluate = (data: Dataset | StreamedDataset) => model.evaluate(data, { batchSize: validationBatchSize });

  /** Callbacks may have put other weights in place than those of the last epoch. */
  const behind = async (history: History, data: Dataset | StreamedDataset) =>
    fitting.callbacks?.length || history.ended !== "finished" ? await evaluate(data) : lastValidation(history);

  const before = validationData && (await evaluate(validationData));
  let kept = before && { round: 0, logs: before, putBack: await holdWeights(model) };
  const done: SelfTrainingRound[] = [];
  let stopped: string | undefined;
  while (done.length < rounds && stopped === undefined) {
    const round = done.length + 1;
    const labels = await labelsOf(model, unlabelled, labelling, round);
    if (typeof labels === "string") {
      stopped = labels;
      break;
    }
    const data = together(labelled, labels.dataset, { labelledRepeats, pseudoWeight, width, classes });
    // How many samples got a label is not known beforehand.
    const fits = { batchSize: Math.min(batchSize, sampleCount(data)), seed: seed + round - 1 };
    const history = await model.fit(data, { ...fitting, ...fits });
    const validation = validationData && (await behind(history, validationData));
    done.push(summaryOf(labels, history, validation));
    if (kept && validation && isBetter(validation, kept.logs))
      kept = { round, logs: validation, putBack: await holdWeights(model) };
    if (history.ended === "aborted") stopped = `round ${round} was aborted`;
  }
  if (kept && kept.round < done.length) kept.putBack();
  return { rounds: done, best: kept?.round ?? done.length, ...(before && { before }), ...(stopped && { stopped }) };
}

/** `loss` and metrics of the last epoch's `valLoss`, ... */
function lastValidation({ history }: History): Record<string, number> {
  const own = Object.entries(history).filter(([name]) => name.startsWith("val"));
  return Object.fromEntries(own.map(([name, values]) => [name[3].toLowerCase() + name.slice(4), values.at(-1)!]));
}

/** Without entries that are undefined. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)) as never;
}

/** The labels of a round; of later ones the reason why there are none. */
async function labelsOf(
  model: Container,
  unlabelled: Dataset,
  options: PseudoLabelOptions,
  round: number,
): Promise<PseudoLabels | string> {
  try {
    return await pseudoLabel(model, unlabelled, options);
  } catch (error) {
    if (round === 1 || !(error instanceof ThawError)) throw error;
    return `round ${round}: ${error.message}`;
  }
}

/** Label values a sample: 1 for class ids, else one a class. */
function labelWidth({ x, y, shape }: Dataset, classes: number): number {
  const count = sampleCount({ x, shape });
  const width = (y?.length ?? 0) / count;
  if (width !== 1 && width !== classes)
    throw new ThawError(
      who,
      `${y?.length ?? 0} label values for ${count} labelled samples`,
      `1 or ${classes} a sample`,
    );
  return width;
}

interface Mixture extends Required<Pick<SelfTrainingOptions, "labelledRepeats" | "pseudoWeight">> {
  readonly width: number;
  readonly classes: number;
}

function together(labelled: Dataset, pseudo: LabelledDataset, mixture: Mixture): Dataset {
  const { labelledRepeats, pseudoWeight, width, classes } = mixture;
  const ids = Array.from(pseudo.y);
  const y = width === 1 ? ids : ids.flatMap((id) => Array.from({ length: classes }, (_, c) => Number(c === id)));
  const plain = (d: Dataset): Dataset => ({ x: d.x, y: Float32Array.from(d.y!), shape: d.shape });
  const own = Array.from({ length: labelledRepeats }, () => plain(labelled));
  const all = concatenate(...own, plain({ ...pseudo, y }));
  const weights = Array.from({ length: sampleCount(labelled) }, (_, i) => labelled.weights?.[i] ?? 1);
  if (pseudoWeight === 1 && weights.every((w) => w === 1)) return all;
  const repeated = own.flatMap(() => weights);
  return { ...all, weights: [...repeated, ...ids.map(() => pseudoWeight)] };
}

type Logs = Readonly<Record<string, number>>;

const isBetter = (a: Logs, b: Logs): boolean => ("accuracy" in a ? a.accuracy > b.accuracy : a.loss < b.loss);

function summaryOf(labels: PseudoLabels, history: History, validation: Logs | undefined): SelfTrainingRound {
  const { counts, missing, kept, of, confidences } = labels;
  const confidence = confidences.reduce((a, b) => a + b, 0) / kept;
  return { counts, missing, kept, of, confidence, history, ...(validation && { validation }) };
}
