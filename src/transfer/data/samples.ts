/** Many images to samples: decoded a few at a time, resized in groups, and released. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { pixelsOf, type ImageSource, type PixelOptions } from "./pixels";
import { resizeImages, type PlainImage, type ResizeOptions } from "./resize";

/** An image that was left out, and why. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export interface ImageProgress {
  /** Images dealt with so far, the skipped among them. */
  readonly done: number;
  readonly total: number;
  readonly skipped: number;
}

export interface ImageOptions extends ResizeOptions, PixelOptions {
  /** Rows and columns of a sample; a number for both. */
  readonly size: number | readonly [number, number];
  /** Images that are decoded at the same time; default 4, as most machines have cores for that many. */
  readonly concurrency?: number;
  /** Called after each group of images. */
  readonly onProgress?: (progress: ImageProgress) => void;
  /** Ends the work between two images with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An image that is fetched when its turn has come. */
export interface Entry {
  readonly name: string;
  readonly open: () => ImageSource | Promise<ImageSource>;
}

/** Pixels that wait for the GPU at most, beside those that are being decoded. */
const groupBytes = 16 * 2 ** 20;
const groupImages = 128;

export interface Samples {
  readonly x: Uint8Array<ArrayBuffer>;
  readonly shape: readonly [number, number, 3];
  /** Of each sample, which entry it was. */
  readonly kept: readonly number[];
  readonly skipped: readonly Skipped[];
}

export function sizeOption(who: string, size: ImageOptions["size"]): readonly [number, number] {
  const pair = typeof size === "number" ? ([size, size] as const) : size;
  if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((n) => Number.isInteger(n) && n > 0))
    throw new ThawError(who, `size ${String(size)}`, "rows and columns, e.g. [224, 224]");
  return pair as readonly [number, number];
}

/**
 * Samples of all entries that decode, in their order.
 *
 * @throws when there are none, and the signal's reason when it is aborted.
 */
export async function loadSamples(
  gpu: Gpu,
  entries: readonly Entry[],
  options: ImageOptions,
  who: string,
): Promise<Samples> {
  const { concurrency = 4, onProgress, signal } = options;
  const size = sizeOption(who, options.size);
  checkConcurrency(who, concurrency);
  if (entries.length === 0) throw new ThawError(who, "no images", "at least one");
  const sample = 3 * size[0] * size[1];
  const x = allocate(who, entries.length, sample);
  const reasons = new Map<number, string>();
  let next = 0;
  let done = 0;
  let waiting: { i: number; image: PlainImage }[] = [];
  let waitingBytes = 0;
  let resizing: Promise<void> = Promise.resolve();

  const resizeWaiting = (): Promise<void> => {
    const group = waiting;
    [waiting, waitingBytes] = [[], 0];
    const before = resizing;
    return (resizing = (async () => {
      await before;
      signal?.throwIfAborted();
      const images = group.map((g) => g.image);
      const bytes = await resizeImages(gpu, images, size, options);
      group.forEach(({ i }, k) => x.set(bytes.subarray(k * sample, (k + 1) * sample), i * sample));
      done += group.length;
      onProgress?.({ done: done + reasons.size, total: entries.length, skipped: reasons.size });
    })());
  };
  const work = async () => {
    try {
      while (next < entries.length) {
        signal?.throwIfAborted();
        await resizing; // so that no more pixels wait than one group has
        if (next >= entries.length) return;
        const i = next++;
        const image = await opened(entries[i], options);
        if (typeof image === "string") {
          reasons.set(i, image);
          continue;
        }
        waiting.push({ i, image });
        waitingBytes += image.data.byteLength;
        if (waitingBytes >= groupBytes || waiting.length >= groupImages) await resizeWaiting();
      }
    } catch (error) {
      next = entries.length; // the others stop too
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, entries.length) }, work));
  if (waiting.length > 0 || reasons.size > 0) await resizeWaiting();
  const kept = [...entries.keys()].filter((i) => !reasons.has(i));
  const skipped = [...reasons].toSorted(([a], [b]) => a - b).map(([i, reason]) => ({ name: entries[i].name, reason }));
  if (kept.length === 0) throw noneReadable(who, skipped, entries.length);
  return { x: compact(x, kept, sample), shape: [...size, 3], kept, skipped };
}

/**
 * Decodes all entries and keeps none: which of them cannot be read.
 *
 * @throws when none can, and the signal's reason when it is aborted.
 */
export async function unreadable(
  entries: readonly Entry[],
  options: ImageOptions,
  who: string,
): Promise<ReadonlyMap<number, Skipped>> {
  const { concurrency = 4, onProgress, signal } = options;
  const reasons = new Map<number, Skipped>();
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < entries.length) {
      signal?.throwIfAborted();
      const i = next++;
      const { name } = entries[i];
      const reason = await opened(entries[i], options);
      if (typeof reason === "string") reasons.set(i, { name, reason });
      onProgress?.({ done: ++done, total: entries.length, skipped: reasons.size });
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, entries.length) }, work));
  if (reasons.size === entries.length) throw noneReadable(who, [...reasons.values()], entries.length);
  return new Map([...reasons].toSorted(([a], [b]) => a - b));
}

const noneReadable = (who: string, [first]: readonly Skipped[], count: number): ThawError =>
  new ThawError(who, `none of ${count} images could be read (${first.name}: ${first.reason})`, "images that decode");

export function checkConcurrency(who: string, concurrency: number): void {
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new ThawError(who, `concurrency ${concurrency}`, "a whole number from 1");
}

/** The pixels, or the reason why there are none. */
async function opened({ name, open }: Entry, options: ImageOptions): Promise<PlainImage | string> {
  try {
    const image = await pixelsOf(await open(), name, options);
    const channels = image.data.length / (image.width * image.height);
    const known = image.data instanceof Float32Array ? [1, 3] : [1, 3, 4];
    if (known.includes(channels)) return image;
    return `${image.data.length} values for ${image.width} x ${image.height} pixels`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function allocate(who: string, count: number, sample: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(count * sample);
  } catch {
    throw new ThawError(
      who,
      `${count} images of ${sample} bytes do not fit into memory`,
      "a smaller data set",
      "Use a smaller size or maxPerClass.",
    );
  }
}

function compact(x: Uint8Array<ArrayBuffer>, kept: readonly number[], sample: number): Uint8Array<ArrayBuffer> {
  if (kept.length * sample === x.length) return x;
  kept.forEach((from, to) => x.copyWithin(to * sample, from * sample, (from + 1) * sample));
  return x.slice(0, kept.length * sample);
}
