/**
 * A prepared list of dispatches: pipelines compiled, uniforms in one buffer, bind groups made. Replaying it records
 * one compute pass into the caller's encoder and makes no object but the command buffer.
 */
import type { Gpu } from "./device";
import type { PipelineRequest } from "./pipelines";
import { bufferAlignment } from "./memory";

/** A range of a buffer behind one binding. */
export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offset: number; // bytes, a multiple of 256
  readonly size: number; // bytes
}

export interface DispatchRequest {
  /** For error scopes and profiles: kernel and layer, e.g. `matmul_registers for block_3_expand (forward)`. */
  readonly label: string;
  readonly pipeline: PipelineRequest;
  readonly workgroups: readonly [number, number, number];
  /** The packed `Params` struct. */
  readonly params: ArrayBuffer;
  /** Storage and extra uniform ranges by binding name; those without one get a dummy (their program never reads it). */
  readonly ranges: ReadonlyMap<string, BufferRange>;
  /** Binding names in the order of `pipeline.bindings`. */
  readonly names: readonly string[];
}

/** Absent bindings get a block each: WebGPU refuses two writable bindings of one range even if neither is used. */
const dummyBytes = 16 * bufferAlignment;

/** Bytes that a recording of `count` dispatches allocates: a block of uniforms each, and the dummy. */
export const recordingBytes = (count: number): number => Math.max(1, count) * bufferAlignment + dummyBytes;

interface Prepared {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

export class Recording {
  readonly #gpu: Gpu;
  readonly #dispatches: readonly Prepared[];
  readonly #owned: readonly GPUBuffer[];

  private constructor(gpu: Gpu, dispatches: readonly Prepared[], owned: readonly GPUBuffer[]) {
    this.#gpu = gpu;
    this.#dispatches = dispatches;
    this.#owned = owned;
  }

  /** Compiles all pipelines at once, uploads the uniforms and makes the bind groups. */
  static async create(gpu: Gpu, requests: readonly DispatchRequest[], label: string): Promise<Recording> {
    const pipelines = await Promise.all(requests.map((r) => gpu.pipelines.get(r.pipeline)));
    const uniforms = gpu.memory.create(`${label} uniforms`, Math.max(1, requests.length) * bufferAlignment, 0x40 | 0x8); // UNIFORM | COPY_DST
    const dummy = gpu.memory.create(`${label} dummy`, dummyBytes, 0x80); // STORAGE
    const packed = new Uint8Array(Math.max(1, requests.length) * bufferAlignment);
    requests.forEach((r, i) => packed.set(new Uint8Array(r.params), i * bufferAlignment));
    gpu.memory.write(uniforms, 0, packed);
    const dispatches: Prepared[] = [];
    for (const [i, request] of requests.entries()) {
      const { pipeline, layout } = pipelines[i];
      const entries = request.pipeline.bindings.map((binding, b) => {
        const name = request.names[b];
        const range: BufferRange =
          name === "params"
            ? { buffer: uniforms, offset: i * bufferAlignment, size: request.params.byteLength }
            : (request.ranges.get(name) ?? { buffer: dummy, offset: b * bufferAlignment, size: bufferAlignment });
        return { binding: binding.index, resource: range };
      });
      if (gpu.debug) gpu.device.pushErrorScope("validation");
      const group = gpu.device.createBindGroup({ label: request.label, layout, entries });
      if (gpu.debug) {
        const error = await gpu.device.popErrorScope();
        if (error) throw new Error(`${request.label}: ${error.message}`);
      }
      dispatches.push({ label: request.label, pipeline, group, workgroups: request.workgroups });
    }
    return new Recording(gpu, dispatches, [uniforms, dummy]);
  }

  get length(): number {
    return this.#dispatches.length;
  }

  /** Records the list, `repeats` times, into one pass; between two timestamps where there are any. */
  encode(encoder: GPUCommandEncoder, repeats = 1, timestampWrites?: GPUComputePassTimestampWrites): void {
    const pass = encoder.beginComputePass({ ...(timestampWrites && { timestampWrites }) });
    for (let i = 0; i < repeats; i++) for (const d of this.#dispatches) this.#encodeOne(pass, d);
    pass.end();
  }

  /** Submits the list once; in debug mode dispatch by dispatch, so that an error names kernel and layer. */
  async runDebug(): Promise<void> {
    for (const d of this.#dispatches) {
      this.#gpu.device.pushErrorScope("validation");
      const encoder = this.#gpu.device.createCommandEncoder();
      const pass = encoder.beginComputePass({ label: d.label });
      this.#encodeOne(pass, d);
      pass.end();
      this.#gpu.submit([encoder.finish()]);
      const error = await this.#gpu.device.popErrorScope();
      if (error) throw new Error(`${d.label}: ${error.message}`);
    }
  }

  #encodeOne(pass: GPUComputePassEncoder, d: Prepared): void {
    pass.setPipeline(d.pipeline);
    pass.setBindGroup(0, d.group);
    pass.dispatchWorkgroups(...d.workgroups);
  }

  dispose(): void {
    for (const buffer of this.#owned) this.#gpu.memory.destroy(buffer);
  }
}
