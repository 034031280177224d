/** The two phases of transfer learning: a head on frozen features, then the whole, delicately. */
import { ThawError } from "../../errors";
import { adam } from "../../nn/optimizers";
import type { Parameter } from "../../nn/parameter";
import type { Dataset, FitOptions, History, Logs, TrainingContext, StreamedDataset } from "../../nn/trainer";
import { earlyStopping } from "../callbacks";
import { Monitor } from "../callbacks/monitor";
import { sampleCount } from "../data/labelled";
import { cosineDecay, warmUp } from "../schedules";
import { holdWeights } from "../hold-weights";
import { blocksOf, type Block } from "./blocks";
import type { TransferModel } from "./build";
import { freshHead, highRate, smallBatch, toConsole } from "./warnings";

export interface PhaseOptions extends FitOptions {
  /** Of Adam, where no `optimizer` is given. */
  readonly learningRate?: number;
  /** Epochs without a better `monitor` after which the phase ends; see each phase. */
  readonly patience?: number;
  /** What "better" means; default `valLoss`, or `loss` without validation data. Accuracy moves in steps of one image, the loss does not. */
  readonly monitor?: string;
  /** Gets each warning; default `console.warn`. */
  readonly onWarning?: (text: string) => void;
}

export interface FineTuneOptions extends PhaseOptions {
  /**
   * What is thawed: "all" (the default), the top so many blocks of the base (see `blocksOf`), or everything above the layer of this name.
   * The lower layers know edges and colours, which most tasks share; thawing fewer is faster and adapts less.
   */
  readonly unfreeze?: number | string;
  /**
   * Thaws block by block from the top, so many epochs each, before the rest of the epochs with all that `unfreeze` names (Howard and Ruder 2018,
   * section 3.3). Default 0: all at once.
   */
  readonly gradualEpochs?: number;
  /**
   * Factor of the learning rate from each block to the one below; the head has 1. Default 1: all learn alike. Howard and Ruder (2018, section 3.2)
   * use 1 / 2.6.
   */
  readonly layerDecay?: number;
}

export interface PhaseResult extends History {
  /** From 0: the epoch whose weights the model has now; -1 where those from before the phase were better. */
  readonly bestEpoch: number;
  /** `monitor` then. */
  readonly best: number;
  readonly monitor: string;
  readonly warnings: readonly string[];
}

const monitorOf = ({ monitor, validationData }: PhaseOptions): string =>
  monitor ?? (validationData ? "valLoss" : "loss");

function stepsOf(data: Dataset | StreamedDataset, batchSize: number | undefined): { size: number; steps: number } {
  const count = sampleCount(data);
  const size = batchSize ?? Math.min(32, count);
  return { size, steps: Math.ceil(count / size) };
}

/** Options of the phases that `fit` does not know. */
function forFit(options: FineTuneOptions): FitOptions {
  const { learningRate: _rate, patience: _patience, monitor: _monitor, onWarning: _warn, ...rest } = options;
  const { unfreeze: _unfreeze, gradualEpochs: _gradual, layerDecay: _decay, ...fit } = rest;
  return fit;
}

function checkPhase(who: string, transfer: TransferModel, { learningRate, patience }: PhaseOptions): void {
  if (!transfer.model.compiledWith)
    throw new ThawError(
      who,
      `${transfer.model.name} is not compiled`,
      "a compiled model",
      "Call model.compile() first.",
    );
  if (learningRate !== undefined && !(learningRate > 0 && learningRate < Infinity))
    throw new ThawError(who, `learningRate ${learningRate}`, "a finite number above 0");
  if (patience !== undefined && (!Number.isInteger(patience) || patience < 0))
    throw new ThawError(who, `patience ${patience}`, "a whole number, 0 or more");
}

/**
 * Trains the head alone, on a frozen base, until it gets no better; its best weights stay.
 *
 * Defaults: at most 30 epochs (on cached features they cost next to nothing); Adam at 1e-3, Keras's default, which new weights
 * bear; patience 5, because the validation loss of few images is noisy.
 */
export async function trainHead(
  transfer: TransferModel,
  data: Dataset | StreamedDataset,
  options: PhaseOptions = {},
): Promise<PhaseResult> {
  checkPhase("trainHead", transfer, options);
  const { base, head, model } = transfer;
  const { epochs = 30, learningRate = 1e-3, patience = 5, optimizer = adam(learningRate), callbacks = [] } = options;
  base.trainable = false;
  for (const layer of head) layer.trainable = true;
  const monitor = monitorOf(options);
  const stop = earlyStopping({ monitor, patience, restoreBestWeights: true });
  const history = await model.fit(data, { ...forFit(options), epochs, optimizer, callbacks: [stop, ...callbacks] });
  const { bestEpoch, best = Number.NaN } = stop;
  return { ...history, bestEpoch, best, monitor, warnings: [] };
}

/** The layers of the base that are thawed, by the option `unfreeze`, in blocks from the top. */
function thawed({ base }: TransferModel, unfreeze: NonNullable<FineTuneOptions["unfreeze"]>): Block[] {
  const blocks = blocksOf(base).toReversed();
  if (unfreeze === "all") return blocks;
  if (typeof unfreeze === "number") {
    if (!Number.isInteger(unfreeze) || unfreeze < 1)
      throw new ThawError("fineTune", `unfreeze ${unfreeze}`, '"all", a layer, or a number of blocks, 1 or more');
    return blocks.slice(0, unfreeze);
  }
  const layers = base.flatLayers();
  const last = layers.indexOf(base.getLayer(unfreeze));
  const above = new Set(layers.slice(last + 1));
  const parts = blocks.map((b) => ({ ...b, layers: b.layers.filter((l) => above.has(l)) }));
  const kept = parts.filter((b) => b.layers.some((l) => l.parameters.length > 0));
  if (kept.length === 0)
    throw new ThawError("fineTune", `nothing with weights lies above ${unfreeze}`, "a layer further down");
  return kept;
}

/** Rate of each weight against the head's: one factor more for each block further down. */
function decayed(blocks: readonly Block[], layerDecay: number): (parameter: Parameter) => number {
  const factors = new Map<Parameter, number>();
  blocks.forEach(({ layers }, i) => {
    for (const p of layers.flatMap((l) => l.parameters)) factors.set(p, layerDecay ** (i + 1));
  });
  return (p) => factors.get(p) ?? 1;
}

function checkFineTune({ gradualEpochs = 0, layerDecay = 1 }: FineTuneOptions): void {
  if (!Number.isInteger(gradualEpochs) || gradualEpochs < 0)
    throw new ThawError("fineTune", `gradualEpochs ${gradualEpochs}`, "a whole number, 0 or more");
  if (!(layerDecay > 0 && layerDecay <= 1))
    throw new ThawError("fineTune", `layerDecay ${layerDecay}`, "a number above 0, at most 1");
}

const joined = (parts: readonly History[]): History => ({
  ...parts.at(-1)!,
  history: Object.fromEntries(
    Object.keys(parts[0].history).map((name) => [name, parts.flatMap((p) => p.history[name] ?? [])]),
  ),
  epochs: parts.reduce((n, p) => n + p.epochs, 0),
  steps: parts.reduce((n, p) => n + p.steps, 0),
  seconds: parts.reduce((n, p) => n + p.seconds, 0),
});

/**
 * Thaws the base and goes on at a low rate; the best weights stay, and those from before where fine-tuning made nothing better.
 *
 * Defaults: at most 10 epochs; Adam at 1e-4, a tenth of the head's rate, rising over the first tenth of the steps (Adam's first steps are
 * as large as the rate allows, whatever the gradient) and falling along half a cosine; patience 3.
 */
export async function fineTune(
  transfer: TransferModel,
  data: Dataset | StreamedDataset,
  options: FineTuneOptions = {},
): Promise<PhaseResult> {
  checkPhase("fineTune", transfer, options);
  checkFineTune(options);
  const { base, model, classNames } = transfer;
  const { epochs = 10, learningRate = 1e-4, patience = 3, callbacks = [], validationData } = options;
  const { unfreeze = "all", gradualEpochs = 0, layerDecay = 1, onWarning = toConsole } = options;
  const measure = new Monitor("fineTune", { monitor: monitorOf(options) });
  const monitor = measure.name;
  const { size, steps } = stepsOf(data, options.batchSize);
  const blocks = thawed(transfer, unfreeze);
  const thaw = (count: number) => {
    base.trainable = false;
    for (const layer of blocks.slice(0, count).flatMap((b) => b.layers)) layer.trainable = true;
  };
  const stages = gradualEpochs > 0 ? Math.min(blocks.length - 1, Math.floor((epochs - 1) / gradualEpochs)) : 0;

  const warnings: string[] = [];
  const warn = (text: string | undefined) => {
    if (text === undefined) return;
    warnings.push(text);
    onWarning(text);
  };
  await model.readWeights();
  thaw(blocks.length);
  const parameters = base.trainableParameters;
  const own = options.optimizer === undefined;
  if (own) warn(highRate(parameters, learningRate, steps));
  warn(smallBatch(transfer, size));
  const evaluated = await model.evaluate(validationData ?? data, { batchSize: size });
  warn(freshHead(evaluated.loss, classNames.length));
  const start = valueBefore(monitor, evaluated);
  const putBack = await holdWeights(model);

  const total = epochs * steps;
  const rise = Math.ceil(total / 10);
  const rate = warmUp(rise, cosineDecay(learningRate, Math.max(1, total - rise)));
  const multipliers = layerDecay < 1 && { learningRateMultipliers: decayed(blocks, layerDecay) };
  const optimizer = options.optimizer ?? adam(rate, { ...multipliers });
  const parts: History[] = [];
  const fit = async (more: FitOptions) => {
    // Stages after the first go on with its optimizer: steps, schedule and slots.
    const first = parts.length === 0 ? { optimizer } : { optimizer: undefined };
    parts.push(await model.fit(data, { ...forFit(options), callbacks, ...more, ...first }));
  };
  for (let stage = 0; stage < stages && parts.every((p) => p.ended === "finished"); stage++) {
    thaw(stage + 1);
    await fit({ epochs: gradualEpochs });
  }
  thaw(blocks.length);
  const stop = earlyStopping({ monitor, patience, restoreBestWeights: true });
  const direct = { onTrainBegin: (context: TrainingContext) => measure.begin(context) };
  if (parts.every((p) => p.ended === "finished"))
    await fit({ epochs: epochs - stages * gradualEpochs, callbacks: [stop, direct, ...callbacks] });
  const history = joined(parts);
  const found = { ...history, monitor, warnings };
  // A stage that was cut short has kept nothing but what it ended with.
  const { best = Number.NaN } = stop;
  if (stop.best !== undefined && start !== undefined && !measure.improves(best, start)) {
    putBack();
    return { ...found, bestEpoch: -1, best: start };
  }
  const before = history.epochs - parts.at(-1)!.epochs;
  return stop.best === undefined
    ? { ...found, bestEpoch: history.epochs - 1, best: history.history[monitor]?.at(-1) ?? Number.NaN }
    : { ...found, bestEpoch: before + stop.bestEpoch, best };
}

/** The monitored value from an evaluation; undefined where fine-tuning's own first epoch has to be the measure. */
function valueBefore(monitor: string, evaluated: Logs): number | undefined {
  // Without validation data the training loss has dropout in it: that of evaluation is no measure for it.
  if (!monitor.startsWith("val")) return undefined;
  const name = monitor[3].toLowerCase() + monitor.slice(4);
  return evaluated[name];
}
