/** A pass over a data set in inference mode with metrics that the model was not compiled with. */
import { ThawError } from "../../errors";
import type { Objective } from "../../nn/compile/trace";
import type { Plan } from "../../nn/compile/plan";
import type { Container } from "../../nn/model";
import type { Dataset } from "../../nn/trainer";
import { Counters } from "../../train/counters";
import { evaluatePass } from "../../train/evaluate";
import { ModelTrainer } from "../../train/model-trainer";
import { Plans } from "../../train/plans";
import { feedOfData, ResidentDataset } from "../../train/resident";
import { batchSizes, Session } from "../../train/session";

export interface Counted {
  /** Mean of the compiled loss. */
  readonly loss: number;
  /** Values a row of the model's output. */
  readonly outputs: number;
  /** Of each metric. */
  readonly counts: ReadonlyMap<Objective, Uint32Array>;
  /** Metrics by name. */
  readonly logs: Readonly<Record<string, number>>;
}

/** @param metrics that count. @throws for a model that is not compiled with a loss, and for data that does not fit. */
export async function countOver(
  who: string,
  model: Container,
  data: Dataset,
  metrics: readonly Objective[],
  batchSize = 32,
): Promise<Counted> {
  const trainer = model.compiledWith;
  if (!(trainer instanceof ModelTrainer))
    throw new ThawError(who, `${model.name} is not compiled`, "a compiled model", "Call model.compile({ gpu, loss }).");
  if (!(Number.isInteger(batchSize) && batchSize > 0))
    throw new ThawError(who, `batchSize ${batchSize}`, "a whole number above 0");
  const { gpu, state, optimizer } = trainer;
  const checked = trainer.check(who, data);
  const feed = feedOfData(checked);
  const settings = new Plans({ ...trainer.plans.settings, metrics });
  const plans = new Map<number, Plan>();
  for (const size of batchSizes(checked.count, batchSize))
    plans.set(size, await settings.toRun({ mode: "evaluate", batchSize: size, feed }, optimizer, false));
  const first = [...plans.values()][0];
  const counters = new Counters({ gpu, model, metrics });
  let counts: Counted["counts"] = new Map();
  const pass = {
    data: new ResidentDataset(gpu, checked, "evaluation", first.reads("data:x")),
    plans,
    resources: new Map<string, GPUBuffer>(),
    request: undefined,
    preparation: undefined,
    features: undefined,
  };
  const session = await Session.create(gpu, state, [pass]);
  try {
    const logs = await evaluatePass(
      {
        gpu,
        names: [],
        iteration: trainer.iteration,
        stepValues: (...values) => trainer.stepValues(...values),
        counters: {
          logs: async (workspace) => counters.logsOf((counts = await counters.read(workspace))),
        },
      },
      session,
      0,
      batchSize,
    );
    return { loss: logs.loss, outputs: model.outputs[0].shape.at(-1)!, counts, logs };
  } finally {
    session.dispose();
  }
}
