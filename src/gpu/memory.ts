/**
 * GPU buffers with live and peak byte counters. Every buffer of the engine is made here, so that "leaves nothing
 * allocated" and "allocates what the plan predicted" can be checked rather than believed.
 */
import { ThawError } from "../errors";

/** WebGPU wants 4-byte sizes; 256 is the strictest alignment of a binding's offset, and keeps vec4 loads in bounds. */
export const bufferAlignment = 256; // bytes

export const alignBytes = (bytes: number): number =>
  Math.max(bufferAlignment, Math.ceil(bytes / bufferAlignment) * bufferAlignment);

export interface MemoryCounters {
  /** Bytes of buffers that exist now. */
  readonly liveBytes: number;
  /** The most bytes that existed at one time since the device was requested or `resetPeak` was called. */
  readonly peakBytes: number;
  /** Buffers made since the device was requested. */
  readonly buffersCreated: number;
  /** Bytes handed to `queue.writeBuffer` since the device was requested. */
  readonly bytesWritten: number;
}

export class GpuMemory {
  readonly #device: GPUDevice;
  readonly #live = new Map<GPUBuffer, number>(); // bytes
  #liveBytes = 0;
  #peakBytes = 0;
  #created = 0;
  #written = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes of the largest buffer that programs can read on this device. */
  get largest(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    return Math.min(maxBufferSize, maxStorageBufferBindingSize);
  }

  /**
   * @param bytes rounded up to `bufferAlignment`; contents start as zeros.
   * @throws when the buffer is larger than the device allows.
   */
  create(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = alignBytes(bytes);
    const storage = (usage & 0x80) !== 0; // GPUBufferUsage.STORAGE
    const limit = storage ? this.largest : this.#device.limits.maxBufferSize;
    if (size > limit) {
      throw new ThawError(
        label,
        `needs a buffer of ${size} bytes`,
        `at most ${limit} bytes on this device`,
        "Use a smaller batch or input size.",
      );
    }
    const buffer = this.#device.createBuffer({ label, size, usage });
    this.#live.set(buffer, size);
    this.#liveBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    this.#created++;
    return buffer;
  }

  /** Destroys a buffer. Destroying one twice is harmless. */
  destroy(buffer: GPUBuffer): void {
    const size = this.#live.get(buffer);
    if (size === undefined) return;
    this.#live.delete(buffer);
    this.#liveBytes -= size;
    buffer.destroy();
  }

  /** `queue.writeBuffer`, counted. `data` must be a whole number of 4-byte words. */
  write(buffer: GPUBuffer, offset: number, data: ArrayBufferView | ArrayBuffer): void {
    this.#written += data.byteLength;
    this.#device.queue.writeBuffer(buffer, offset, data as GPUAllowSharedBufferSource);
  }

  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }

  get counters(): MemoryCounters {
    return {
      liveBytes: this.#liveBytes,
      peakBytes: this.#peakBytes,
      buffersCreated: this.#created,
      bytesWritten: this.#written,
    };
  }

  /** Destroys whatever is left. */
  dispose(): void {
    for (const buffer of this.#live.keys()) this.destroy(buffer);
  }
}
