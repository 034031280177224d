/** The training loop. */
import type { Dataset, FitOptions, History, StreamedDataset, TrainingContext } from "../nn/trainer";
import { evaluatePass, logsOf } from "./evaluate";
import type { ModelTrainer } from "./model-trainer";
import { epochSeed, shuffledOrder } from "./resident";
import { Means, type StepResult } from "./results";
import { runPass } from "./run-pass";
import { batchesOf, Session, type Pass } from "./session";

export async function fit(
  trainer: ModelTrainer,
  data: Dataset | StreamedDataset,
  options: FitOptions,
): Promise<History> {
  // Everything that can be wrong with data is found before anything is allocated.
  const training = await trainer.open("fit", data, options);
  const settings = settle(options, training.count);
  const validation = options.validationData && (await trainer.open("validationData", options.validationData, options));
  const { epochs, batchSize, validationBatchSize, cacheFeatures } = settings;
  if (
    ![epochs, batchSize, validationBatchSize].every((n) => Number.isInteger(n) && n > 0) ||
    !["auto", true, false, "float16"].includes(cacheFeatures) ||
    batchSize > training.count ||
    trainer.model.trainableParameters.length === 0
  )
    throw (await import("./extras")).explainOptions(trainer.model, settings, training.count);
  if (options.optimizer) trainer.useOptimizer(options.optimizer);
  const passes: Pass[] = [];
  let session: Session | undefined;
  try {
    passes.push(await trainer.pass("train", training, settings.batchSize, "training", settings));
    if (validation) {
      const size = Math.min(validationBatchSize, validation.count);
      passes.push(await trainer.pass("evaluate", validation, size, "validation", { cacheFeatures, epochs }));
    } else {
      trainer.features.release("validation");
    }
    session = await Session.create(trainer.gpu, trainer.state, passes);
    return await new Loop(trainer, session, settings).run();
  } finally {
    await trainer.gpu.finished();
    session?.dispose();
    for (const pass of passes) pass.data.dispose();
    trainer.features.releaseIncomplete();
  }
}

/** Options of `fit` with their defaults. */
export type Settings = FitOptions &
  Required<
    Pick<
      FitOptions,
      "epochs" | "batchSize" | "validationBatchSize" | "shuffle" | "seed" | "cacheFeatures" | "callbacks"
    >
  >;

function settle(options: FitOptions, count: number): Settings {
  const {
    epochs = 1,
    batchSize = Math.min(32, count),
    validationBatchSize = batchSize,
    shuffle = true,
    seed = 0,
  } = options;
  const { cacheFeatures = "auto", callbacks = [] } = options;
  return { ...options, epochs, batchSize, validationBatchSize, shuffle, seed, cacheFeatures, callbacks };
}

class Loop {
  readonly #trainer: ModelTrainer;
  readonly #session: Session;
  readonly #settings: Settings;
  readonly #history: Record<string, number[]> = {};
  #steps = 0;
  #halted: StepResult | undefined;
  #means = new Means();
  /** Undefined without callbacks. */
  #context: TrainingContext | undefined;

  constructor(trainer: ModelTrainer, session: Session, settings: Settings) {
    this.#trainer = trainer;
    this.#session = session;
    this.#settings = settings;
  }

  async run(): Promise<History> {
    const { epochs, callbacks } = this.#settings;
    const started = performance.now();
    // Only callbacks need it.
    if (callbacks[0])
      this.#context = (await import("./extras")).createContext(this.#trainer, this.#session, this.#settings);
    const context = this.#context!;
    let aborted = false;
    let done = 0;
    for (const c of callbacks) await c.onTrainBegin?.(context);
    if (!(await this.#fillFeatures())) aborted = true;
    for (let epoch = 0; epoch < epochs && !aborted && !this.#context?.stopReason; epoch++) {
      for (const c of callbacks) await c.onEpochBegin?.(epoch, context);
      if (!(await this.#epoch(epoch))) {
        aborted = true;
        break;
      }
      done++;
      const logs = await this.#finishEpoch();
      for (const c of callbacks) if ((await c.onEpochEnd?.(epoch, logs, context)) === "stop") context.stop();
      for (const [name, value] of Object.entries(logs)) (this.#history[name] ??= []).push(value);
    }
    const reason = this.#context?.stopReason;
    const streamed = this.#session.passes.flatMap(({ data }) => data.data.stream?.text ?? []);
    const history: History = {
      history: this.#history,
      epochs: done,
      steps: this.#steps,
      seconds: (performance.now() - started) / 1000,
      ended: aborted ? "aborted" : reason ? "callback" : "finished",
      ...(reason && { reason }),
      ...(streamed[0] && { streamed }),
    };
    for (const c of callbacks) await c.onTrainEnd?.(history, context);
    return history;
  }

  /** What the steps of all epochs start from; false when it was aborted. */
  async #fillFeatures(): Promise<boolean> {
    const { signal, callbacks } = this.#settings;
    const onProgress = (done: number, count: number) => {
      for (const c of callbacks) c.onFeatures?.(done, count);
    };
    for (const { features, data } of this.#session.passes)
      if (features && !features.complete) {
        const { fillFeatures } = await import("./extras");
        if (!(await fillFeatures(this.#trainer, features, data, { signal, onProgress }))) return false;
      }
    return true;
  }

  /** Runs the steps of one epoch; false when it was aborted. */
  async #epoch(epoch: number): Promise<boolean> {
    const { batchSize, shuffle, seed, signal } = this.#settings;
    const trainer = this.#trainer;
    const data = this.#session.passes[0].data;
    const { count } = data.data;
    if (typeof shuffle === "function") data.order((await import("./extras")).orderOf(shuffle(epoch), count));
    else if (shuffle) data.order(shuffledOrder(count, epochSeed(seed, epoch)));
    this.#means = new Means();
    const epochStart = trainer.iteration;
    let aborted = false;
    await runPass(
      trainer.gpu,
      this.#session,
      0,
      batchSize,
      (result) => this.#take(result),
      (at, slot) => {
        if (this.#halted || this.#context?.stopReason || (aborted = !!signal?.aborted)) return undefined;
        this.#steps++;
        return trainer.stepValues(++trainer.iteration, seed, at, slot);
      },
    );
    if (this.#halted) {
      const { explainHalt } = await import("./extras"); // which most trainings never need
      const { iteration } = this.#halted;
      const batch = batchesOf(count, batchSize)[iteration - epochStart - 1];
      throw await explainHalt(trainer, this.#session, this.#halted, { batch, epoch, seed });
    }
    return !aborted;
  }

  #take(result: StepResult): void {
    if (result.halted) {
      this.#halted ??= result;
      return;
    }
    const { names } = this.#trainer;
    this.#means.add(result, names.length);
    if (this.#settings.callbacks.length === 0) return;
    const one = new Means();
    one.add(result, names.length);
    const logs = one.logs(names);
    for (const c of this.#settings.callbacks) c.onBatchEnd?.(result.iteration, logs, this.#context!);
  }

  async #finishEpoch(): Promise<Record<string, number>> {
    const trainer = this.#trainer;
    const logs = await logsOf(trainer, this.#means, this.#session.workspace);
    const validation = this.#session.passes[1];
    if (validation) {
      const batchSize = Math.min(this.#settings.validationBatchSize, validation.data.data.count);
      Object.assign(logs, await evaluatePass(trainer, this.#session, 1, batchSize, "val"));
    }
    return logs;
  }
}
