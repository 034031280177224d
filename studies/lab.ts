/** What conditions are made of: networks, data and trainings, each from a seed. */
import {
  adam,
  BatchNormalization,
  reinitialize,
  sparseCategoricalCrossentropy,
  subset,
  type FitOptions,
  type FunctionalModel,
  type Gpu,
} from "../src/index";
import {
  buildTransferModel,
  datasetFromTensors,
  fineTune,
  split,
  trainHead,
  type FineTuneOptions,
  type LabelledDataset,
  type TransferModel,
} from "../src/transfer/index";
import { loadModel } from "../src/loaders/index";
import type { CatsAndDogs } from "../examples/cats-vs-dogs";
import type { StudySettings } from "./settings";

export interface LabOptions {
  readonly gpu: Gpu;
  /** assets/thaw_cifar8.keras */
  readonly modelBytes: Uint8Array;
  readonly images: CatsAndDogs;
  readonly settings: StudySettings;
}

const classNames = ["cat", "dog"];

export class Lab {
  readonly gpu: Gpu;
  readonly settings: StudySettings;
  readonly heldOut: LabelledDataset;
  readonly unlabelled: { readonly x: Uint8Array; readonly shape: readonly number[] };
  readonly #labelled: LabelledDataset;
  readonly #modelBytes: Uint8Array;

  constructor({ gpu, modelBytes, images, settings }: LabOptions) {
    this.gpu = gpu;
    this.settings = settings;
    this.#modelBytes = modelBytes;
    const named = ({ x, y, shape }: CatsAndDogs["train"]) => datasetFromTensors(x, y!, { shape, classNames });
    this.#labelled = named(images.train);
    this.heldOut = named(subset(images.validation, 0, settings.heldOut));
    const { x, shape } = subset(images.unlabelled, 0, settings.unlabelled);
    this.unlabelled = { x: Uint8Array.from(x), shape };
  }

  /** So many images of each class, others for another seed. */
  labelled(perClass: number, seed: number): LabelledDataset {
    const counts = [2 * perClass, -1];
    if (2 * perClass === this.#labelled.y.length) return this.#labelled;
    return split(this.#labelled, { counts, seed })[0];
  }

  /** The network that has seen eight other classes, with a new head; or, from scratch, with all it knew forgotten. */
  async build(seed: number, from: "pretrained" | "scratch" = "pretrained"): Promise<TransferModel> {
    const scratch = from === "scratch";
    const known = await loadModel(this.#modelBytes);
    const transfer = buildTransferModel(known, { classes: classNames, seed, trainBatchNormalization: scratch });
    if (scratch) {
      reinitialize(transfer.model, seed);
      // As in the lesson: with 0.99 the moving statistics would lag behind so few steps.
      for (const l of transfer.model.flatLayers()) if (l instanceof BatchNormalization) l.momentum = 0.8;
    }
    return transfer;
  }

  /** The same, ready to train. */
  async network(seed: number, from?: "pretrained" | "scratch"): Promise<TransferModel> {
    const transfer = await this.build(seed, from);
    await this.compile(transfer.model);
    return transfer;
  }

  async compile(model: FunctionalModel): Promise<void> {
    const loss = sparseCategoricalCrossentropy({ fromLogits: true });
    await model.compile({ gpu: this.gpu, loss, metrics: ["accuracy"] });
  }

  /** Epochs of a training of more than the head. */
  epochs(data: LabelledDataset): number {
    return this.#epochs(data, this.settings.epochs, this.settings.leastSteps.all);
  }

  #epochs(data: LabelledDataset, usual: number, leastSteps: number): number {
    return Math.max(usual, Math.ceil(leastSteps / Math.ceil(data.y.length / this.settings.batchSize)));
  }

  async head(transfer: TransferModel, data: LabelledDataset, seed: number, more: FitOptions = {}): Promise<void> {
    const { headEpochs, batchSize, leastSteps, rates } = this.settings;
    const epochs = this.#epochs(data, headEpochs, leastSteps.head);
    const options = { epochs, patience: epochs, batchSize, seed, learningRate: rates.head };
    await trainHead(transfer, data, { ...options, ...more });
  }

  async fineTune(transfer: TransferModel, data: LabelledDataset, seed: number, more: FineTuneOptions = {}) {
    const { batchSize, rates } = this.settings;
    const epochs = this.epochs(data);
    const options = { epochs, patience: epochs, batchSize, seed, learningRate: rates.fineTuning, onWarning: () => {} };
    return await fineTune(transfer, data, { ...options, ...more });
  }

  /** All layers at once, with the statistics of the batch. */
  async scratch(transfer: TransferModel, data: LabelledDataset, seed: number, more: FitOptions = {}): Promise<void> {
    const { batchSize, rates } = this.settings;
    const epochs = this.epochs(data);
    transfer.model.trainable = true;
    await transfer.model.fit(data, { epochs, batchSize, seed, optimizer: adam(rates.scratch), ...more });
  }

  async accuracy({ model }: TransferModel): Promise<number> {
    return (await model.evaluate(this.heldOut, { batchSize: 100 })).accuracy;
  }
}
