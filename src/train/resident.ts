/** A data set on the GPU: samples as bytes or floats, labels, and the order in which steps take them. */
import type { Gpu } from "../gpu/device";
import { randomSource } from "../nn/parameter";
import type { Preparation, ResidentData } from "../nn/compile/trace";
import type { CheckedDataset } from "./dataset";

const usage = 0x80 | 0x8; // STORAGE | COPY_DST

/** The data of a pass on the GPU. */
export interface PassData {
  readonly data: CheckedDataset;
  readonly resources: Map<string, GPUBuffer>;
  /** For the plan. */
  readonly feed: ReturnType<typeof feedOf>;
  /** What is done to each batch, where it depends on how the data lies on the GPU. */
  readonly preparation?: Preparation | undefined;
  /** The order from now on, one index for each sample of an epoch. */
  order(order: Uint32Array<ArrayBuffer>): void;
  /** Where the batch that begins at this sample of the order begins on the GPU. */
  at(start: number): number | Promise<number>;
  dispose(): void;
}

export class ResidentDataset implements PassData {
  readonly #gpu: Gpu;
  readonly resources = new Map<string, GPUBuffer>();

  constructor(
    gpu: Gpu,
    readonly data: CheckedDataset,
    label: string,
    /** False where steps read only what has been computed from the samples. */
    withSamples = true,
  ) {
    this.#gpu = gpu;
    const { x, y, weights, count } = data;
    try {
      // A byte array whose length is not a multiple of 4 is copied once into whole words.
      if (withSamples)
        this.#upload("data:x", `${label} samples`, x instanceof Uint8Array && x.length % 4 !== 0 ? padded(x) : x);
      if (y) this.#upload("data:labels", `${label} labels`, y);
      if (weights) this.#upload("data:weights", `${label} weights`, Float32Array.from(weights));
      this.#upload(
        "index",
        `${label} order`,
        Uint32Array.from({ length: count }, (_, i) => i),
      );
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  #upload(name: string, label: string, data: Uint8Array | Float32Array | Uint32Array): void {
    const buffer = this.#gpu.memory.create(label, data.byteLength, usage);
    this.resources.set(name, buffer);
    this.#gpu.memory.write(buffer, 0, data);
  }

  get feed(): ReturnType<typeof feedOf> {
    return feedOfData(this.data);
  }

  order(order: Uint32Array<ArrayBuffer>): void {
    this.#gpu.memory.write(this.resources.get("index")!, 0, order);
  }

  at(start: number): number {
    return start;
  }

  dispose(): void {
    for (const buffer of this.resources.values()) this.#gpu.memory.destroy(buffer);
  }
}

export function feedOf(d: { count: number; sample: number; bytes: boolean; label: number; labelled: boolean }): {
  x: ResidentData;
  labels?: ResidentData;
} {
  const x: ResidentData = { sample: d.sample, count: d.count, format: d.bytes ? "uint8" : "float32" };
  return d.labelled ? { x, labels: { sample: d.label, count: d.count, format: "float32" } } : { x };
}

export const feedOfData = ({ count, sample, bytes, label, y }: CheckedDataset): ReturnType<typeof feedOf> =>
  feedOf({ count, sample, bytes, label, labelled: y !== undefined });

/** The seed of an epoch's order, from that of the training. */
export const epochSeed = (seed: number, epoch: number): number => seed * 100_003 + epoch + 1;

/** By Fisher and Yates's shuffle; the same seed gives the same order. */
export function shuffledOrder(count: number, seed: number): Uint32Array<ArrayBuffer> {
  const random = randomSource(seed);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** In whole words, as writes to the GPU are. */
export function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  result.set(bytes);
  return result;
}
