/** The studio behind the page: one GPU, one network, one set of images, one training at a time. */
import { adapterName, requestGpu, type Gpu } from "../../src/index";
import { saveModel } from "../../src/loaders/index";
import { snapshotWeights, type TransferModel, type WeightSnapshot } from "../../src/transfer/index";
import { embeddedNetwork } from "./embedded";
import { imagesOf, type OwnImages } from "./images";
import { describeNetwork, freeze, newcomer, pretrained, type NetworkSource } from "./network";
import { describeData, firstOf, withoutImage, type Parts } from "./parts";
import { stepCost, stepPlan } from "./plan";
import type { KeepFormat, KeptFile, Opened, Phase, RunEnd, Settings, StudioEvent, StudioMethods } from "./protocol";
import { Pause } from "./pause";
import { predictOne, resultsOf } from "./results";
import { Speed } from "./speed";
import { train, type Best } from "./training";

/** What is there once the page has opened. */
interface Standing {
  readonly source: NetworkSource;
  readonly own: OwnImages | undefined;
  readonly parts: Parts;
  readonly transfer: TransferModel;
  /** As it came out of the file, under the head's first weights. */
  readonly start: WeightSnapshot;
}

const fileNames: Readonly<Record<KeepFormat, string>> = {
  keras: "thaw-studio.keras",
  onnx: "thaw-studio.onnx",
  tfjs: "model.json",
  safetensors: "thaw-studio.safetensors",
};

export class Studio implements StudioMethods {
  readonly #tell: (event: StudioEvent) => void;
  readonly #speed = new Speed();
  readonly #pause: Pause;
  #gpu: Gpu | undefined;
  #standing: Standing | undefined;
  #best: Best | undefined;
  #abort: AbortController | undefined;

  constructor(tell: (event: StudioEvent) => void) {
    this.#tell = tell;
    this.#pause = new Pause((paused) => tell({ kind: "paused", paused }));
  }

  async open(seed: number): Promise<Opened> {
    if (!this.#gpu) {
      const gpu = (this.#gpu = await requestGpu());
      void gpu.lost.then((info) => this.#tell({ kind: "lost", message: info.message || info.reason }));
    }
    return await this.#begin(await embeddedNetwork(), undefined, seed);
  }

  async embedded(seed: number): Promise<Opened> {
    return await this.open(seed);
  }

  async loadNetwork(files: readonly File[], seed: number): Promise<Opened> {
    return await this.#begin(files, this.#there.own, seed);
  }

  async loadImages(files: OwnImages, seed: number): Promise<Opened> {
    return await this.#begin(this.#there.source, files, seed);
  }

  removeImage(index: number): Promise<Opened> {
    this.#idle();
    const standing = this.#there;
    this.#standing = { ...standing, parts: withoutImage(standing.parts, index) };
    return Promise.resolve(this.#opened());
  }

  /** Everything is made before anything is replaced: a file that cannot be read changes nothing. */
  async #begin(source: NetworkSource, own: OwnImages | undefined, seed: number): Promise<Opened> {
    this.#idle();
    const gpu = this.#gpu!;
    const before = this.#standing;
    const same = before && before.own === own;
    // Two names stand for the classes until the images are read, whose size the network tells.
    const names = same ? before.parts.training.classNames : ["cat", "dog"];
    let transfer = await pretrained(source, { gpu, classNames: names, seed });
    try {
      const [height, width] = transfer.base.inputShape;
      const [rows, columns] = same ? before.parts.training.shape : [];
      const parts =
        rows === height && columns === width ? before!.parts : await imagesOf(gpu, own, [height, width], seed);
      const { classNames } = parts.training;
      if (classNames.join("\n") !== names.join("\n")) {
        transfer.model.dispose();
        transfer = await pretrained(source, { gpu, classNames, seed });
      }
      const start = await snapshotWeights(transfer.model);
      this.#standing = { source, own, parts, transfer, start };
    } catch (error) {
      transfer.model.dispose();
      throw error;
    }
    before?.transfer.model.dispose();
    this.#best = undefined;
    return this.#opened();
  }

  #opened(): Opened {
    const { adapter } = this.#gpu!;
    const { transfer, parts } = this.#there;
    return {
      adapter: { name: adapterName(adapter), software: adapter.software },
      network: describeNetwork(transfer),
      data: describeData(parts),
    };
  }

  get #there(): Standing {
    if (!this.#standing) throw new Error("The studio is not open yet.");
    return this.#standing;
  }

  #idle(): void {
    if (this.#abort) throw new Error("A training is running. Stop it first.");
  }

  plan(frozen: readonly string[], batchSize: number) {
    const { transfer } = this.#there;
    return Promise.resolve(stepPlan(this.#planned(frozen, batchSize), transfer, this.#speed));
  }

  planFile(frozen: readonly string[], batchSize: number): Promise<string> {
    return Promise.resolve(JSON.stringify(this.#planned(frozen, batchSize).toJSON(), null, 2));
  }

  #planned(frozen: readonly string[], batchSize: number) {
    this.#idle();
    const { transfer } = this.#there;
    freeze(transfer, frozen);
    return transfer.model.plan({ batchSize });
  }

  async train(phase: Phase, settings: Settings, frozen: readonly string[]): Promise<RunEnd> {
    this.#idle();
    const abort = (this.#abort = new AbortController());
    let passing: TransferModel | undefined;
    try {
      const transfer = await this.#networkFor(phase, settings);
      if (phase === "scratch") passing = transfer;
      else freeze(transfer, frozen);
      const { parts } = this.#there;
      const training = firstOf(parts.training, settings.trainingImages);
      const validation = firstOf(parts.validation, settings.validationImages);
      const { epochs } = settings;
      const batchSize = Math.min(settings.batchSize, training.y.length);
      const planned = transfer.model.plan({ batchSize, ...(!settings.augment && { data: training, epochs }) });
      const { history, best, secondsAStep } = await train({
        transfer,
        phase,
        settings: { ...settings, batchSize },
        training,
        validation,
        signal: abort.signal,
        whilePaused: async () => await this.#pause.wait(abort.signal),
        tell: this.#tell,
      });
      if (secondsAStep !== undefined) this.#speed.add({ ...stepCost(planned), seconds: secondsAStep });
      if (!passing) this.#best = best;
      return {
        ended: history.ended,
        seconds: history.seconds,
        steps: history.steps,
        bestEpoch: best.epoch,
        bestAccuracy: best.accuracy,
        bestLoss: best.loss,
        plan: stepPlan(planned, transfer, this.#speed),
      };
    } finally {
      passing?.model.dispose();
      this.#abort = undefined;
      this.#pause.set(false);
    }
  }

  /** A head begins with a fresh network, fine-tuning goes on with the one that is there, and scratch has one of its own. */
  async #networkFor(phase: Phase, { seed }: Settings): Promise<TransferModel> {
    const standing = this.#there;
    const options = { gpu: this.#gpu!, classNames: standing.parts.training.classNames, seed };
    if (phase === "scratch") return await newcomer(standing.source, options);
    if (phase === "fineTune") return standing.transfer;
    const transfer = await pretrained(standing.source, options);
    standing.transfer.model.dispose();
    this.#standing = { ...standing, transfer, start: await snapshotWeights(transfer.model) };
    return transfer;
  }

  pause(on: boolean): void {
    if (this.#abort) this.#pause.set(on);
  }

  stop(): void {
    this.#abort?.abort();
  }

  undo(): Promise<void> {
    this.#idle();
    const { model } = this.#there.transfer;
    if (!this.#best) throw new Error("Nothing has been trained yet.");
    for (const parameter of model.allParameters()) parameter.assign(this.#best.weights.get(parameter.path)!);
    model.writeWeights();
    return Promise.resolve();
  }

  async results({ validationImages }: Settings) {
    this.#idle();
    const { transfer, parts, start } = this.#there;
    return await resultsOf(transfer, firstOf(parts.validation, validationImages), start);
  }

  async predict(image: Blob) {
    this.#idle();
    return await predictOne(this.#gpu!, this.#there.transfer, image);
  }

  async save(format: KeepFormat): Promise<readonly KeptFile[]> {
    this.#idle();
    const { model } = this.#there.transfer;
    const files = await saveModel(model, format);
    // What one file holds takes the studio's name; TF.js's files name each other.
    return files.map(({ name, bytes }) => ({
      name: files.length === 1 ? fileNames[format] : name,
      bytes: bytes.slice(),
    }));
  }
}
