/** Computes the features of all samples, before the first step that reads them. Loaded where features are cached. */
import { Executor } from "../nn/executor";
import { Workspace } from "../nn/workspace";
import { unlessAborted } from "./abortable";
import type { CheckedDataset } from "./dataset";
import type { Features } from "./features";
import type { ModelTrainer } from "./model-trainer";
import type { PassData } from "./resident";
import { Throttle } from "./session";
import { consecutive } from "./streamed-data";

export interface FillOptions {
  readonly signal: AbortSignal | undefined;
  /** Samples done so far, and all. */
  readonly onProgress: (done: number, count: number) => void;
}

/** Bytes of streamed samples that are read at once; as many wait to be next. */
const windowBytes = 32 * 2 ** 20;

/** Computes what is not there yet, batch by batch; false when it was aborted. */
export async function fillFeatures(
  trainer: ModelTrainer,
  features: Features,
  { data }: PassData,
  { signal, onProgress }: FillOptions,
): Promise<boolean> {
  const { gpu, state } = trainer;
  const { plan, buffers } = features;
  const { count } = data;
  const size = plan.fields.batchSize;
  const workspace = new Workspace(gpu, [plan]);
  const control = new AbortController();
  let executor: Executor | undefined;
  try {
    const rows = data.stream ? streamedRows(data, size, control.signal) : residentRows(data);
    executor = await Executor.create(gpu, plan, state, workspace, buffers);
    const throttle = new Throttle(gpu);
    for (let done = 0; done < count; done += size) {
      if (signal?.aborted) return false;
      // The last batch is a whole one too, and computes some samples again: one plan, and the same bits for all.
      const start = Math.min(done, count - size);
      const x = await unlessAborted(rows(start, size), signal);
      if (!x) return false;
      executor.write("input0", new Float32Array(x));
      const values = trainer.stepValues(trainer.iteration + 1, 0, start, 0);
      if (gpu.debug) await executor.runDebug(values);
      else executor.run(values);
      await throttle.next();
      onProgress(Math.min(done + size, count), count);
    }
    await gpu.finished();
    gpu.throwErrors();
    features.complete = true;
    return true;
  } finally {
    control.abort();
    executor?.dispose();
    workspace.dispose();
  }
}

type Rows = (start: number, size: number) => Promise<Uint8Array | Float32Array>;

const residentRows =
  ({ x, sample }: CheckedDataset): Rows =>
  (start, size) =>
    Promise.resolve(x.subarray(start * sample, (start + size) * sample));

/** Reads windows of whole batches, one ahead; labels that come with them are handed on when all are there. */
function streamedRows(data: CheckedDataset, batch: number, signal: AbortSignal): Rows {
  const { count, sample, label, bytes } = data;
  const stream = data.stream!;
  const window = batch * Math.max(1, Math.floor(windowBytes / (batch * sample * (bytes ? 1 : 4))));
  // A last part of less than a batch belongs to the window before, since the last batch is a whole one that ends with the set.
  const endOf = (from: number) => (count - from - window < batch ? count : from + window);
  const begin = (from: number) => {
    const reading = stream.read(consecutive(endOf(from) - from, from), signal);
    reading.catch(() => {}); // reported where it is awaited, if it still is
    return reading;
  };
  const labels = new Float32Array(count * label);
  let from = 0;
  let end = 0;
  let next = begin(0);
  let current: Uint8Array | Float32Array = new Uint8Array(0);
  return async (start, size) => {
    if (start + size > end) {
      const { x, y } = await next;
      [from, end, current] = [end, endOf(end), x];
      if (y) labels.set(y, from * label);
      if (end < count) next = begin(end);
      else if (y) stream.remember(labels);
    }
    return current.subarray((start - from) * sample, (start - from + size) * sample);
  };
}
