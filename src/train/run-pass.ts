/** The steps of one pass over a session's data, of training and of evaluation. */
import type { Gpu } from "../gpu/device";
import type { StepValues } from "../kernels/step";
import { ResultReader, type StepResult } from "./results";
import { batchesOf, Throttle, type Session } from "./session";

/**
 * @param onResult is given the result of each step, a few steps late.
 * @param valuesOf of the next step, for the position of its batch and the slot of its result; undefined ends the pass.
 * @throws what reading the samples of a batch throws, when the steps before have run and their results are in.
 */
export async function runPass(
  gpu: Gpu,
  session: Session,
  index: number,
  batchSize: number,
  onResult: (result: StepResult) => void,
  valuesOf: (at: number, slot: number) => StepValues | undefined,
): Promise<void> {
  const { data } = session.passes[index];
  const reader = new ResultReader(gpu, session.workspace, onResult);
  const throttle = new Throttle(gpu);
  let ran = 0;
  try {
    for (const { start, size } of batchesOf(data.data.count, batchSize)) {
      const values = valuesOf(await data.at(start), ResultReader.slot(ran));
      if (!values) break;
      const executor = session.executor(index, size);
      if (gpu.debug) await executor.runDebug(values);
      else executor.run(values);
      await throttle.next();
      if (++ran % ResultReader.every === 0) await reader.read(ran);
    }
  } finally {
    await reader.finish(ran);
  }
}
