/** Passes over a data set in inference mode. */
import type { Dataset, EvaluateOptions, StreamedDataset } from "../nn/trainer";
import type { Workspace } from "../nn/workspace";
import type { Counters } from "./counters";
import type { ModelTrainer } from "./model-trainer";
import { Means } from "./results";
import { runPass } from "./run-pass";
import { Session } from "./session";

export async function evaluate(
  trainer: ModelTrainer,
  data: Dataset | StreamedDataset,
  options: EvaluateOptions,
): Promise<Record<string, number>> {
  const { batchSize = 32 } = options;
  const checked = await trainer.open("evaluate", data, options);
  const pass = await trainer.pass("evaluate", checked, batchSize, "validation");
  const session = await Session.create(trainer.gpu, trainer.state, [pass]);
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
  const { names } = trainer;
  const means = new Means();
  await runPass(
    trainer.gpu,
    session,
    index,
    batchSize,
    (result) => means.add(result, names.length),
    (at, slot) => trainer.stepValues(trainer.iteration + 1, 0, at, slot),
  );
  return await logsOf(trainer, means, session.workspace, prefix);
}
