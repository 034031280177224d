/** Prepared steps without resident data, for `predict` and `trainOnBatch`: samples are written before each runs. */
import type { Gpu } from "../gpu/device";
import type { Plan } from "../nn/compile/plan";
import type { Mode } from "../nn/compile/trace";
import type { DeviceState } from "../nn/device-state";
import { Executor } from "../nn/executor";
import { Workspace } from "../nn/workspace";

export interface StandingStep {
  readonly executor: Executor;
  readonly workspace: Workspace;
}

/** Steps kept for the next call; more than this many batch sizes in turn are made anew. */
const limit = 2;

export class StandingSteps {
  readonly #steps = new Map<string, StandingStep>();

  /** The step of a plan: the one that stands, or a new one in place of the oldest. */
  async get(
    gpu: Gpu,
    mode: Mode,
    plan: Plan,
    state: DeviceState,
    resources?: ReadonlyMap<string, GPUBuffer>,
  ): Promise<StandingStep> {
    const key = `${mode} ${plan.fields.batchSize}`;
    const known = this.#steps.get(key);
    if (known?.executor.plan === plan) return known;
    if (known) this.#drop(key, known);
    if (this.#steps.size >= limit) this.#drop(...[...this.#steps][0]);
    const workspace = new Workspace(gpu, [plan]);
    try {
      const executor = await Executor.create(gpu, plan, state, workspace, resources);
      const step = { executor, workspace };
      this.#steps.set(key, step);
      return step;
    } catch (error) {
      workspace.dispose();
      throw error;
    }
  }

  #drop(key: string, { executor, workspace }: StandingStep): void {
    this.#steps.delete(key);
    executor.dispose();
    workspace.dispose();
  }

  dispose(): void {
    for (const [key, step] of this.#steps) this.#drop(key, step);
  }
}
