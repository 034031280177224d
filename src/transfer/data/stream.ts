/** Training on more samples than fit into the GPU's memory, or the page's: a window of batches at a time. */
import { ThawError } from "../../errors";
import { elements, type Shape } from "../../kernels/operation";
import type { Container } from "../../nn/model";
import type { Callback, Dataset, FitOptions, History, Logs } from "../../nn/trainer";
import { epochSeed, shuffledOrder } from "../../train/resident";
import { prefixed } from "../../train/results";
import { sampleCount } from "./labelled";
import { streamContext } from "./stream-context";
import { take } from "./select";

/** Samples that are fetched when they are needed, e.g. decoded from files. */
export interface SampleStream {
  /** How many there are. */
  readonly count: number;
  /** Of one sample. */
  readonly shape: Shape;
  /** The samples at these indices with their labels, in this order; an index may come again in another call. */
  readonly read: (indices: Uint32Array) => Dataset | Promise<Dataset>;
}

export interface StreamOptions extends Omit<FitOptions, "cacheFeatures"> {
  /**
   * Bytes of samples on the GPU at a time, rounded to whole batches, at least one. Default 128 MiB, which every WebGPU device takes in one buffer. As
   * many wait in the page's memory to be next.
   */
  readonly windowBytes?: number;
}

const who = "fitStream";

/**
 * `model.fit` over windows of the data. While one is trained on, the next is read (from the data set, or by the stream's `read`). Weights become those of
 * `model.fit(data, { ...options, cacheFeatures: false })`, bit for bit: order, batches, dropout and learning rates are the same. Features of frozen
 * layers are not cached. The means of an epoch weigh each window by its samples: exact for losses and accuracies, not for metrics that are no means
 * (AUC, precision). Callbacks are called as in `fit`.
 *
 * @throws as `fit` does, and for windows whose `read` gives something else than what was asked for.
 */
export async function fitStream(
  model: Container,
  source: Dataset | SampleStream,
  options: StreamOptions = {},
): Promise<History> {
  const stream = "read" in source ? source : streamOf(source);
  const { count } = stream;
  const { epochs = 1, batchSize = Math.min(32, count), windowBytes = 128 * 2 ** 20, callbacks = [] } = options;
  const { validationData, validationBatchSize = batchSize, optimizer, signal, classWeight } = options;
  if (!Number.isInteger(count) || count < 1) throw new ThawError(who, `${count} samples`, "at least one");
  if (!(windowBytes > 0)) throw new ThawError(who, `windowBytes ${windowBytes}`, "a number above 0");
  if (![epochs, batchSize].every((n) => Number.isInteger(n) && n > 0) || batchSize > count)
    throw new ThawError(
      who,
      `${epochs} epochs of batches of ${batchSize}`,
      `whole numbers from 1, at most ${count} a batch`,
    );
  const sampleBytes = elements(stream.shape) * ("x" in source && !(source.x instanceof Float32Array) ? 1 : 4);
  const window = Math.max(1, Math.floor(windowBytes / sampleBytes / batchSize)) * batchSize;
  const started = performance.now();
  const history: Record<string, number[]> = {};
  const progress = { epochs: 0, steps: 0, ended: "finished" as History["ended"] };
  if (!model.compiledWith)
    throw new ThawError(who, `${model.name} is not compiled`, "a compiled model", "Call model.compile() first.");
  const context = streamContext(model, epochs, Math.ceil(count / batchSize), validationData !== undefined);
  const inner: Callback = { onBatchEnd: (step, logs) => callbacks.forEach((c) => c.onBatchEnd?.(step, logs, context)) };
  const { epochs: _, validationData: __, optimizer: ___, windowBytes: ____, ...rest } = options;
  const windowOptions: FitOptions = {
    ...rest,
    epochs: 1,
    shuffle: false, // a window is in the epoch's order already
    cacheFeatures: false,
    callbacks: callbacks.some((c) => c.onBatchEnd) ? [inner] : [],
  };

  const windows = windowsOf(stream, options, epochs, window);
  const fetch = () => {
    const next = windows.next().value as Promise<Window> | undefined;
    next?.catch(() => {}); // reported where it is awaited, if it still is
    return next;
  };
  for (const c of callbacks) await c.onTrainBegin?.(context);
  let next = fetch();
  for (let epoch = 0; epoch < epochs && progress.ended === "finished"; epoch++) {
    for (const c of callbacks) await c.onEpochBegin?.(epoch, context);
    const sums: Record<string, number> = {};
    for (let last = false; !last && progress.ended === "finished";) {
      const current = await next!;
      next = fetch();
      const first = epoch === 0 && progress.steps === 0 && optimizer !== undefined;
      // The last window of an epoch may be smaller than a batch.
      const size = Math.min(batchSize, sampleCount(current.data));
      const done = await model.fit(current.data, {
        ...windowOptions,
        ...(classWeight && { classWeight: presentIn(current.data, classWeight) }),
        batchSize: size,
        ...(first && { optimizer }),
      });
      progress.steps += done.steps;
      last = current.last;
      if (done.ended === "aborted" || signal?.aborted) progress.ended = "aborted";
      for (const [name, values] of Object.entries(done.history))
        sums[name] = (sums[name] ?? 0) + values[0] * sampleCount(current.data);
    }
    if (progress.ended === "aborted") break;
    const logs: Record<string, number> = Object.fromEntries(
      Object.entries(sums).map(([name, sum]) => [name, sum / count]),
    );
    if (callbacks.length > 0) await model.readWeights();
    if (validationData)
      Object.assign(
        logs,
        asValidation(
          await model.evaluate(validationData, {
            batchSize: Math.min(validationBatchSize, sampleCount(validationData)),
          }),
        ),
      );
    progress.epochs++;
    for (const c of callbacks) if ((await c.onEpochEnd?.(epoch, logs, context)) === "stop") context.stop();
    for (const [name, value] of Object.entries(logs)) (history[name] ??= []).push(value);
    if (context.stopReason) progress.ended = "callback";
  }
  const reason = context.stopReason;
  const seconds = (performance.now() - started) / 1000;
  const result: History = { history, ...progress, seconds, ...(reason && { reason }) };
  for (const c of callbacks) await c.onTrainEnd?.(result, context);
  return result;
}

const asValidation = (logs: Logs): Logs =>
  Object.fromEntries(Object.entries(logs).map(([name, v]) => [prefixed("val", name), v]));

const streamOf = (data: Dataset): SampleStream => ({
  count: sampleCount(data),
  shape: data.shape,
  read: (indices) => take(data, indices),
});

interface Window {
  readonly data: Dataset;
  /** Of its epoch. */
  readonly last: boolean;
}

/** All windows of all epochs; each starts to be read when it is asked for. */
function* windowsOf(
  { count, shape, read }: SampleStream,
  { shuffle = true, seed = 0 }: FitOptions,
  epochs: number,
  window: number,
): Generator<Promise<Window>> {
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = orderOf(shuffle, count, seed, epoch);
    for (let start = 0; start < count; start += window) {
      const indices = order.subarray(start, start + window);
      yield (async () => {
        const data = await read(indices);
        const wanted = indices.length * elements(shape);
        if (data.x.length !== wanted)
          throw new ThawError(who, `${data.x.length} values for ${indices.length} samples were read`, `${wanted}`);
        return { data, last: start + window >= count };
      })();
    }
  }
}

/** The weights of the classes that a window has samples of: `fit` takes others for a mistake. */
function presentIn(data: Dataset, weights: NonNullable<FitOptions["classWeight"]>): Record<number, number> {
  const values = Array.from(data.y ?? []);
  const width = values.length / sampleCount(data);
  const classOf = (row: number[]) => (width === 1 ? row[0] : row.indexOf(Math.max(...row)));
  const present = new Set<number>();
  for (let i = 0; i < values.length; i += width) present.add(classOf(values.slice(i, i + width)));
  return Object.fromEntries(Object.entries(weights).filter(([id]) => present.has(Number(id))));
}

/** As `fit` has it. */
function orderOf(shuffle: NonNullable<FitOptions["shuffle"]>, count: number, seed: number, epoch: number): Uint32Array {
  if (typeof shuffle !== "function")
    return shuffle ? shuffledOrder(count, epochSeed(seed, epoch)) : Uint32Array.from({ length: count }, (_, i) => i);
  const order = Array.from(shuffle(epoch));
  if (order.length !== count || order.some((i) => !Number.isInteger(i) || i < 0 || i >= count))
    throw new ThawError(who, `an order of ${order.length} samples`, `${count} indices from 0 to ${count - 1}`);
  return Uint32Array.from(order);
}
