/** The trainer behind `model.compile()`: fit, evaluate, predict on plans. */
import { ThawError } from "../errors";
import type { Gpu } from "../gpu/device";
import type { Shape } from "../kernels/operation";
import type { StepValues } from "../kernels/step";
import type { Halving } from "../nn/compile/half-weights";
import type { Plan } from "../nn/compile/plan";
import type { Mode, Objective } from "../nn/compile/trace";
import type { Optimizer } from "../nn/compile/update";
import { DeviceState } from "../nn/device-state";
import type { Container } from "../nn/model";
import type { Parameter } from "../nn/parameter";
import { TrainingArenas, type SlotValues } from "../nn/training-arenas";
import type {
  CompileOptions,
  DataOptions,
  Dataset,
  EvaluateOptions,
  FitOptions,
  History,
  PlanOptions,
  StreamedDataset,
  Trainer,
  TrainingState,
  TuneOptions,
} from "../nn/trainer";
import type { TuningReport } from "../nn/tuning-report";
import { checkDataset, type CheckedDataset } from "./dataset";
import type { Counters } from "./counters";
import { evaluate } from "./evaluate";
import { FeatureCache, type FeatureUse } from "./features";
import { fit } from "./fit";
import { parseLoss, parseMetric } from "../nn/objectives";
import { parseOptimizer } from "../nn/optimizers";
import { Plans, type WantedPlan } from "./plans";
import { feedOfData, ResidentDataset, type PassData } from "./resident";
import { batchSizes, type Pass } from "./session";
import { predict } from "./predict";
import { StandingSteps, type StandingStep } from "./standing";

export async function createTrainer(model: Container, options: CompileOptions): Promise<Trainer> {
  const { pinned, size, table } = options.gpu.tuning;
  if (pinned && size > 0) (await import("./tuner")).checkTable(table);
  const { frozenPrecision } = options;
  const halving = frozenPrecision && (await import("./extras")).halving(frozenPrecision);
  const trainer = new ModelTrainer(model, options, halving);
  try {
    if (trainer.names.length < trainer.metrics.length)
      trainer.counters = new (await import("./extras")).Counters(trainer);
    await optionsOf(trainer.optimizer); // so that plan() finds their operations
  } catch (error) {
    trainer.dispose();
    throw error;
  }
  return trainer;
}

/** What prepares an optimizer's options, loaded where it has some. */
async function optionsOf(optimizer: Optimizer) {
  if (!optimizer.options) return undefined;
  const options = await import("./extras");
  options.checkOptions(optimizer);
  return options;
}

/** What `fit` tells of a pass over its data. */
export type Caching = Pick<FeatureUse, "cacheFeatures" | "epochs" | "preparation"> &
  Pick<FitOptions, "classWeight" | "shuffle" | "seed" | "signal">;

export class ModelTrainer implements Trainer {
  readonly gpu: Gpu;
  readonly loss: Objective | undefined;
  readonly metrics: readonly Objective[];
  /** Of the metrics that are means over rows, as each step reports them. */
  readonly names: readonly string[];
  /** Of the others. */
  counters: Counters | undefined;
  optimizer: Optimizer;
  /** Training steps done so far, over all calls of fit. */
  iteration = 0;
  /** The learning rate instead of the optimizer's, while it is set. */
  learningRate: number | undefined;
  readonly features = new FeatureCache(this);
  readonly plans: Plans;
  readonly #standing = new StandingSteps();
  #state: DeviceState;
  #arenas: TrainingArenas | undefined;
  /** Slots that wait for the arenas of the next training plan. */
  #slots: SlotValues | undefined;

  constructor(
    readonly model: Container,
    options: CompileOptions,
    halving: Halving | undefined,
  ) {
    this.gpu = options.gpu;
    this.loss = options.loss === undefined ? undefined : parseLoss(options.loss);
    this.metrics = (options.metrics ?? []).map((m) => parseMetric(m, this.#needLoss("compile")));
    this.names = this.metrics.filter((m) => !m.accumulator).map((m) => m.name);
    if (this.names.length > 3) throw new ThawError("compile", `${this.names.length} metrics`, "at most 3");
    this.optimizer = parseOptimizer(options.optimizer ?? "adam");
    this.plans = new Plans({ gpu: this.gpu, model, loss: this.loss, metrics: this.metrics, halving });
    model.assignPaths();
    this.#state = new DeviceState(this.gpu, model.allParameters(), model.name);
  }

  get state(): DeviceState {
    // Layers may have been added since; their weights come with the next upload.
    if (!this.#state.serves(this.model.allParameters()))
      throw new ThawError(
        this.model.name,
        "its layers changed after compile()",
        "the compiled layers",
        "Compile it again.",
      );
    return this.#state;
  }

  #needLoss(who: string): Objective {
    if (!this.loss)
      throw new ThawError(who, `${this.model.name} was compiled without a loss`, "a loss", "Pass loss to compile().");
    return this.loss;
  }

  planFor(wanted: WantedPlan): Plan {
    return this.plans.get(wanted, this.optimizer);
  }

  plan(options: PlanOptions): Plan {
    const { batchSize = 32, mode = "train", data, cacheFeatures = "auto", epochs = 2, preparation } = options;
    if (mode !== "predict") this.#needLoss("plan");
    if (!data || mode === "predict") return this.planFor({ mode, batchSize, preparation });
    const checked = this.check("plan", data);
    const size = Math.min(batchSize, checked.count);
    const slot = mode === "train" ? "training" : "validation";
    const wanted = { mode, batchSize: size, preparation };
    const features = this.features.decide({ ...wanted, slot, data: checked, cacheFeatures, epochs });
    return this.planFor({ ...wanted, feed: feedOfData(checked), features });
  }

  /** Times all kernels of a plan that have no answer yet; plans made from now on follow the answers. */
  async tune(options: TuneOptions): Promise<TuningReport> {
    return await (await import("./tuner")).tuneTrainer(this, options);
  }

  /** Values of the step uniform for training step number `iteration` (from 1). */
  stepValues(iteration: number, seed: number, batchStart: number, ringSlot: number): StepValues {
    const { learningRate, effectiveRate, options } = this.optimizer;
    const update = Math.ceil(iteration / (options?.gradientAccumulationSteps ?? 1));
    const rate = this.learningRate ?? (typeof learningRate === "number" ? learningRate : learningRate(iteration));
    return {
      iteration,
      seed,
      batchStart,
      ringSlot,
      learningRate: rate,
      effectiveRate: effectiveRate?.(rate, update) ?? rate,
    };
  }

  check(name: string, data: Dataset): CheckedDataset {
    return checkDataset(name, data, this.model.inputShape, ...this.labelsFor(name));
  }

  /** Shape of a sample's labels, and the number of classes where they are ids. */
  labelsFor(name: string): [Shape, number | undefined] {
    const loss = this.#needLoss(name);
    const output = [1, ...this.model.outputs[0].shape];
    return [loss.labelShape(output).slice(1), loss.attrs.sparse === true ? output.at(-1) : undefined];
  }

  /** `check`, also for what is streamed: a stream, or samples beyond the budget. */
  async open(name: string, data: Dataset | StreamedDataset, { dataBudget }: DataOptions): Promise<CheckedDataset> {
    const budget = dataBudget ?? this.gpu.memory.largest;
    // Written so that a budget that is not a number is looked at too.
    return !("read" in data) && data.x.byteLength <= budget
      ? this.check(name, data)
      : (await import("./extras")).openStream(this, name, data, budget);
  }

  /** Gradient and optimizer arenas for a training plan; slots of parameters that stay trainable are kept. */
  async arenasFor(plan: Plan): Promise<TrainingArenas | undefined> {
    this.state.markChanged(plan.fields.changes);
    if (plan.fields.gradients.size === 0) return undefined;
    const before = this.#arenas;
    if (before?.serves(plan, this.optimizer)) return before;
    const same = before && before.optimizer.op === this.optimizer.op;
    const saved = same ? await before.readSlots() : this.#slots;
    this.#slots = undefined;
    before?.dispose();
    this.#arenas = undefined;
    this.#arenas = new TrainingArenas(this.gpu, plan, this.state.layout, this.optimizer);
    (await optionsOf(this.optimizer))?.prepareArenas(this.model, this.state, this.#arenas);
    if (saved) this.#arenas.writeSlots(saved);
    return this.#arenas;
  }

  /** Another optimizer starts anew: its step count and slots are its own. */
  useOptimizer(optimizer: string | Optimizer): void {
    this.optimizer = parseOptimizer(optimizer);
    this.iteration = 0;
    this.learningRate = undefined;
    this.#slots = undefined;
    this.#arenas?.dispose();
    this.#arenas = undefined;
    this.#standing.dispose();
  }

  async fit(data: Dataset | StreamedDataset, options: FitOptions): Promise<History> {
    return await fit(this, data, options);
  }

  /**
   * A pass over a data set: plans, and the data on the GPU.
   *
   * @param caching makes it read cached features where that is possible; they have to be filled before the first step.
   * @param held what is on the GPU of streamed data; null where it is cached features. Settled by `streamed-pass.ts`.
   */
  async pass(
    mode: Mode,
    data: CheckedDataset,
    batchSize: number,
    slot: FeatureUse["slot"],
    caching?: Caching,
    held?: PassData | null,
  ): Promise<Pass> {
    if (data.stream && held === undefined)
      return await (await import("./extras")).streamedPass(this, mode, data, batchSize, slot, caching);
    let preparation = held?.preparation ?? caching?.preparation;
    if (data.weights || caching?.classWeight)
      ({ data, preparation } = (await import("./extras")).weigh(data, caching?.classWeight, preparation));
    const feed = held?.feed ?? feedOfData(data);
    const use = caching && { ...caching, slot, mode, data, batchSize, preparation };
    const request = use && this.features.decide(use);
    const plans = new Map<number, Plan>();
    await optionsOf(this.optimizer);
    for (const size of batchSizes(data.count, batchSize)) {
      const wanted = { mode, batchSize: size, feed, features: request, preparation };
      plans.set(size, await this.plans.toRun(wanted, this.optimizer, plans.size === 0));
    }
    const first = [...plans.values()][0];
    const features = use && request && this.features.acquire(use, request);
    const arenas = mode === "train" ? await this.arenasFor(first) : undefined;
    return {
      data: held ?? new ResidentDataset(this.gpu, data, slot, first.reads("data:x")),
      plans,
      resources: new Map([...(arenas?.resources ?? []), ...(features?.buffers ?? [])]),
      request,
      features,
      preparation,
    };
  }

  async evaluate(data: Dataset | StreamedDataset, options: EvaluateOptions): Promise<Record<string, number>> {
    return await evaluate(this, data, options);
  }

  async predict(x: Dataset["x"] | StreamedDataset, options: { batchSize?: number }): Promise<Float32Array> {
    return "read" in x
      ? await (await import("./extras")).predictStream(this, x, options)
      : await predict(this, x, options);
  }

  async trainOnBatch(x: Float32Array | Uint8Array, y: ArrayLike<number>): Promise<Record<string, number>> {
    return await (await import("./extras")).trainOnBatch(this, x, y);
  }

  /** A step on samples from outside, prepared for the next call too. */
  async standingFor(mode: Mode, batchSize: number): Promise<StandingStep> {
    await optionsOf(this.optimizer);
    const plan = await this.plans.toRun({ mode, batchSize }, this.optimizer);
    const arenas = mode === "train" ? await this.arenasFor(plan) : undefined;
    return await this.#standing.get(this.gpu, mode, plan, this.state, arenas?.resources);
  }

  async readGradients(): Promise<Map<Parameter, Float32Array>> {
    return await (await import("./extras")).readGradients(this.gpu, this.#arenas);
  }

  async readState(): Promise<TrainingState> {
    const slots = (await this.#arenas?.readSlots()) ?? this.#slots ?? new Map();
    return { iteration: this.iteration, slots };
  }

  writeState({ iteration, slots }: TrainingState): void {
    this.iteration = iteration;
    if (this.#arenas) this.#arenas.writeSlots(slots);
    else this.#slots = slots;
  }

  async readWeights(): Promise<void> {
    await this.#state.download();
  }

  writeWeights(): void {
    this.#state.upload();
    this.features.dispose();
  }

  dispose(): void {
    this.#standing.dispose();
    this.features.dispose();
    this.#arenas?.dispose();
    this.#arenas = undefined;
    this.#state.dispose();
  }
}
