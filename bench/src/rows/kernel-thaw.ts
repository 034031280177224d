/** One operation by Thaw's kernels, as a plan would run it: the variant that `select` chooses, everything prepared. */
import { adapterTraits } from "../../../src/nn/adapter-traits";
import { Recording, type BufferRange } from "../../../src/gpu/recorder";
import type { Gpu, Shape } from "../../../src/index";
import { describeLaunch, loadPrograms } from "../../../src/kernels/kernel";
import { chooseVariant, elements } from "../../../src/kernels/operation";
import { flopsOf } from "../../../src/kernels/tuning";
import { findOperation } from "../../../src/kernels/registry";
import { readBuffer } from "../../../src/nn/device-state";
import type { Problem } from "./problems";

const storage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

export class ThawKernel {
  readonly #gpu: Gpu;
  readonly #recording: Recording;
  readonly #buffers: ReadonlyMap<string, GPUBuffer>;
  readonly #output: { readonly name: string; readonly count: number };

  private constructor(
    gpu: Gpu,
    recording: Recording,
    buffers: ReadonlyMap<string, GPUBuffer>,
    output: { readonly name: string; readonly count: number },
    readonly variant: string,
    readonly work: { readonly flops: number; readonly bytes: number },
  ) {
    this.#gpu = gpu;
    this.#recording = recording;
    this.#buffers = buffers;
    this.#output = output;
  }

  static async create(gpu: Gpu, problem: Problem, data: Readonly<Record<string, Float32Array>>): Promise<ThawKernel> {
    const op = findOperation(problem.op);
    const traits = adapterTraits(gpu);
    const outputs = op.shapes(problem.attrs, problem.inputs);
    const shapes = { ...problem.inputs, ...outputs } as Record<string, Shape>;
    const variant = chooseVariant(op, problem.attrs, shapes, traits);
    const { dispatches, scratch = {} } = op.variants[variant](problem.attrs, shapes, traits);
    const buffers = new Map<string, GPUBuffer>();
    for (const [name, shape] of Object.entries(shapes)) {
      const buffer = gpu.memory.create(name, 4 * elements(shape), storage);
      buffers.set(name, buffer);
      if (data[name]) gpu.memory.write(buffer, 0, data[name]);
    }
    for (const [name, count] of Object.entries(scratch)) buffers.set(name, gpu.memory.create(name, 4 * count, storage));
    await loadPrograms(dispatches);
    const requests = dispatches.map((d) => {
      const launch = describeLaunch(d);
      const sizes = d.kernel.sizes(d.problem);
      const ranges = new Map<string, BufferRange>();
      for (const [name, value] of Object.entries(d.bind)) {
        if (value) ranges.set(name, { buffer: buffers.get(value)!, offset: 0, size: Math.ceil(sizes[name] / 4) * 16 });
      }
      return { label: d.kernel.program.name, ...launch, ranges };
    });
    // Of the definition, for every system alike: Winograd's convolutions come to the same with fewer.
    const flops = flopsOf(op.variants.plain(problem.attrs, shapes, traits));
    const recording = await Recording.create(gpu, requests, problem.id);
    const [name, shape] = Object.entries(outputs)[0];
    // What the problem needs at least: each tensor once. Scratch memory is the kernel's own affair.
    const bytes = Object.values(shapes).reduce((sum, s) => sum + 4 * elements(s), 0);
    return new ThawKernel(gpu, recording, buffers, { name, count: elements(shape) }, variant, { flops, bytes });
  }

  async run(times: number): Promise<void> {
    const encoder = this.#gpu.device.createCommandEncoder();
    for (let i = 0; i < times; i++) this.#recording.encode(encoder);
    this.#gpu.submit([encoder.finish()]);
    await this.#gpu.finished();
  }

  async read(): Promise<Float32Array> {
    const { name, count } = this.#output;
    return await readBuffer(this.#gpu, this.#buffers.get(name)!, 0, 4 * count);
  }

  dispose(): void {
    this.#recording.dispose();
    for (const buffer of this.#buffers.values()) this.#gpu.memory.destroy(buffer);
  }
}
