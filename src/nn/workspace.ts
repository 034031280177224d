/**
 * Buffers that plans work in: activation slots, the ring of results and what metrics count in. Plans that never run at the same time (training,
 * its last partial batch, validation) share one workspace.
 */
import type { Gpu } from "../gpu/device";
import type { Plan } from "./compile/plan";
import { ringSlots, ringWidth, statusFloats } from "./compile/update";

const usage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

export class Workspace {
  readonly #gpu: Gpu;
  readonly #slots: GPUBuffer[] = [];
  readonly #resources = new Map<string, GPUBuffer>();
  /** Two buffers to read results through, so that one can be mapped while the other is filled. */
  readonly staging: GPUBuffer[] = [];
  /** A plan's slot -> which buffer: slots are ranked by size, and the largest buffer serves the largest of each plan. */
  readonly #ranks = new Map<Plan, readonly number[]>();

  constructor(
    gpu: Gpu,
    readonly plans: readonly Plan[],
  ) {
    this.#gpu = gpu;
    const sizes: number[] = [];
    for (const plan of plans) {
      const bySize = plan.fields.slotBytes.map((bytes, i) => ({ bytes, i })).toSorted((a, b) => b.bytes - a.bytes);
      const ranks: number[] = [];
      bySize.forEach(({ bytes, i }, rank) => {
        ranks[i] = rank;
        sizes[rank] = Math.max(sizes[rank] ?? 0, bytes);
      });
      this.#ranks.set(plan, ranks);
    }
    try {
      sizes.forEach((bytes, i) => this.#slots.push(gpu.memory.create(`activations ${i}`, bytes, usage)));
      if (plans.some(({ fields: { mode } }) => mode === "train" || mode === "evaluate")) {
        this.#resources.set("ring", gpu.memory.create("results", 4 * ringSlots * ringWidth, usage));
        this.#resources.set("status", gpu.memory.create("status", 4 * statusFloats, usage));
        for (let i = 0; i < 2; i++)
          this.staging.push(gpu.memory.create(`results copy ${i}`, 4 * ringSlots * ringWidth, 0x1 | 0x8));
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  slot(plan: Plan, slot: number): GPUBuffer {
    return this.#slots[this.#ranks.get(plan)![slot]];
  }

  /** @param bytes of what a metric counts in, which is made when it is first asked for. */
  resource(name: string, bytes = 0): GPUBuffer | undefined {
    if (bytes && name.startsWith("counts") && !this.#resources.has(name))
      this.#resources.set(name, this.#gpu.memory.create(name, bytes, usage));
    return this.#resources.get(name);
  }

  dispose(): void {
    for (const buffer of [...this.#slots, ...this.#resources.values(), ...this.staging])
      this.#gpu.memory.destroy(buffer);
  }
}
