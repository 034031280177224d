/** Single steps on samples from outside, written to the GPU before each: prediction, and loops of one's own. */
import { ThawError } from "../errors";
import type { Dataset } from "../nn/trainer";
import { checkDataset } from "./dataset";
import type { ModelTrainer } from "./model-trainer";
import { logsOf } from "./evaluate";
import { Means, ResultReader } from "./results";
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

export async function trainOnBatch(
  trainer: ModelTrainer,
  x: Float32Array | Uint8Array,
  y: ArrayLike<number>,
): Promise<Record<string, number>> {
  const { names } = trainer;
  const data = trainer.check("trainOnBatch", { x, y: Array.from(y), shape: trainer.model.inputShape });
  const { executor, workspace } = await trainer.standingFor("train", data.count);
  executor.write("input0", Float32Array.from(x));
  executor.write("labels", data.y!);
  const means = new Means();
  let halted = false;
  const reader = new ResultReader(trainer.gpu, workspace, (r) => {
    halted = r.halted;
    means.add(r, names.length);
  });
  executor.run(trainer.stepValues(++trainer.iteration, 0, 0, 0));
  await reader.finish(1);
  const logs = await logsOf(trainer, means, workspace);
  if (halted)
    throw new ThawError(
      "trainOnBatch",
      `step ${trainer.iteration}: loss ${logs.loss}`,
      "a finite loss and gradient",
      "The weights are those before the step.",
    );
  return logs;
}
