/** Transfer learning in one call. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import type { Container } from "../../nn/model";
import { sparseCategoricalCrossentropy } from "../../nn/objectives";
import type { Callback, Dataset, FitOptions, Logs, StreamedDataset } from "../../nn/trainer";
import { sampleCount, type LabelledDataset, type LabelledStream } from "../data/labelled";
import { split } from "../data/split";
import { classCounts, classWeights } from "../data/weights";
import { buildTransferModel, type HeadOptions, type TransferModel } from "./build";
import { fineTune, trainHead, type FineTuneOptions, type PhaseOptions, type PhaseResult } from "./phases";
import { classSizes, toConsole } from "./warnings";

export interface TransferLearnOptions {
  readonly gpu: Gpu;
  /** The new head; `classes` are the data set's. */
  readonly head?: Partial<HeadOptions>;
  readonly validationData?: Dataset | StreamedDataset;
  /**
   * Share of the data that is kept for validation where none is given, the same of each class, by the seed; default 0.2. 0: none,
   * and then the training loss says when to stop, which cannot tell learning from learning by heart.
   */
  readonly validationSplit?: number;
  /** Settings of the first phase; see `trainHead`. */
  readonly headPhase?: PhaseOptions;
  /** Settings of the second phase, see `fineTune`; false leaves it out. */
  readonly fineTuning?: FineTuneOptions | false;
  /** Default 32, or all samples where there are fewer. */
  readonly batchSize?: number;
  /** "balanced": every class counts the same (`classWeights`). */
  readonly classWeight?: FitOptions["classWeight"] | "balanced";
  /** What is done to training images on the GPU in both phases, e.g. `augmentation()`. The head's features are then computed anew in every step. */
  readonly preparation?: FitOptions["preparation"];
  /** Default 0: for the split, the head's weights, the order of samples and dropout. The same seed gives the same bits. */
  readonly seed?: number;
  /** Of both phases. */
  readonly callbacks?: readonly Callback[];
  readonly signal?: AbortSignal;
  /** Gets each warning; default `console.warn`. They are in the result too. */
  readonly onWarning?: (text: string) => void;
  /** When a phase begins. */
  readonly onPhase?: (phase: "head" | "fineTuning", transfer: TransferModel) => void | Promise<void>;
}

export interface TransferResult extends TransferModel {
  readonly headPhase: PhaseResult;
  /** Undefined where it was left out, or aborted before. */
  readonly fineTuning: PhaseResult | undefined;
  /** Loss and accuracy over the validation data with the weights that were kept; of the training data where there is none. */
  readonly evaluation: Logs;
  readonly trainingData: LabelledDataset | LabelledStream;
  readonly validationData: Dataset | StreamedDataset | undefined;
  readonly warnings: readonly string[];
}

function parts(data: LabelledDataset | LabelledStream, options: TransferLearnOptions, warn: (text: string) => void) {
  const { validationData, validationSplit = 0.2, seed = 0 } = options;
  if (validationData) return { training: data, validation: validationData };
  if (!(validationSplit >= 0 && validationSplit < 1))
    throw new ThawError("transferLearn", `validationSplit ${validationSplit}`, "a number from 0 to below 1");
  if (validationSplit === 0) return { training: data, validation: undefined };
  if (Math.max(...classCounts(data)) < 2) {
    warn("No class has two samples: none can be kept for validation, and the training loss says when to stop.");
    return { training: data, validation: undefined };
  }
  const [training, validation] = split(data, { fractions: [1 - validationSplit, validationSplit], seed });
  return { training, validation };
}

/**
 * Teaches a pretrained network new classes: a new head, trained on the frozen base to a plateau; then the base is thawed and
 * fine-tuned at a low rate, with its batch normalization in inference mode. The best weights stay.
 *
 * Every default is documented where it is an option: `HeadOptions`, `trainHead`, `fineTune`.
 *
 * @param pretrained its layers become part of the result, and are changed by fine-tuning.
 * @param data images of the base's size with class ids, in memory or streamed
 * @returns the model, compiled and with its weights on the GPU and in `parameter.value`; `dispose()` it at the end.
 * @throws for fewer than two classes with samples, an empty class, and what the phases throw.
 * @example
 * const { model, evaluation } = await transferLearn(await loadModel("mobilenet_v2.keras"), data, { gpu });
 */
export async function transferLearn(
  pretrained: Container,
  data: LabelledDataset | LabelledStream,
  options: TransferLearnOptions,
): Promise<TransferResult> {
  const { gpu, seed = 0, callbacks = [], signal, preparation, batchSize, onWarning = toConsole } = options;
  const warnings: string[] = [];
  const warn = (text: string) => {
    warnings.push(text);
    onWarning(text);
  };
  const counts = classCounts(data);
  const empty = counts.indexOf(0);
  if (counts.length < 2 || empty >= 0)
    throw new ThawError(
      "transferLearn",
      empty >= 0 ? `${data.classNames[empty]} has no samples` : `one class only, ${data.classNames.join()}`,
      "two classes or more with samples",
      empty >= 0 ? "Leave it out with filterClasses()." : "Add images of something else.",
    );
  for (const text of classSizes(counts, data.classNames, options.classWeight !== undefined)) warn(text);
  const { training, validation } = parts(data, options, warn);
  const transfer = buildTransferModel(pretrained, { seed, classes: data.classNames, ...options.head });
  if (!transfer.base.preprocessing)
    warn(`${transfer.base.name} does not say what it expects of its pixels: it gets them as they are.`);
  const { model } = transfer;
  await model.compile({ gpu, loss: sparseCategoricalCrossentropy({ fromLogits: true }), metrics: ["accuracy"] });
  try {
    const classWeight = options.classWeight === "balanced" ? classWeights(training) : options.classWeight;
    const common: PhaseOptions = {
      seed,
      ...(batchSize !== undefined && { batchSize: Math.min(batchSize, sampleCount(training)) }),
      ...(validation && { validationData: validation }),
      ...(classWeight && { classWeight }),
      ...(preparation && { preparation }),
      ...(signal && { signal }),
      onWarning: warn,
    };
    const both = (own: PhaseOptions = {}) => ({
      ...common,
      ...own,
      callbacks: [...callbacks, ...(own.callbacks ?? [])],
    });
    await options.onPhase?.("head", transfer);
    const headPhase = await trainHead(transfer, training, both(options.headPhase));
    let fineTuning: PhaseResult | undefined;
    if (options.fineTuning !== false && headPhase.ended !== "aborted") {
      await options.onPhase?.("fineTuning", transfer);
      fineTuning = await fineTune(transfer, training, both(options.fineTuning));
    }
    const evaluation = await model.evaluate(validation ?? training, batchSize === undefined ? {} : { batchSize });
    await model.readWeights();
    return {
      ...transfer,
      headPhase,
      fineTuning,
      evaluation,
      trainingData: training,
      validationData: validation,
      warnings,
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}
