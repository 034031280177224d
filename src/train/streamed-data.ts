/**
 * Samples that do not fit on the GPU at once: two windows of whole batches there, of which one is trained on while the next is read and uploaded.
 * Positions on the GPU are those of the order, so the index that steps gather by counts up, and the position of a batch is all that changes.
 */
import type { Gpu } from "../gpu/device";
import type { Preparation } from "../nn/compile/trace";
import { unlessAborted } from "./abortable";
import type { CheckedDataset } from "./dataset";
import { feedOf, padded, type PassData } from "./resident";
import { weighing } from "./sampling";

/** Bytes of a window at most. Enough for some hundred images, so that readers are not asked for every step anew; the page's memory holds one more. */
const windowBytes = 32 * 2 ** 20;

const usage = 0x80 | 0x8; // STORAGE | COPY_DST

export interface StreamOptions {
  readonly label: string;
  readonly batchSize: number;
  /** Of the samples at these indices with these labels; absent where samples have none. */
  readonly weightsOf?: ((indices: Uint32Array, y: Float32Array | undefined) => Float32Array) | undefined;
  /** Passes over the data. */
  readonly passes: number;
  /** The order of a pass (from 0) as far as it is known before: what is read ahead of its beginning. */
  readonly foreseen: (pass: number) => Uint32Array<ArrayBuffer> | undefined;
  readonly signal: AbortSignal | undefined;
  /** What else is done to each batch. */
  readonly preparation: Preparation | undefined;
}

interface Window {
  readonly indices: Uint32Array<ArrayBuffer>;
  /** Which half of the buffers. */
  readonly half: 0 | 1;
  ready: Promise<void>;
}

export class StreamedData implements PassData {
  readonly resources = new Map<string, GPUBuffer>();
  /** Samples of a window: whole batches. */
  readonly window: number;
  /** Where the second window begins: at a whole word, whatever the sample. */
  readonly #room: number;
  readonly #gpu: Gpu;
  readonly #options: StreamOptions;
  readonly #control = new AbortController();
  #order: Uint32Array<ArrayBuffer>;
  #pass = -1;
  /** The window that steps read: its number in the order, and in which half it is. */
  #number: number | undefined;
  #half: 0 | 1 = 1;
  #next: Window | undefined;

  constructor(
    gpu: Gpu,
    readonly data: CheckedDataset,
    options: StreamOptions,
  ) {
    this.#gpu = gpu;
    this.#options = options;
    const { count, sample, bytes, stream } = data;
    const { batchSize } = options;
    const batchBytes = batchSize * sample * (bytes ? 1 : 4);
    const batches = Math.max(1, Math.floor(Math.min(stream!.budget / 2, windowBytes) / batchBytes));
    this.window = batchSize * Math.min(batches, Math.ceil(count / batchSize));
    this.#room = 4 * Math.ceil(this.window / 4);
    this.#order = consecutive(count);
  }

  /** Makes the buffers. @throws when they do not fit; none are left then. */
  allocate(): void {
    const { label: name, weightsOf } = this.#options;
    const { sample, bytes, label } = this.data;
    const positions = 2 * this.#room;
    const make = (resource: string, what: string, size: number) =>
      this.resources.set(resource, this.#gpu.memory.create(`${name} ${what}`, positions * size, usage));
    try {
      make("data:x", "samples", sample * (bytes ? 1 : 4));
      make("data:labels", "labels", 4 * label);
      if (weightsOf) make("data:weights", "weights", 4);
      make("index", "order", 4);
      this.#gpu.memory.write(this.resources.get("index")!, 0, consecutive(positions));
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  get feed(): ReturnType<typeof feedOf> {
    return feedOf({ ...this.data, count: 2 * this.#room, labelled: true });
  }

  /** With the weights of the batch, where samples have some. */
  get preparation(): Preparation | undefined {
    const { weightsOf, preparation } = this.#options;
    return weightsOf ? weighing(2 * this.#room, preparation) : preparation;
  }

  order(order: Uint32Array<ArrayBuffer>): void {
    this.#order = order;
    this.#number = undefined;
  }

  /** Waits for the window with the batch, and begins to read the one after it; the signal's abortion ends the wait. */
  async at(start: number): Promise<number> {
    const number = Math.floor(start / this.window);
    if (this.#number !== number) await this.#turnTo(number);
    return this.#half * this.#room + start - number * this.window;
  }

  /** Steps on the window before have all been submitted: the queue lets them finish before it overwrites their samples. */
  async #turnTo(number: number): Promise<void> {
    const indices = windowOf(this.#order, number, this.window);
    let window = this.#next;
    // Another one takes its place as the next; what was foreseen wrongly is not uploaded when it comes.
    if (!window || !same(window.indices, indices)) window = this.#fetch(indices);
    await unlessAborted(window.ready, this.#options.signal);
    if (this.#options.signal?.aborted) return;
    if (number === 0) this.#pass++;
    this.#number = number;
    this.#half = window.half;
    this.#next = undefined;
    const last = (number + 1) * this.window >= this.data.count;
    const following = last ? this.#foreseen() : this.#order;
    if (following) this.#fetch(windowOf(following, last ? 0 : number + 1, this.window));
  }

  #foreseen(): Uint32Array<ArrayBuffer> | undefined {
    const { passes, foreseen } = this.#options;
    return this.#pass + 1 < passes ? foreseen(this.#pass + 1) : undefined;
  }

  #fetch(indices: Uint32Array<ArrayBuffer>): Window {
    const half = this.#half === 0 ? 1 : 0;
    const window: Window = { indices, half, ready: Promise.resolve() };
    this.#next = window;
    window.ready = (async () => {
      const { signal } = this.#control;
      const { x, y } = await this.data.stream!.read(indices, signal);
      if (signal.aborted || this.#next !== window) return;
      const weights = this.#options.weightsOf?.(indices, y);
      this.#write("data:x", half, this.data.sample, x);
      if (y) this.#write("data:labels", half, this.data.label, y);
      if (weights) this.#write("data:weights", half, 1, weights);
    })();
    window.ready.catch(() => {}); // reported where it is awaited, if it still is
    return window;
  }

  #write(resource: string, half: 0 | 1, width: number, values: Uint8Array | Float32Array): void {
    const whole = values instanceof Uint8Array && values.length % 4 !== 0 ? padded(values) : values;
    const offset = half * this.#room * width * values.BYTES_PER_ELEMENT;
    this.#gpu.memory.write(this.resources.get(resource)!, offset, whole);
  }

  dispose(): void {
    this.#control.abort();
    for (const buffer of this.resources.values()) this.#gpu.memory.destroy(buffer);
  }
}

export const consecutive = (count: number, from = 0): Uint32Array<ArrayBuffer> =>
  Uint32Array.from({ length: count }, (_, i) => from + i);

const windowOf = (order: Uint32Array<ArrayBuffer>, number: number, window: number): Uint32Array<ArrayBuffer> =>
  order.slice(number * window, (number + 1) * window);

const same = (a: Uint32Array, b: Uint32Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);
