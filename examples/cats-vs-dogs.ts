/**
 * The lesson: a network that has seen all kinds of images learns cats and dogs from 200 of them.
 *
 * It trains three ways on the same images, in the same order, for the same number of epochs:
 *
 * 1. from scratch: the same layers, with what they had learnt forgotten;
 * 2. frozen: the pretrained layers stay as they are, and only a new last layer learns;
 * 3. fine-tuned: the network of 2, thawed, goes on with a low learning rate.
 *
 * Nothing here belongs to a platform: the command line runs it in Node, the demo in a page.
 */
import {
  adam,
  BatchNormalization,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  reinitialize,
  sparseCategoricalCrossentropy,
  subset,
  ThawError,
  type Dataset,
  type Gpu,
  type Logs,
  type PlanJson,
} from "../src/index";
import { loadModel } from "../src/loaders/index";

/** What assets/cats_dogs.json says of assets/cats_dogs.png. */
export interface CatsDogsJson {
  readonly tile: { readonly width: number; readonly height: number; readonly columns: number; readonly rows: number };
  readonly labelNames: readonly string[];
  readonly splits: Readonly<
    Record<SplitName, { readonly start: number; readonly count: number; readonly labels?: readonly number[] }>
  >;
}

type SplitName = "train" | "validation" | "unlabelled";
export type CatsAndDogs = Readonly<Record<SplitName, Dataset>>;

/**
 * Cuts the sprite into data sets of [height, width, 3] bytes.
 *
 * @param pixels of the decoded picture, row by row.
 * @param channels 4 for RGBA, as canvases and PNG decoders give it; 3 for RGB.
 */
export function decodeDataset(
  meta: CatsDogsJson,
  pixels: Uint8Array | Uint8ClampedArray,
  channels: 3 | 4 = 4,
): CatsAndDogs {
  const { width, height, columns, rows } = meta.tile;
  const expected = width * columns * height * rows * channels;
  if (pixels.length !== expected) {
    const picture = `${width * columns} x ${height * rows} pixels of ${channels} channels`;
    throw new ThawError("decodeDataset", `${pixels.length} bytes of pixels`, `${expected} (${picture})`);
  }
  const split = (name: SplitName): Dataset => {
    const { start, count, labels } = meta.splits[name];
    const x = new Uint8Array(count * height * width * 3);
    let to = 0;
    for (let tile = start; tile < start + count; tile++) {
      const [top, left] = [Math.floor(tile / columns) * height, (tile % columns) * width];
      for (let row = top; row < top + height; row++) {
        let from = (row * width * columns + left) * channels;
        for (let column = 0; column < width; column++, from += channels, to += 3) {
          x[to] = pixels[from];
          x[to + 1] = pixels[from + 1];
          x[to + 2] = pixels[from + 2];
        }
      }
    }
    return { x, shape: [height, width, 3], ...(labels && { y: Uint8Array.from(labels) }) };
  };
  return { train: split("train"), validation: split("validation"), unlabelled: split("unlabelled") };
}

/** What the three trainings share, and the rates found for this network. */
export const settings = {
  trainingImages: 200,
  batchSize: 20,
  validationBatchSize: 100,
  epochs: 6,
  validationImages: 400,
  /** Pretrained layers up to this one are kept. */
  cut: "out_relu",
  rates: { scratch: 1e-3, frozen: 3e-3, fineTuned: 1e-4 },
  quick: { epochs: 2, trainingImages: 120, validationImages: 120 },
} as const;

/** The three trainings, in their order. */
export const phases = ["scratch", "frozen", "fineTuned"] as const;
export type Phase = (typeof phases)[number];

/** The plan in totals, without its list of dispatches. */
export type PlanTotals = Omit<PlanJson, "steps" | "layers">;

/** Something to show while the job runs; plain data. */
export interface JobEvent {
  /** "features": frozen layers run over all images, once and before the first step. */
  readonly kind: "start" | "features" | "step" | "epoch" | "end";
  readonly phase: Phase;
  /** From 0. At "start" 0, at "end" the last one. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps of this training that are done, out of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** Of the step, or means over the epoch with validation; empty at "start". */
  readonly logs: Logs;
  /** With "features": images done so far, and all, of training or of validation. */
  readonly features?: { readonly done: number; readonly count: number };
  /** With "start": what a step will do, as `String(plan)` prints it, and its totals. */
  readonly plan?: { readonly text: string; readonly totals: PlanTotals };
}

/** One training's numbers, by epoch. */
export interface TrainingResult {
  readonly loss: readonly number[];
  readonly accuracy: readonly number[];
  readonly valLoss: readonly number[];
  readonly valAccuracy: readonly number[];
  readonly learningRate: number;
  readonly trainableWeights: number;
  readonly seconds: number;
  readonly plan: PlanTotals;
}

export interface JobResult extends Readonly<Record<Phase, TrainingResult>> {
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly trainingImages: number;
  readonly validationImages: number;
  readonly seconds: number;
}

export interface JobOptions {
  readonly gpu: Gpu;
  /** The pretrained network as a file: assets/thaw_cifar8.keras. */
  readonly modelBytes: Uint8Array;
  readonly data: CatsAndDogs;
  /** For the new weights and the order of images; default 1. The same seed gives the same numbers. */
  readonly seed?: number;
  /** Fewer epochs and images, to see that everything works. */
  readonly quick?: boolean;
  /** For each of the three; default 6, or 2 with `quick`. */
  readonly epochs?: number;
  /** A look instead of the lesson: fewer images. Defaults: 200 and 400, or 120 and 120 with `quick`. */
  readonly trainingImages?: number;
  readonly validationImages?: number;
  /** Ends the job with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: JobEvent) => void;
  /** Gets each network once it is trained, its weights read back, before it leaves the GPU. */
  readonly onTrained?: (phase: Phase, model: FunctionalModel) => void | Promise<void>;
}

/** Trains the three ways. @throws the signal's reason when aborted. */
export async function runMainJob(options: JobOptions): Promise<JobResult> {
  const { gpu, modelBytes, data, seed = 1, quick = false } = options;
  const epochs = options.epochs ?? (quick ? settings.quick.epochs : settings.epochs);
  const trainingImages = options.trainingImages ?? (quick ? settings.quick : settings).trainingImages;
  const validationImages = options.validationImages ?? (quick ? settings.quick : settings).validationImages;
  const train = subset(data.train, 0, trainingImages);
  const validation = subset(data.validation, 0, validationImages);
  const started = performance.now();

  const run = async (phase: Phase, model: FunctionalModel): Promise<TrainingResult> =>
    await trainOnce({ phase, model, train, validation, epochs, seed, options });
  const compile = async (model: FunctionalModel) => {
    await model.compile({ gpu, loss: sparseCategoricalCrossentropy({ fromLogits: true }), metrics: ["accuracy"] });
  };

  const newcomer = catOrDog(await pretrained(modelBytes), { seed });
  reinitialize(newcomer, seed);
  // Moving statistics begin at variance 1, and 0.99 keeps a trace of that for hundreds of steps, where variances here are
  // a hundredth. The newcomer has eighty steps; a fair comparison needs quicker ones.
  for (const layer of newcomer.flatLayers()) if (layer instanceof BatchNormalization) layer.momentum = 0.8;
  let scratch: TrainingResult;
  try {
    await compile(newcomer);
    scratch = await run("scratch", newcomer);
  } finally {
    newcomer.dispose();
  }

  const base = await pretrained(modelBytes);
  base.trainable = false; // freeze
  const model = catOrDog(base, { seed, training: false });
  try {
    await compile(model);
    const frozen = await run("frozen", model);
    base.trainable = true; // thaw
    const fineTuned = await run("fineTuned", model);
    const seconds = (performance.now() - started) / 1000;
    return {
      seed,
      epochs,
      batchSize: settings.batchSize,
      trainingImages,
      validationImages,
      seconds,
      scratch,
      frozen,
      fineTuned,
    };
  } finally {
    model.dispose();
  }
}

/** The network without its own last layers. */
export async function pretrained(bytes: Uint8Array): Promise<FunctionalModel> {
  const whole = await loadModel(bytes);
  return whole.upTo(settings.cut);
}

/**
 * A new head on a base.
 *
 * @param options.training false keeps the base's batch normalization in inference mode, also when it is thawed: batches of
 *   20 would spoil the statistics that it has from thousands of images.
 */
export function catOrDog(base: FunctionalModel, options: { seed: number; training?: false }): FunctionalModel {
  const image = input(base.inputShape, { name: "photo" });
  const features = base.apply(image, { training: options.training });
  const pooled = new GlobalAveragePooling2D({ name: "pool" }).apply(features);
  const logits = new Dense({ name: "cat_or_dog", units: 2, seed: options.seed }).apply(pooled);
  return new FunctionalModel({ inputs: image, outputs: logits, name: "cats_vs_dogs" });
}

interface Training {
  readonly phase: Phase;
  readonly model: FunctionalModel;
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly epochs: number;
  readonly seed: number;
  readonly options: JobOptions;
}

async function trainOnce({
  phase,
  model,
  train,
  validation,
  epochs,
  seed,
  options,
}: Training): Promise<TrainingResult> {
  const { signal, onEvent } = options;
  const { batchSize, validationBatchSize } = settings;
  const learningRate = settings.rates[phase];
  const optimizer = adam(learningRate);
  const stepsAnEpoch = Math.ceil(train.y!.length / batchSize);
  const steps = epochs * stepsAnEpoch;
  let step = 0;
  const tell = (kind: JobEvent["kind"], epoch: number, logs: Logs, more: Pick<JobEvent, "features" | "plan"> = {}) =>
    onEvent?.({ kind, phase, epoch, epochs, step, steps, logs, ...more });

  signal?.throwIfAborted();
  const plan = model.plan({ batchSize, data: train, epochs });
  const { steps: _dispatches, layers: _layers, ...totals } = plan.toJSON();
  tell("start", 0, {}, { plan: { text: String(plan), totals } });
  const { history, seconds } = await model.fit(train, {
    epochs,
    batchSize,
    validationData: validation,
    validationBatchSize: Math.min(validationBatchSize, validation.y!.length),
    optimizer,
    seed,
    ...(signal && { signal }),
    callbacks: [
      {
        onFeatures: (done, count) => tell("features", 0, {}, { features: { done, count } }),
        onBatchEnd: (iteration, logs) => {
          step = iteration;
          tell("step", Math.floor((step - 1) / stepsAnEpoch), logs);
        },
        onEpochEnd: (epoch, logs) => tell("epoch", epoch, logs),
      },
    ],
  });
  signal?.throwIfAborted();
  await model.readWeights();
  await options.onTrained?.(phase, model);
  tell("end", epochs - 1, {});
  const { loss = [], accuracy = [], valLoss = [], valAccuracy = [] } = history;
  const trainableWeights = model.trainableParameters.reduce((n, p) => n + p.count, 0);
  return { loss, accuracy, valLoss, valAccuracy, learningRate, trainableWeights, seconds, plan: totals };
}
