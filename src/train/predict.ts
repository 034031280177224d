/** Predictions: samples are written to the GPU batch by batch. */
import type { Dataset } from "../nn/trainer";
import { checkDataset } from "./dataset";
import type { ModelTrainer } from "./model-trainer";
import { batchesOf } from "./session";

export async function predict(
  trainer: ModelTrainer,
  x: Dataset["x"],
  { batchSize = 32 }: { batchSize?: number },
): Promise<Float32Array> {
  const shape = trainer.model.inputShape;
  const { count, sample } = checkDataset("predict", { x, shape }, shape);
  const results: Float32Array[] = [];
  for (const { start, size } of batchesOf(count, batchSize)) {
    const { executor } = await trainer.standingFor("predict", size);
    executor.write("input0", Float32Array.from(x.subarray(start * sample, (start + size) * sample)));
    executor.run(trainer.stepValues(1, 0, 0, 0));
    results.push(await executor.read("output0"));
  }
  const all = new Float32Array(results.reduce((n, r) => n + r.length, 0));
  let at = 0;
  for (const r of results) {
    all.set(r, at);
    at += r.length;
  }
  return all;
}
