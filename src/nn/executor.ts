/**
 * Runs a plan: allocates what it says, prepares every dispatch once, and replays the list. One encoder and one submit a
 * step, nothing allocated, no JavaScript per layer.
 */
import type { Gpu } from "../gpu/device";
import { Recording, type BufferRange, type DispatchRequest } from "../gpu/recorder";
import { describeLaunch, loadPrograms } from "../kernels/kernel";
import { packStep, type StepValues } from "../kernels/step";
import type { Plan, PlanStep } from "./compile/plan";
import { blockBytes, type Place } from "./compile/plan-memory";
import { readBuffer, type DeviceState } from "./device-state";
import type { Workspace } from "./workspace";

const bufferUsage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

export class Executor {
  readonly #gpu: Gpu;
  readonly #state: DeviceState;
  readonly #workspace: Workspace;
  /** By level. */
  readonly #constants: readonly GPUBuffer[];
  readonly #step: GPUBuffer;
  readonly #resources: ReadonlyMap<string, GPUBuffer>;
  #setup: Recording | undefined;
  #main!: Recording;
  #setupVersion = -1;

  private constructor(
    gpu: Gpu,
    readonly plan: Plan,
    state: DeviceState,
    workspace: Workspace,
    resources: ReadonlyMap<string, GPUBuffer>,
  ) {
    this.#gpu = gpu;
    this.#state = state;
    this.#workspace = workspace;
    this.#resources = resources;
    this.#step = gpu.memory.create("step", blockBytes, 0x40 | 0x8); // UNIFORM | COPY_DST
    const { constantBytes, constants } = plan.fields;
    this.#constants = constantBytes.map((bytes) => gpu.memory.create("constants", Math.max(4, bytes), bufferUsage));
    for (const { offset, data } of constants) gpu.memory.write(this.#constants[0], offset, data);
  }

  /**
   * @param workspace holds the slots and arenas; it may be shared with executors that never run at the same time.
   * @param resources buffers from outside: resident data, indices, the arenas of training.
   */
  static async create(
    gpu: Gpu,
    plan: Plan,
    state: DeviceState,
    workspace: Workspace,
    resources: ReadonlyMap<string, GPUBuffer> = new Map(),
  ): Promise<Executor> {
    const executor = new Executor(gpu, plan, state, workspace, resources);
    try {
      await loadPrograms(plan.steps.map((s) => s.dispatch));
      const setup = plan.steps.filter((s) => s.phase === "setup");
      const main = plan.steps.filter((s) => s.phase !== "setup");
      if (setup.length > 0) executor.#setup = await executor.#record(setup, "setup");
      executor.#main = await executor.#record(main, plan.fields.mode);
    } catch (error) {
      executor.dispose();
      throw error;
    }
    return executor;
  }

  #record(steps: readonly PlanStep[], label: string): Promise<Recording> {
    const values: BufferRange = { buffer: this.#step, offset: 0, size: blockBytes };
    const requests = steps.map((step): DispatchRequest => {
      const launch = describeLaunch(step.dispatch);
      const ranges = new Map(step.bindings.map((b) => [b.name, this.range(b.place, b.bytes)]));
      ranges.set("step", values); // for the programs that have it
      return { label: `${step.kernel} for ${step.layer} (${step.phase})`, ...launch, ranges };
    });
    return Recording.create(this.#gpu, requests, label);
  }

  /** The buffer range of a place. */
  range(place: Place, bytes: number): BufferRange {
    const { buffer, offset } = this.#locate(place, bytes);
    return { buffer, offset, size: Math.min(bytes, buffer.size - offset) };
  }

  #locate(place: Place, bytes?: number): { buffer: GPUBuffer; offset: number } {
    if (place.kind === "slot") return { buffer: this.#workspace.slot(this.plan, place.slot), offset: 0 };
    if (place.kind === "constant") return { buffer: this.#constants[place.level], offset: place.offset };
    if (place.kind === "arena") {
      const buffer =
        place.arena === "parameters"
          ? this.#state.parameters
          : place.arena === "state"
            ? this.#state.state
            : this.#resources.get("gradients")!;
      return { buffer, offset: place.offset };
    }
    if (place.name === "parameters") return { buffer: this.#state.parameters, offset: 0 };
    const buffer = this.#resources.get(place.name) ?? this.#workspace.resource(place.name, bytes);
    if (!buffer) throw new Error(`plan: nothing provides the buffer ${place.name}`);
    return { buffer, offset: 0 };
  }

  /** Writes a batch from outside into the port (`input0`, `labels`) of a plan without resident data. */
  write(port: string, data: Float32Array): void {
    const { place } = this.plan.fields.ports[port];
    const { buffer, offset } = this.#locate(place);
    this.#gpu.memory.write(buffer, offset, data);
  }

  /** Reads a port after the step. */
  async read(port: string): Promise<Float32Array> {
    const { place, shape } = this.plan.fields.ports[port];
    const { buffer, offset } = this.#locate(place);
    return await readBuffer(this.#gpu, buffer, offset, 4 * shape.reduce((a, b) => a * b, 1));
  }

  /** Encodes and submits one step. Values computed from frozen weights are renewed first where weights have changed. */
  run(step: StepValues): void {
    this.#gpu.memory.write(this.#step, 0, packStep(step));
    const encoder = this.#gpu.device.createCommandEncoder();
    this.#encodeSetup(encoder);
    this.#main.encode(encoder);
    this.#gpu.submit([encoder.finish()]);
    this.#afterStep();
  }

  /** One step, dispatch by dispatch, so that a validation error names kernel and layer. */
  async runDebug(step: StepValues): Promise<void> {
    this.#gpu.memory.write(this.#step, 0, packStep(step));
    await this.#setup?.runDebug();
    await this.#main.runDebug();
    this.#afterStep();
  }

  #encodeSetup(encoder: GPUCommandEncoder): void {
    if (this.#setup && this.#setupVersion !== this.#state.version) this.#setup.encode(encoder);
    this.#setupVersion = this.#state.version;
  }

  #afterStep(): void {
    // What a training step changes is by construction nothing that its own setup reads, so its setup stays valid.
    if (this.plan.fields.mode === "train") this.#setupVersion = ++this.#state.version;
  }

  dispose(): void {
    this.#setup?.dispose();
    // Undefined when creation failed half-way.
    (this.#main as Recording | undefined)?.dispose();
    this.#gpu.memory.destroy(this.#step);
    for (const buffer of this.#constants) this.#gpu.memory.destroy(buffer);
  }
}
