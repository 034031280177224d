/** Finds the layer whose output first was not finite, by running the forward pass again with every value kept. */
import { Executor } from "../nn/executor";
import { Workspace } from "../nn/workspace";
import type { ModelTrainer } from "./model-trainer";
import type { Batch, Session } from "./session";

/** Reads one batch's values in the order of computation; weights and moving statistics are as before afterwards. */
export async function findNonFinite(
  trainer: ModelTrainer,
  session: Session,
  batch: Batch,
  seed: number,
  iteration: number,
): Promise<string> {
  const { data, resources, request } = session.passes[0];
  const plan = trainer.plans.diagnosis(batch.size, data.feed, request);
  const workspace = new Workspace(trainer.gpu, [plan]);
  let executor: Executor | undefined;
  // The forward pass of training moves the statistics of batch normalization; they are put back.
  await trainer.state.download();
  try {
    executor = await Executor.create(
      trainer.gpu,
      plan,
      trainer.state,
      workspace,
      new Map([...data.resources, ...resources]),
    );
    executor.run(trainer.stepValues(iteration, seed, batch.start, 0));
    for (const port of Object.keys(plan.fields.ports).filter((name) => name.includes("|"))) {
      const values = await executor.read(port);
      const at = values.findIndex((v) => !Number.isFinite(v));
      if (at >= 0)
        return `the output of ${port.split("|")[1]} was the first that was not finite (element ${at} is ${values[at]})`;
    }
    return "every output of the forward pass is finite, so the gradients overflowed";
  } finally {
    trainer.state.upload();
    executor?.dispose();
    workspace.dispose();
  }
}
