/** The error of a step that was not finite: which it was, and the layer whose output first was not, found by running the forward pass again. */
import { ThawError } from "../errors";
import { Executor } from "../nn/executor";
import { Workspace } from "../nn/workspace";
import type { ModelTrainer } from "./model-trainer";
import type { StepResult } from "./results";
import type { Batch, Session } from "./session";

interface Halt {
  /** Of the step that was not finite. */
  readonly batch: Batch;
  readonly epoch: number;
  readonly seed: number;
}

/** Which step, which layer first, what is kept. Training would go on at the bad step: those that were under way after it changed nothing either. */
export async function explainHalt(
  trainer: ModelTrainer,
  session: Session,
  result: StepResult,
  { batch, epoch, seed }: Halt,
): Promise<ThawError> {
  const bad = result.iteration;
  trainer.iteration = bad - 1;
  const where = await findNonFinite(trainer, session, batch, seed, bad);
  const what = Number.isFinite(result.loss)
    ? `gradient norm ${result.gradientNorm}`
    : `loss ${result.loss / result.rows}`;
  const remedy = "The weights are those before this step. Use a lower learning rate, or look at the data.";
  return new ThawError(
    "fit",
    `step ${bad} (epoch ${epoch + 1}): ${what}; ${where}`,
    "a finite loss and gradient",
    remedy,
  );
}

/** Reads one batch's values in the order of computation; weights and moving statistics are as before afterwards. */
async function findNonFinite(
  trainer: ModelTrainer,
  session: Session,
  batch: Batch,
  seed: number,
  iteration: number,
): Promise<string> {
  const { data, resources, request, preparation } = session.passes[0];
  const plan = trainer.plans.diagnosis({
    batchSize: batch.size,
    feed: data.feed,
    features: request,
    preparation,
  });
  const workspace = new Workspace(trainer.gpu, [plan]);
  let executor: Executor | undefined;
  // The forward pass of training moves the statistics of batch normalization; they are put back.
  await trainer.state.download();
  try {
    // First the weights: behind some that are not finite, max(x, 0) may show zeros.
    for (const { path, value } of trainer.model.allParameters()) {
      const at = value.findIndex((v) => !Number.isFinite(v));
      if (at >= 0) return `${path} was not finite before it (element ${at} is ${value[at]})`;
    }
    executor = await Executor.create(
      trainer.gpu,
      plan,
      trainer.state,
      workspace,
      new Map([...data.resources, ...resources]),
    );
    // Streamed data may have moved on.
    executor.run(trainer.stepValues(iteration, seed, await data.at(batch.start), 0));
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
