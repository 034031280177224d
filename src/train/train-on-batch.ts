/** For loops of one's own: a training step on samples from outside, and its gradients. Loaded when one is first asked for. */
import { ThawError } from "../errors";
import type { Gpu } from "../gpu/device";
import { readBuffer } from "../nn/device-state";
import type { Parameter } from "../nn/parameter";
import type { TrainingArenas } from "../nn/training-arenas";
import type { ModelTrainer } from "./model-trainer";
import { logsOf } from "./evaluate";
import { Means, ResultReader } from "./results";

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

/** Gradients of the last step. @throws before any. */
export async function readGradients(
  gpu: Gpu,
  arenas: TrainingArenas | undefined,
): Promise<Map<Parameter, Float32Array>> {
  if (!arenas) throw new ThawError("readGradients", "no training step has run", "a step before");
  const all = await readBuffer(gpu, arenas.resources.get("gradients")!);
  return new Map([...arenas.offsets].map(([p, offset]) => [p, all.slice(offset / 4, offset / 4 + p.count)]));
}
