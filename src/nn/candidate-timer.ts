/** Times candidates of the autotuner on the GPU, on memory of their own: a training's weights and data are never touched. */
import type { Gpu } from "../gpu/device";
import { Profiler } from "../gpu/profiler";
import { Recording, type BufferRange, type DispatchRequest } from "../gpu/recorder";
import { describeLaunch, loadPrograms, readInterface, type Dispatch } from "../kernels/kernel";
import { elements } from "../kernels/operation";
import type { Candidate } from "../kernels/tuning";
import { blockBytes } from "./compile/plan-memory";
import type { PlanProblem } from "./compile/problems";
import type { CandidateTimer, PreparedCandidates } from "./tune";

const bufferUsage = 0x80; // STORAGE; nothing is ever copied in or out: times of these programs do not depend on values

export class GpuCandidateTimer implements CandidateTimer {
  readonly #gpu: Gpu;
  readonly #profiler: Profiler;
  /** The n-th serves the n-th largest value of a problem. Grown as needed, which the heaviest problem does almost alone. */
  readonly #buffers: GPUBuffer[] = [];
  #step: GPUBuffer | undefined;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    this.#profiler = new Profiler(gpu.device);
  }

  async prepare(problem: PlanProblem, candidates: readonly Candidate[]): Promise<PreparedCandidates> {
    const recordings: (Recording | undefined)[] = [];
    try {
      const values = await this.#checked(() => Promise.resolve(this.#allocate(problem, candidates)));
      if (!values) this.dispose(); // what was allocated may be invalid, and the next problem may be smaller
      await this.#checked(() => this.#compile(candidates));
      for (const candidate of candidates) {
        const made = values && (await this.#checked(() => this.#record(candidate, values)));
        // A run shows what compiling does not, such as a limit that a driver has and does not tell.
        const ran = made && (await this.#checked(() => this.#runOnce(made)));
        if (made && !ran) made.dispose();
        if (ran) await this.#gpu.finished();
        recordings.push(ran && made);
      }
    } catch (error) {
      for (const recording of recordings) recording?.dispose();
      throw error;
    }
    return {
      valid: recordings.map((r) => r !== undefined),
      round: async (runs) =>
        await this.#round(runs.map(({ candidate, repeats }) => ({ recording: recordings[candidate]!, repeats }))),
      dispose: () => {
        for (const recording of recordings) recording?.dispose();
      },
    };
  }

  /** What `work` gives, or undefined where it throws or the GPU objects. The user's own errors are elsewhere: they stay. */
  async #checked<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { device } = this.#gpu;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    let result: T | undefined;
    try {
      result = await work();
    } catch {
      result = undefined;
    }
    const errors = [await device.popErrorScope(), await device.popErrorScope()];
    return errors.every((error) => error === null) ? result : undefined;
  }

  /** Memory behind the values of a problem: inputs, outputs, and what any candidate needs in between. */
  #allocate(problem: PlanProblem, candidates: readonly Candidate[]): Map<string, GPUBuffer> {
    const sizes = new Map(Object.entries(problem.shapes).map(([name, shape]) => [name, elements(shape)]));
    for (const { lowering } of candidates) {
      for (const [name, count] of Object.entries(lowering.scratch ?? {}))
        sizes.set(name, Math.max(count, sizes.get(name) ?? 0));
    }
    const largestFirst = [...sizes].toSorted(([, a], [, b]) => b - a);
    return new Map(largestFirst.map(([name, count], rank) => [name, this.#buffer(rank, 4 * count)]));
  }

  /** All at once; failures show when a candidate is recorded. */
  async #compile(candidates: readonly Candidate[]): Promise<void> {
    const dispatches = candidates.flatMap(({ lowering }) => lowering.dispatches);
    await loadPrograms(dispatches);
    const launches = dispatches.map(describeLaunch);
    await Promise.allSettled(launches.map(async ({ pipeline }) => await this.#gpu.pipelines.get(pipeline)));
  }

  #buffer(rank: number, bytes: number): GPUBuffer {
    const known = this.#buffers[rank] as GPUBuffer | undefined;
    if (known && known.size >= bytes) return known;
    if (known) this.#gpu.memory.destroy(known);
    return (this.#buffers[rank] = this.#gpu.memory.create(`tuning ${rank}`, bytes, bufferUsage));
  }

  async #record({ variant, lowering }: Candidate, values: ReadonlyMap<string, GPUBuffer>): Promise<Recording> {
    const requests = lowering.dispatches.map((d): DispatchRequest => ({
      label: `${d.kernel.program.name} (tuning)`,
      ...describeLaunch(d),
      ranges: this.#ranges(d, values),
    }));
    return await Recording.create(this.#gpu, requests, `tuning ${variant}`);
  }

  #ranges(d: Dispatch, values: ReadonlyMap<string, GPUBuffer>): Map<string, BufferRange> {
    const sizes = d.kernel.sizes(d.problem);
    const step = (this.#step ??= this.#gpu.memory.create("tuning step", blockBytes, 0x40)); // UNIFORM
    const ranges = new Map<string, BufferRange>();
    for (const { name, access } of readInterface(d.kernel.program.text).bindings) {
      if (name === "params") continue;
      const value = d.bind[name];
      if (access === "uniform") ranges.set(name, { buffer: step, offset: 0, size: blockBytes });
      else if (value !== undefined) {
        const buffer = values.get(value)!;
        ranges.set(name, { buffer, offset: 0, size: Math.min(16 * Math.ceil(sizes[name] / 4), buffer.size) });
      }
    }
    return ranges;
  }

  /** The caller asks for errors before it waits: a queue that was given something invalid may have nothing to answer. */
  #runOnce(recording: Recording): Promise<true> {
    const encoder = this.#gpu.device.createCommandEncoder();
    recording.encode(encoder, 1);
    this.#gpu.submit([encoder.finish()]);
    return Promise.resolve(true);
  }

  /** A submit a run, so that none keeps the GPU from drawing the screen for long. */
  async #round(runs: readonly { readonly recording: Recording; readonly repeats: number }[]): Promise<number[]> {
    if (!this.#profiler.available) return await this.#roundByClock(runs);
    const session = this.#profiler.begin(runs.length);
    runs.forEach(({ recording, repeats }, i) => {
      const encoder = this.#gpu.device.createCommandEncoder();
      recording.encode(encoder, repeats, session.writes(i));
      if (i === runs.length - 1) session.resolve(encoder);
      this.#gpu.submit([encoder.finish()]);
    });
    return (await session.read()).map(({ microseconds }) => microseconds);
  }

  /** Without timestamps: until the queue is empty. Submitting takes its time too, but the same for all. */
  async #roundByClock(runs: readonly { readonly recording: Recording; readonly repeats: number }[]): Promise<number[]> {
    const spans: number[] = [];
    for (const { recording, repeats } of runs) {
      const encoder = this.#gpu.device.createCommandEncoder();
      recording.encode(encoder, repeats);
      const commands = encoder.finish();
      await this.#gpu.finished();
      const start = performance.now();
      this.#gpu.submit([commands]);
      await this.#gpu.finished();
      spans.push(1000 * (performance.now() - start));
    }
    return spans;
  }

  dispose(): void {
    for (const buffer of this.#buffers.splice(0)) this.#gpu.memory.destroy(buffer);
    if (this.#step) this.#gpu.memory.destroy(this.#step);
    this.#step = undefined;
  }
}
