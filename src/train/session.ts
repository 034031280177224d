/** One call of fit or evaluate on the GPU: plans, workspace, executors and data that live as long as the call. */
import type { Gpu } from "../gpu/device";
import type { DeviceState } from "../nn/device-state";
import { Executor } from "../nn/executor";
import type { Plan } from "../nn/compile/plan";
import type { Preparation } from "../nn/compile/trace";
import { Workspace } from "../nn/workspace";
import type { FeatureRequest } from "../nn/compile/cut-features";
import type { Features } from "./features";
import type { PassData } from "./resident";

/** Batches of one pass over the data: full ones, then a smaller last one. */
export interface Batch {
  readonly start: number;
  readonly size: number;
}

export function batchesOf(count: number, batchSize: number): Batch[] {
  return Array.from({ length: Math.ceil(count / batchSize) }, (_, i) => ({
    start: i * batchSize,
    size: Math.min(batchSize, count - i * batchSize),
  }));
}

/** The sizes that `batchesOf` gives: one plan each. */
export const batchSizes = (count: number, batchSize: number): number[] => [
  ...new Set(batchesOf(count, batchSize).map((b) => b.size)),
];

/** A data set with the plans for its batch sizes. */
export interface Pass {
  readonly data: PassData;
  readonly plans: ReadonlyMap<number, Plan>;
  /** Further buffers that the plans need: gradients, optimizer slots, cached features. */
  readonly resources: ReadonlyMap<string, GPUBuffer>;
  /** Which half of the graph the plans are, where features are cached. */
  readonly request: FeatureRequest | undefined;
  readonly preparation: Preparation | undefined;
  /** The arrays to fill before the first step. */
  readonly features: Features | undefined;
}

export class Session {
  readonly #executors: ReadonlyMap<number, Executor>[] = [];

  workspace!: Workspace;

  private constructor(readonly passes: readonly Pass[]) {}

  /** Frees everything again, the data of the passes too, when something does not fit. */
  static async create(gpu: Gpu, state: DeviceState, passes: readonly Pass[]): Promise<Session> {
    const session = new Session(passes);
    try {
      const workspace = (session.workspace = new Workspace(
        gpu,
        passes.flatMap((p) => [...p.plans.values()]),
      ));
      for (const pass of passes) {
        const resources = new Map([...pass.data.resources, ...pass.resources]);
        const executors = new Map<number, Executor>();
        session.#executors.push(executors);
        for (const [size, plan] of pass.plans)
          executors.set(size, await Executor.create(gpu, plan, state, workspace, resources));
      }
    } catch (error) {
      session.dispose();
      throw error;
    }
    return session;
  }

  executor(pass: number, batchSize: number): Executor {
    return this.#executors[pass].get(batchSize)!;
  }

  dispose(): void {
    for (const executors of this.#executors) for (const e of executors.values()) e.dispose();
    // Undefined when creation failed half-way.
    (this.workspace as Workspace | undefined)?.dispose();
    for (const pass of this.passes) pass.data.dispose();
  }
}

/** Milliseconds of work that is worth a wait. */
const groupTime = 8;
const largestGroup = 16;

/**
 * Lets at most two groups of steps be under way: the GPU always has work, and the queue does not grow without bound. A group
 * is one step, or as many short ones as take some milliseconds, because a wait takes longer than a step of a few numbers.
 */
export class Throttle {
  readonly #gpu: Gpu;
  #before: Promise<void> = Promise.resolve();
  #group = 1;
  #inGroup = 0;
  #waited = performance.now();

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** Call after each submit. */
  async next(): Promise<void> {
    if (++this.#inGroup < this.#group) return;
    const before = this.#before;
    this.#before = this.#gpu.finished();
    await before;
    const now = performance.now();
    const each = (now - this.#waited) / this.#inGroup;
    this.#waited = now;
    this.#inGroup = 0;
    this.#group = Math.max(1, Math.min(largestGroup, Math.floor(groupTime / each), 2 * this.#group));
  }
}
