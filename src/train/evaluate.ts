/** Passes over a data set in inference mode. */
import type { Dataset } from "../nn/trainer";
import type { ModelTrainer } from "./model-trainer";
import { Means, ResultReader } from "./results";
import { batchesOf, createSession, Throttle, type Session } from "./session";

export async function evaluate(
  trainer: ModelTrainer,
  data: Dataset,
  { batchSize = 32 }: { batchSize?: number },
): Promise<Record<string, number>> {
  const checked = trainer.check("evaluate", data);
  const pass = await trainer.pass("evaluate", checked, batchSize, "validation");
  const session = await createSession(trainer.gpu, trainer.state, [pass]);
  try {
    return await evaluatePass(trainer, session, 0, batchSize);
  } finally {
    session.dispose();
  }
}

/** One pass over a session's data. */
export async function evaluatePass(
  trainer: ModelTrainer,
  session: Session,
  index: number,
  batchSize: number,
  prefix = "",
): Promise<Record<string, number>> {
  const { gpu, metrics } = trainer;
  const means = new Means();
  const reader = new ResultReader(gpu, session.workspace, (r) => means.add(r, metrics.length));
  const throttle = new Throttle(gpu);
  const batches = batchesOf(session.passes[index].data.data.count, batchSize);
  for (const [i, { start, size }] of batches.entries()) {
    session.executor(index, size).run(trainer.stepValues(trainer.iteration + 1, 0, start, ResultReader.slot(i)));
    await throttle.next();
    if ((i + 1) % ResultReader.every === 0) await reader.read(i + 1);
  }
  await reader.finish(batches.length);
  return means.logs(
    metrics.map((m) => m.name),
    prefix,
  );
}
