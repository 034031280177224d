/** A model's parameters on the GPU: two flat arenas, the same for every plan of the model. */
import type { Gpu } from "../gpu/device";
import { layOutParameters, type ParameterLayout } from "./compile/plan-memory";
import type { Parameter } from "./parameter";

const arenaUsage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

export class DeviceState {
  readonly layout: ParameterLayout;
  readonly parameters: GPUBuffer;
  readonly state: GPUBuffer;
  /** Counts changes of the GPU's copy, so that plans know when values computed from weights are out of date. */
  version = 0;
  /** The version of a parameter's last change, where that was not the last upload. */
  readonly #changed = new Map<Parameter, number>();
  #uploaded = 0;
  #changes = 0;
  readonly #list: readonly Parameter[];

  constructor(
    readonly gpu: Gpu,
    parameters: readonly Parameter[],
    label: string,
  ) {
    this.#list = parameters;
    this.layout = layOutParameters(parameters);
    this.parameters = gpu.memory.create(`${label} parameters`, this.layout.parameterBytes, arenaUsage);
    this.state = gpu.memory.create(`${label} moving statistics`, this.layout.stateBytes, arenaUsage);
    this.upload();
  }

  /** Whether it was made for exactly these parameters. */
  serves(parameters: readonly Parameter[]): boolean {
    return parameters.length === this.#list.length && parameters.every((p, i) => p === this.#list[i]);
  }

  /** Copies all parameters from the host. */
  upload(): void {
    for (const p of this.#list)
      this.gpu.memory.write(p.kind === "weight" ? this.parameters : this.state, this.layout.offsets.get(p)!, p.value);
    this.version++;
    this.#changed.clear();
    this.#uploaded = ++this.#changes;
  }

  /** Notes that training is about to change these parameters on the GPU. */
  markChanged(parameters: readonly Parameter[]): void {
    this.#changes++;
    for (const p of parameters) this.#changed.set(p, this.#changes);
  }

  /** A number that is another one after each change of the parameter on the GPU: by training, or by an upload. */
  versionOf(parameter: Parameter): number {
    return this.#changed.get(parameter) ?? this.#uploaded;
  }

  /** Copies all parameters back to the host. */
  async download(): Promise<void> {
    const [weights, state] = await Promise.all([
      readBuffer(this.gpu, this.parameters),
      readBuffer(this.gpu, this.state),
    ]);
    for (const p of this.#list) {
      const offset = this.layout.offsets.get(p)! / 4;
      p.value = (p.kind === "weight" ? weights : state).slice(offset, offset + p.count);
    }
  }

  dispose(): void {
    this.gpu.memory.destroy(this.parameters);
    this.gpu.memory.destroy(this.state);
  }
}

/** Reads `bytes` (default: all) of a buffer through a temporary copy. */
export async function readBuffer(
  gpu: Gpu,
  buffer: GPUBuffer,
  offset = 0,
  bytes = buffer.size - offset,
): Promise<Float32Array> {
  const readable = gpu.memory.create("readback", bytes, 0x1 | 0x8); // MAP_READ | COPY_DST
  try {
    const encoder = gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, offset, readable, 0, bytes);
    gpu.submit([encoder.finish()]);
    await readable.mapAsync(1);
    return new Float32Array(readable.getMappedRange(0, bytes).slice(0));
  } finally {
    gpu.memory.destroy(readable);
  }
}
