/** Predictions for samples that are read a window at a time, the next one while the present one is predicted. */
import type { StreamedDataset } from "../nn/trainer";
import { checkStream } from "./open-stream";
import type { ModelTrainer } from "./model-trainer";
import { predict } from "./predict";
import { consecutive } from "./streamed-data";

/** Bytes of samples that are read at once. */
const windowBytes = 32 * 2 ** 20;

export async function predictStream(
  trainer: ModelTrainer,
  source: StreamedDataset,
  options: { batchSize?: number },
): Promise<Float32Array> {
  const { batchSize = 32 } = options;
  const { count, sample, bytes, stream } = checkStream(
    "predict",
    source,
    trainer.model.inputShape,
    undefined,
    Infinity,
  );
  // Whole batches, so that outputs are those of one call for all.
  const window = batchSize * Math.max(1, Math.floor(windowBytes / (batchSize * sample * (bytes ? 1 : 4))));
  const control = new AbortController();
  const begin = (from: number) => {
    const reading = stream!.read(consecutive(Math.min(window, count - from), from), control.signal);
    reading.catch(() => {}); // reported where it is awaited, if it still is
    return reading;
  };
  let all: Float32Array | undefined;
  try {
    let next = begin(0);
    for (let from = 0; from < count; from += window) {
      const { x } = await next;
      if (from + window < count) next = begin(from + window);
      const outputs = await predict(trainer, x, options);
      const width = outputs.length / Math.min(window, count - from);
      all ??= new Float32Array(count * width);
      all.set(outputs, from * width);
    }
  } finally {
    control.abort();
  }
  return all!;
}
