/** Passes over a data set in inference mode. */
import type { Dataset } from "../nn/trainer";
import type { Workspace } from "../nn/workspace";
import type { Counters } from "./counters";
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

/** What reads the counts of metrics that have some. */
interface Counting {
  readonly counters: Pick<Counters, "logs"> | undefined;
}

/** After a pass: means of its steps, and what was counted. */
export const logsOf = async (
  { names, counters }: Pick<ModelTrainer, "names"> & Counting,
  means: Means,
  workspace: Workspace,
  prefix?: string,
): Promise<Record<string, number>> => ({
  ...means.logs(names, prefix),
  ...(await counters?.logs(workspace, prefix)),
});

/** One pass over a session's data. */
export async function evaluatePass(
  trainer: Pick<ModelTrainer, "gpu" | "names" | "iteration" | "stepValues"> & Counting,
  session: Session,
  index: number,
  batchSize: number,
  prefix?: string,
): Promise<Record<string, number>> {
  const { gpu, names } = trainer;
  const { workspace } = session;
  const means = new Means();
  const reader = new ResultReader(gpu, workspace, (r) => means.add(r, names.length));
  const throttle = new Throttle(gpu);
  const batches = batchesOf(session.passes[index].data.data.count, batchSize);
  for (const [i, { start, size }] of batches.entries()) {
    session.executor(index, size).run(trainer.stepValues(trainer.iteration + 1, 0, start, ResultReader.slot(i)));
    await throttle.next();
    if ((i + 1) % ResultReader.every === 0) await reader.read(i + 1);
  }
  await reader.finish(batches.length);
  return await logsOf(trainer, means, workspace, prefix);
}
