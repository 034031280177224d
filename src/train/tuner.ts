/** Tuning as a part of training: a plan's problems are timed on the device, and the answers go where they are kept. */
import { ThawError } from "../errors";
import type { Gpu } from "../gpu/device";
import type { Tuning } from "../gpu/tuning";
import type { AdapterTraits } from "../kernels/operation";
import { findOperation } from "../kernels/registry";
import { operationOfKey } from "../kernels/tuning-key";
import { GpuCandidateTimer } from "../nn/candidate-timer";
import type { Plan } from "../nn/compile/plan";
import { tune, type TuningResult } from "../nn/tune";

const nothing: TuningResult = { timed: [], known: [], changed: [], left: [], failed: 0, milliseconds: 0 };

/**
 * Times the problems of a plan that have no answer, as far as the budget goes, and keeps the answers. Never fails: what goes
 * wrong is left to the usual variants, and noted in `gpu.tuning.problem`.
 *
 * @param budget milliseconds; with 0 only answers that are out of date are dropped
 */
export async function tunePlan(gpu: Gpu, plan: Plan, adapter: AdapterTraits, budget: number): Promise<TuningResult> {
  const { tuning } = gpu;
  const nothingToDo = budget === 0 && tuning.size === 0;
  if (tuning.pinned || adapter.forceVariant || nothingToDo) return nothing;
  const timer = new GpuCandidateTimer(gpu);
  try {
    const { problems } = plan.fields;
    const result = await tune({
      problems,
      adapter,
      known: (key) => tuning.get(key),
      settled: tuning.settled,
      timer,
      budget,
    });
    for (const key of result.changed) tuning.delete(key);
    for (const { problem, answer } of result.timed) tuning.set(problem.key, answer);
    await tuning.save();
    return result;
  } catch (error) {
    tuning.problem = `kernels could not be timed: ${String(error)}`;
    return nothing;
  } finally {
    timer.dispose();
  }
}

/** @throws ThawError for a pinned table that names an operation or a variant that is not there: it would be ignored silently. */
export function checkPinned({ pinned, table }: Tuning): void {
  if (!pinned) return;
  for (const [key, variant] of Object.entries(table)) {
    const { variants } = findOperation(operationOfKey(key));
    if (!Object.hasOwn(variants, variant)) {
      const happened = `the table names the variant ${variant} for ${key}`;
      throw new ThawError("tuning", happened, `one of ${Object.keys(variants).join(", ")}`);
    }
  }
}
