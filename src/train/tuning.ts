/**
 * Tuning as a part of training. The tuner itself is loaded when there is something for it to do, so that pages that never
 * tune never fetch it.
 */
import type { Gpu } from "../gpu/device";
import type { AdapterTraits } from "../kernels/operation";
import type { Plan } from "../nn/compile/plan";
import type { TuningResult } from "../nn/tune";

/**
 * Times the problems of a plan that have no answer, as far as the budget goes, and keeps the answers. Never fails: what goes
 * wrong is left to the usual variants, and noted in `gpu.tuning.problem`.
 *
 * @param budget milliseconds; with 0 only answers that are out of date are dropped
 * @returns undefined where there was nothing to do, or it went wrong
 */
export async function tuneFirst(
  gpu: Gpu,
  plan: Plan,
  adapter: AdapterTraits,
  budget: number,
): Promise<TuningResult | undefined> {
  const { tuning } = gpu;
  if (tuning.pinned || adapter.forceVariant || (budget === 0 && tuning.size === 0)) return undefined;
  try {
    const { tunePlan } = await import("./tuner");
    return await tunePlan(gpu, plan, adapter, budget);
  } catch (error) {
    tuning.problem = `kernels could not be timed: ${String(error)}`;
    return undefined;
  }
}
