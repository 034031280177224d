/** The tuner on a device: a plan's problems are timed, and the answers go where they are kept. Loaded on demand (tuning.ts). */
import { ThawError } from "../errors";
import type { Gpu } from "../gpu/device";
import type { TuningTable } from "../gpu/tuning";
import type { AdapterTraits } from "../kernels/operation";
import { findOperation } from "../kernels/registry";
import { operationOfKey } from "../kernels/tuning-key";
import { GpuCandidateTimer } from "../nn/candidate-timer";
import type { Plan } from "../nn/compile/plan";
import { adapterTraits } from "../nn/adapter-traits";
import type { TuneOptions } from "../nn/trainer";
import { tune, type TuningResult } from "../nn/tune";
import { TuningReport } from "../nn/tuning-report";
import type { ModelTrainer } from "./model-trainer";

/** @param budget milliseconds */
export async function tunePlan(gpu: Gpu, plan: Plan, adapter: AdapterTraits, budget: number): Promise<TuningResult> {
  const { tuning } = gpu;
  const timer = new GpuCandidateTimer(gpu);
  try {
    const { problems } = plan.fields;
    const known = (key: string) => tuning.get(key);
    const result = await tune({ problems, adapter, known, settled: tuning.settled, timer, budget });
    for (const key of result.changed) tuning.delete(key);
    for (const { problem, answer } of result.timed) tuning.set(problem.key, answer);
    await tuning.save();
    return result;
  } finally {
    timer.dispose();
  }
}

/** @throws ThawError for a pinned table that names an operation or a variant that is not there: it would be ignored silently. */
export function checkTable(table: TuningTable): void {
  for (const [key, variant] of Object.entries(table)) {
    const { variants } = findOperation(operationOfKey(key));
    if (!Object.hasOwn(variants, variant)) {
      const happened = `the table names the variant ${variant} for ${key}`;
      throw new ThawError("tuning", happened, `one of ${Object.keys(variants).join(", ")}`);
    }
  }
}

/**
 * Times all kernels of a plan that have no answer yet.
 *
 * @throws ThawError for a device whose answers must stay as they are.
 */
export async function tuneTrainer(trainer: ModelTrainer, options: TuneOptions): Promise<TuningReport> {
  const { gpu, plans } = trainer;
  if (gpu.tuning.pinned)
    throw new ThawError(
      "tune",
      'the device has tuning "off" or a pinned table',
      "a device that may be tuned",
      'Request the device with tuning: "auto", or with a budget or store.',
    );
  const { budget = Infinity, mode, batchSize } = options;
  const result = await tunePlan(gpu, trainer.plan({ mode, batchSize }), adapterTraits(gpu), budget);
  plans.forget();
  return new TuningReport(result);
}
