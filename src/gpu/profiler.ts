/**
 * GPU time of each dispatch by timestamp queries: all of a step's stamps in one query set, resolved once.
 */
import { ThawError } from "../errors";

export interface DispatchTime {
  /** Index of the dispatch within the recorded list. */
  readonly index: number;
  readonly microseconds: number;
}

/** A query set holds 4,096 stamps at most, and each timed dispatch takes two. */
const maxTimedDispatches = 2048;

export class Profiler {
  readonly #device: GPUDevice;
  readonly available: boolean;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.available = device.features.has("timestamp-query");
  }

  /**
   * Prepares stamps for `count` dispatches. Each timed dispatch gets a compute pass of its own, because WebGPU writes
   * timestamps at the borders of passes; times are therefore a little above those of the untimed step.
   *
   * @throws when the adapter has no timestamp queries.
   */
  begin(count: number): ProfilerSession {
    if (!this.available)
      throw new ThawError("Profiler", "the adapter has no timestamp-query feature", "an adapter with timestamps");
    return new ProfilerSession(this.#device, Math.min(count, maxTimedDispatches));
  }
}

/** Stamps of one step; its buffers live until `read()` has returned. */
export class ProfilerSession {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;

  constructor(
    device: GPUDevice,
    readonly count: number,
  ) {
    this.#device = device;
    this.#queries = device.createQuerySet({ type: "timestamp", count: Math.max(2, 2 * count) });
    const size = Math.max(16, 16 * count);
    this.#resolved = device.createBuffer({ size, usage: 0x200 | 0x4 }); // QUERY_RESOLVE | COPY_SRC
    this.#readable = device.createBuffer({ size, usage: 0x1 | 0x8 }); // MAP_READ | COPY_DST
  }

  /** For `beginComputePass` of dispatch number `index`; undefined past the largest query set. */
  writes(index: number): GPUComputePassTimestampWrites | undefined {
    if (index >= this.count) return undefined;
    return { querySet: this.#queries, beginningOfPassWriteIndex: 2 * index, endOfPassWriteIndex: 2 * index + 1 };
  }

  /** Call once, after the last dispatch is recorded and before the encoder is finished. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, 2 * this.count, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, this.#readable.size);
  }

  /** Waits for the step and frees the stamps. */
  async read(): Promise<DispatchTime[]> {
    await this.#device.queue.onSubmittedWorkDone();
    await this.#readable.mapAsync(1); // GPUMapMode.READ
    const stamps = new BigUint64Array(this.#readable.getMappedRange().slice(0)); // nanoseconds
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#readable.destroy();
    return Array.from({ length: this.count }, (_, index) => ({
      index,
      // Some drivers let the clock jump back; a negative time would spoil sums.
      microseconds: Math.max(0, Number(stamps[2 * index + 1] - stamps[2 * index]) / 1000),
    }));
  }
}
