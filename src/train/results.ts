/**
 * Results of steps, read from the GPU's ring a few steps late and without a stall: while one copy is being mapped, the
 * next steps run and fill the other.
 */
import type { Gpu } from "../gpu/device";
import { ringSlots, ringWidth } from "../nn/compile/update";
import type { Workspace } from "../nn/workspace";

/** What `summarize` wrote for one step. */
export interface StepResult {
  readonly iteration: number;
  /** Sums over the rows of the batch. */
  readonly loss: number;
  readonly metrics: readonly number[];
  readonly rows: number;
  readonly gradientNorm: number;
  /** The step was not finite, or came after one that was not: no weight was changed. */
  readonly halted: boolean;
}

export class ResultReader {
  /** Steps between two reads; half the ring, so that no slot is overwritten before it is read. */
  static readonly every = ringSlots / 2;
  readonly #gpu: Gpu;
  readonly #workspace: Workspace;
  readonly #onResult: (result: StepResult) => void;
  #from = 0; // first step that has not been read
  #turn = 0;
  readonly #pending: (Promise<void> | undefined)[] = [undefined, undefined];

  constructor(gpu: Gpu, workspace: Workspace, onResult: (result: StepResult) => void) {
    this.#gpu = gpu;
    this.#workspace = workspace;
    this.#onResult = onResult;
  }

  /** Ring slot of a step; `step` counts from 0 since the reader was made. */
  static slot(step: number): number {
    return step % ringSlots;
  }

  /** Starts reading the results of all steps before `step`. Resolves when the read before the last one has arrived. */
  async read(step: number): Promise<void> {
    if (step === this.#from) return;
    const turn = this.#turn;
    this.#turn = 1 - turn;
    await this.#pending[turn];
    const staging = this.#workspace.staging[turn];
    const encoder = this.#gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#workspace.resource("ring")!, 0, staging, 0, staging.size);
    this.#gpu.submit([encoder.finish()]);
    const from = this.#from;
    this.#from = step;
    const before = this.#pending[1 - turn];
    this.#pending[turn] = staging.mapAsync(1).then(async () => {
      await before; // results are handed on in the order of the steps
      const floats = new Float32Array(staging.getMappedRange().slice(0));
      staging.unmap();
      for (let i = from; i < step; i++) this.#onResult(decode(floats, ResultReader.slot(i) * ringWidth));
    });
  }

  /** Reads what is left and waits for everything. */
  async finish(step: number): Promise<void> {
    await this.read(step);
    await Promise.all(this.#pending.map(async (pending) => await pending));
    this.#gpu.throwErrors();
  }
}

function decode(floats: Float32Array, at: number): StepResult {
  return {
    loss: floats[at],
    metrics: [floats[at + 1], floats[at + 2], floats[at + 3]],
    rows: floats[at + 4],
    halted: floats[at + 5] !== 0,
    gradientNorm: floats[at + 6],
    iteration: floats[at + 7],
  };
}

/** Means over the steps of an epoch, in float64. */
export class Means {
  #sums: number[] = [];
  #rows = 0;

  add(result: StepResult, metrics: number): void {
    [result.loss, ...result.metrics.slice(0, metrics)].forEach((v, i) => (this.#sums[i] = (this.#sums[i] ?? 0) + v));
    this.#rows += result.rows;
  }

  /** By name; `prefix` "val" gives `valLoss`. */
  logs(names: readonly string[], prefix = ""): Record<string, number> {
    return Object.fromEntries(
      ["loss", ...names].map((name, i) => [prefixed(prefix, name), (this.#sums[i] ?? Number.NaN) / this.#rows]),
    );
  }
}

export const prefixed = (prefix: string, name: string): string =>
  prefix ? prefix + name[0].toUpperCase() + name.slice(1) : name;
