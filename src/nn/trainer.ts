/**
 * What `model.compile()` gives a model, as an interface: models can have `fit()` and its like although the implementation
 * (src/train) builds on models, because src/index.ts puts the two together.
 */
import { ThawError } from "../errors";
import type { Gpu } from "../gpu/device";
import type { Shape } from "../kernels/operation";
import type { FrozenPrecision } from "./compile/half-weights";
import type { Plan } from "./compile/plan";
import type { Mode, Objective, Preparation } from "./compile/trace";
import type { Optimizer } from "./compile/update";
import type { Container } from "./model";
import type { Parameter } from "./parameter";
import type { SlotValues } from "./training-arenas";
import type { TuningReport } from "./tuning-report";

/** Samples and labels in memory. */
export interface Dataset {
  /** Samples one after the other in C order: pixels 0..255 as bytes, or numbers. */
  readonly x: Uint8Array | Uint8ClampedArray | Float32Array;
  /** Labels in the same order: class ids, or one value a class. Not needed for prediction. */
  readonly y?: Uint8Array | Int32Array | Uint32Array | Float32Array | readonly number[];
  /** Shape of one sample, e.g. [32, 32, 3]. */
  readonly shape: Shape;
  /** How much each sample counts in the loss (Keras's sample_weight): its loss is multiplied by this. Default 1. */
  readonly weights?: ArrayLike<number>;
}

/**
 * Samples that are fetched when they are needed, e.g. decoded from files: `fit`, `evaluate` and `predict` read two windows of whole batches, of
 * which one is worked on while the next is read and uploaded. Made by `streamFromFiles` of thaw/transfer, or written by hand.
 *
 * @example
 * const data: StreamedDataset = {
 *   count: 1_000_000,
 *   shape: [96, 96, 3],
 *   y: labels,
 *   read: async (indices) => ({ x: await fetchPixels(indices) }), // Uint8Array, one sample after the other
 * };
 */
export interface StreamedDataset {
  /** How many samples there are. */
  readonly count: number;
  /** Of one sample, e.g. [96, 96, 3]. */
  readonly shape: Shape;
  /** What `read` gives: bytes (default), or numbers as a Float32Array. */
  readonly format?: "uint8" | "float32";
  /**
   * Labels of all samples, where they are known before: they are checked before anything runs, `read` need not give them, and `classWeights()`,
   * `balanced()` and `split()` of thaw/transfer take the data set. Default: as they are read.
   */
  readonly y?: Dataset["y"];
  /** As in `Dataset`, of all samples. */
  readonly weights?: ArrayLike<number>;
  /**
   * The samples at these indices, in this order. An index may come again, in the same call too (`balanced()`).
   *
   * @param signal aborted once nobody waits for the samples any more
   */
  readonly read: (
    indices: Uint32Array<ArrayBuffer>,
    signal: AbortSignal,
  ) => Pick<Dataset, "x" | "y"> | Promise<Pick<Dataset, "x" | "y">>;
}

/** How data larger than the GPU's memory is dealt with. */
export interface DataOptions {
  /**
   * Bytes on the GPU for the samples of one data set; larger ones are streamed in two windows of whole batches (32 MiB each, or half of
   * this where it is less; at least a batch). Default: the largest buffer of the device, since the samples are one buffer: below that nothing is
   * gained by streaming. Results do not depend on it, bit for bit.
   */
  readonly dataBudget?: number;
}

export interface CompileOptions {
  readonly gpu: Gpu;
  /** Default `adam()`. */
  readonly optimizer?: string | Optimizer;
  /** Needed for training and evaluation, not for prediction. */
  readonly loss?: string | Objective;
  /** At most three; default none. "accuracy" is the one that fits the loss. */
  readonly metrics?: readonly (string | Objective)[];
  /**
   * How frozen weights of convolutions and dense layers are read; default "float32". "float16Weights" halves what they take
   * from memory and computes in f32; "float16" computes the forward pass in f16 too where the adapter has shader-f16. Both are for GPUs, and
   * change results in the third or fourth digit. Trained weights, and what is exported, stay in f32.
   */
  readonly frozenPrecision?: FrozenPrecision;
}

/** Means over an epoch by name: `loss`, the metrics, and the same with `val` in front (`valLoss`, `valAccuracy`). */
export type Logs = Readonly<Record<string, number>>;

/** Weights and moving statistics of a moment, on the GPU. They live as long as the call of `fit`, or until `dispose()`. */
export interface KeptWeights {
  /** What they take on the GPU: only what this training changes is copied. */
  readonly bytes: number;
  dispose(): void;
}

/** The training that callbacks take part in. */
export interface TrainingContext {
  readonly model: Container;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly optimizer: Optimizer;
  /** Names in the logs of an epoch, e.g. `loss`, `accuracy`, `valLoss`, `valAccuracy`. */
  readonly logNames: readonly string[];
  /**
   * The rate of the next step. A number that is set takes the place of the optimizer's own rate or schedule from the next step
   * on, also in later calls of `fit`, until another optimizer is given; `undefined` goes back to the optimizer's own.
   */
  get learningRate(): number;
  set learningRate(rate: number | undefined);
  /** Why it was told to stop. */
  readonly stopReason: string | undefined;
  /** Ends the training, as Keras's `stop_training`: after the step that is running, with validation and `onEpochEnd`. */
  stop(reason?: string): void;
  /**
   * A copy of the present weights on the GPU, without a way over the host.
   *
   * @param over a former copy whose memory is used again; it then holds the present weights.
   */
  keepWeights(over?: KeptWeights): KeptWeights;
  /** Puts kept weights back, bit for bit; the optimizer's slots stay as they are, as in Keras. */
  restoreWeights(kept: KeptWeights): void;
  /** Brings `parameter.value` of all parameters up to date with the GPU. */
  readWeights(): Promise<void>;
}

/** Events of a training, in this order; each may leave out the parameters that it does not need. */
export interface Callback {
  readonly onTrainBegin?: (context: TrainingContext) => void | Promise<void>;
  /** While features are cached, before the first epoch: samples done so far, and all. */
  readonly onFeatures?: (done: number, count: number) => void;
  /** @param epoch from 0. */
  readonly onEpochBegin?: (epoch: number, context: TrainingContext) => void | Promise<void>;
  /** Results of a step, a few steps after it ran: reading them earlier would stall the GPU. @param step from 1, over all calls of `fit`. */
  readonly onBatchEnd?: (step: number, logs: Logs, context: TrainingContext) => void;
  /** Returning "stop" ends the training after this epoch. What is added to `logs` here is in the history too. */
  readonly onEpochEnd?: (epoch: number, logs: Logs, context: TrainingContext) => void | "stop" | Promise<void | "stop">;
  /** Not called when the training ended with an error. */
  readonly onTrainEnd?: (history: History, context: TrainingContext) => void | Promise<void>;
}

export interface FitOptions extends DataOptions {
  /** Default 1. */
  readonly epochs?: number;
  /** Default 32, or all samples where there are fewer; the last batch of an epoch may be smaller. */
  readonly batchSize?: number;
  readonly validationData?: Dataset | StreamedDataset;
  /** Default: `batchSize`. */
  readonly validationBatchSize?: number;
  /**
   * Default true: another order each epoch, from the seed. A function gives the order itself, one index for each sample of the epoch; some may
   * come twice and others not at all (`balanced()` of thaw/transfer).
   */
  readonly shuffle?: boolean | ((epoch: number) => ArrayLike<number>);
  /**
   * By class id: how much its samples count in the loss of training (not of validation), e.g. `classWeights(data)` of
   * thaw/transfer. Multiplied with the data's own weights. Default 1.
   */
  readonly classWeight?: Readonly<Record<number, number>>;
  /** What is done to each training batch on the GPU before the first layer, e.g. `augmentation()` of thaw/transfer. */
  readonly preparation?: Preparation;
  /** For the order of samples and for dropout; default 0. The same seed gives the same bits. */
  readonly seed?: number;
  /**
   * Whether what frozen layers compute from the samples is kept on the GPU, where it is the same in every epoch: training
   * then starts from there. "auto" (default): where that changes no result, with two epochs or more (or features that an
   * earlier call left), and up to 256 MB. `true`: always, or an error with the reason. "float16": the same in half the bytes,
   * with eleven bits of each number. `false`: never; what was kept is freed. `String(model.plan({ data }))` says what is done.
   */
  readonly cacheFeatures?: "auto" | boolean | "float16";
  /** Takes the place of the compiled optimizer from now on, e.g. with a lower rate for fine-tuning. */
  readonly optimizer?: string | Optimizer;
  readonly callbacks?: readonly Callback[];
  /** Stops after the step that is running; the history so far is returned. */
  readonly signal?: AbortSignal;
}

export interface EvaluateOptions extends DataOptions {
  /** Default 32. */
  readonly batchSize?: number;
}

export interface History {
  /** Means of each epoch by name. */
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly epochs: number;
  /** Steps trained. */
  readonly steps: number;
  readonly seconds: number;
  /** Why it ended. */
  readonly ended: "finished" | "aborted" | "callback";
  /** What the callback that stopped it said. */
  readonly reason?: string;
  /** Which data was not on the GPU as a whole, and why. */
  readonly streamed?: readonly string[];
}

export interface PlanOptions {
  /** Default 32. */
  readonly batchSize?: number;
  /** Default "train". */
  readonly mode?: Mode;
  /** Plans a step of `fit` over this data set, with its cached features; default: a step on a batch from outside. */
  readonly data?: Dataset;
  /** With `data`, as for `fit`; default "auto". */
  readonly cacheFeatures?: FitOptions["cacheFeatures"];
  /** As for `fit`. Weights of samples and classes are left out of this plan: they add one dispatch. */
  readonly preparation?: Preparation;
  /** With `data`; default 2, as one epoch is cached only when asked for. */
  readonly epochs?: number;
}

export interface TuneOptions extends PlanOptions {
  /** Milliseconds; default: until every kernel had its turn. */
  readonly budget?: number;
}

/** Where training stands: what another program, or this one later, goes on from. Weights are the model's parameters. */
export interface TrainingState {
  /** Steps done with this optimizer. */
  readonly iteration: number;
  /** What the optimizer keeps for each parameter that it has trained, e.g. Adam's moments as `first` and `second`. */
  readonly slots: SlotValues;
}

/** How a model was compiled, as plain data. */
export interface CompiledWith {
  readonly optimizer: Optimizer;
  readonly loss: Objective | undefined;
  readonly metrics: readonly Objective[];
}

export interface Trainer extends CompiledWith {
  fit(data: Dataset | StreamedDataset, options: FitOptions): Promise<History>;
  evaluate(data: Dataset | StreamedDataset, options: EvaluateOptions): Promise<Record<string, number>>;
  predict(x: Dataset["x"] | StreamedDataset, options: { batchSize?: number }): Promise<Float32Array>;
  trainOnBatch(x: Float32Array | Uint8Array, y: ArrayLike<number>): Promise<Record<string, number>>;
  readGradients(): Promise<Map<Parameter, Float32Array>>;
  plan(options: PlanOptions): Plan;
  tune(options: TuneOptions): Promise<TuningReport>;
  readState(): Promise<TrainingState>;
  writeState(state: TrainingState): void;
  readWeights(): Promise<void>;
  writeWeights(): void;
  dispose(): void;
}

export type TrainerFactory = (model: Container, options: CompileOptions) => Promise<Trainer>;

let factory: TrainerFactory | undefined;

/** Called once by src/index.ts. */
export function installTrainer(make: TrainerFactory): void {
  factory = make;
}

export function makeTrainer(model: Container, options: CompileOptions): Promise<Trainer> {
  if (!factory) {
    throw new ThawError(
      model.name,
      "training is not loaded",
      'an import from "thaw"',
      'Import requestGpu from "thaw", not from a file inside it.',
    );
  }
  return factory(model, options);
}
