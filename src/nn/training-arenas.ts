/**
 * Gradients, optimizer slots and the optimizer's table: flat arenas for one set of trained parameters. They outlive a call
 * of `fit`, so that training goes on where it stopped, and hand their slots on when another set is trained.
 */
import type { Gpu } from "../gpu/device";
import type { Plan } from "./compile/plan";
import { blockBytes, type ParameterLayout } from "./compile/plan-memory";
import { tableWidth, type Optimizer } from "./compile/update";
import { readBuffer } from "./device-state";
import type { Parameter } from "./parameter";

const usage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

/** Optimizer slots of a parameter by name. */
export type SlotValues = ReadonlyMap<Parameter, Readonly<Record<string, Float32Array>>>;

export class TrainingArenas {
  readonly #gpu: Gpu;
  readonly #buffers = new Map<string, GPUBuffer>();
  /** Byte offset of each trained parameter's gradient. */
  readonly offsets: ReadonlyMap<Parameter, number>;

  constructor(
    gpu: Gpu,
    plan: Plan,
    layout: ParameterLayout,
    readonly optimizer: Optimizer,
  ) {
    this.#gpu = gpu;
    this.offsets = plan.fields.gradients;
    const bytes = plan.fields.memory.gradients;
    try {
      for (const name of ["gradients", ...optimizer.slots])
        this.#buffers.set(name, gpu.memory.create(name, bytes, usage));
      this.#buffers.set("table", gpu.memory.create("optimizer table", (bytes / blockBytes) * tableWidth * 4, usage));
    } catch (error) {
      this.dispose();
      throw error;
    }
    this.#writeTable(bytes, layout);
  }

  /** Where each block of gradients belongs among the parameters, and how fast it learns. */
  #writeTable(bytes: number, layout: ParameterLayout): void {
    const words = new Uint32Array((bytes / blockBytes) * tableWidth);
    const floats = new Float32Array(words.buffer);
    for (const [parameter, offset] of this.offsets) {
      for (let b = 0; b < Math.ceil((4 * parameter.count) / blockBytes); b++) {
        const row = (offset / blockBytes + b) * tableWidth;
        words[row] = layout.offsets.get(parameter)! / blockBytes + b;
        floats[row + 1] = 1; // learning-rate multiplier
      }
    }
    this.#gpu.memory.write(this.#buffers.get("table")!, 0, words);
  }

  /** Whether a plan trains the same parameters in the same layout with the same optimizer. */
  serves(plan: Plan, optimizer: Optimizer): boolean {
    const other = plan.fields.gradients;
    const sameSlots = optimizer.op === this.optimizer.op && optimizer.slots.join() === this.optimizer.slots.join();
    return (
      sameSlots && other.size === this.offsets.size && [...other].every(([p, offset]) => this.offsets.get(p) === offset)
    );
  }

  get resources(): ReadonlyMap<string, GPUBuffer> {
    return this.#buffers;
  }

  async readSlots(): Promise<SlotValues> {
    const result = new Map<Parameter, Record<string, Float32Array>>();
    for (const name of this.optimizer.slots) {
      const all = await readBuffer(this.#gpu, this.#buffers.get(name)!);
      for (const [parameter, offset] of this.offsets) {
        const entry = result.get(parameter) ?? {};
        entry[name] = all.slice(offset / 4, offset / 4 + parameter.count);
        result.set(parameter, entry);
      }
    }
    return result;
  }

  writeSlots(saved: SlotValues): void {
    for (const [parameter, offset] of this.offsets) {
      for (const [name, data] of Object.entries(saved.get(parameter) ?? {})) {
        const buffer = this.#buffers.get(name);
        if (buffer) this.#gpu.memory.write(buffer, offset, data);
      }
    }
  }

  dispose(): void {
    for (const buffer of this.#buffers.values()) this.#gpu.memory.destroy(buffer);
  }
}
