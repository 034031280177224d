/** Data sets of images that are there already: elements of a page, files, pixels. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import type { Dataset } from "../../nn/trainer";
import { datasetFromTensors, type LabelledDataset } from "./labelled";
import { checkDecoder, type ImageSource } from "./pixels";
import { loadSamples, type ImageOptions, type Skipped } from "./samples";

export interface ImagesOptions extends ImageOptions {
  /** One an image: class ids, or names of classes. */
  readonly labels: ArrayLike<number> | readonly string[];
  /** In the order of the ids. Default: the labels' names in alphabetical order, or "0", "1", ... */
  readonly classNames?: readonly string[];
  /** For `names` and for what is skipped; default: of files their names, else "image 0", "image 1", ... */
  readonly names?: readonly string[];
}

/** Bytes 0 to 255 `[count, height, width, 3]` with class ids. */
export interface ImageDataset extends LabelledDataset {
  readonly x: Uint8Array<ArrayBuffer>;
  readonly names: readonly string[];
  /** Images that were left out, with the reason. */
  readonly skipped: readonly Skipped[];
}

/** Images without labels: for pseudo-labels and self-supervision. */
export interface UnlabelledImages extends Dataset {
  readonly x: Uint8Array<ArrayBuffer>;
  readonly y?: undefined;
  readonly names: readonly string[];
  readonly skipped: readonly Skipped[];
}

const who = "datasetFromImages";

/**
 * Images to samples of one size, resized on the GPU and kept as bytes. Files are decoded by the browser: turned as their EXIF data
 * say, in sRGB, and laid on `background` where they are transparent. Those that do not decode are left out and listed in `skipped`.
 *
 * @throws when none decodes, for labels that do not fit, in Node for files without `decode`, and when the signal is aborted.
 * @example await datasetFromImages(gpu, document.images, { size: 224, labels: ["cat", "dog", "cat"] })
 */
export async function datasetFromImages(
  gpu: Gpu,
  images: ArrayLike<ImageSource>,
  options: ImagesOptions,
): Promise<ImageDataset>;
export async function datasetFromImages(
  gpu: Gpu,
  images: ArrayLike<ImageSource>,
  options: Omit<ImagesOptions, "labels"> & { readonly labels?: undefined },
): Promise<UnlabelledImages>;
export async function datasetFromImages(
  gpu: Gpu,
  images: ArrayLike<ImageSource>,
  options: Omit<ImagesOptions, "labels"> & { readonly labels?: ImagesOptions["labels"] },
): Promise<ImageDataset | UnlabelledImages> {
  const list = Array.from(images);
  const names = list.map((source, i) => options.names?.[i] ?? (fileName(source) || `image ${i}`));
  const labels = options.labels && idsOf(options.labels, options.classNames, list.length);
  if (list.some(isEncoded)) checkDecoder(who, options);
  const entries = list.map((source, i) => ({ name: names[i], open: () => source }));
  const { x, shape, kept, skipped } = await loadSamples(gpu, entries, options, who);
  const rest = { names: kept.map((i) => names[i]), skipped };
  if (!labels) return { x, shape, ...rest };
  return { ...labelled(x, kept, shape, labels), ...rest };
}

interface Labels {
  readonly ids: readonly number[];
  readonly classNames: readonly string[];
}

const labelled = (x: Uint8Array<ArrayBuffer>, kept: readonly number[], shape: readonly number[], labels: Labels) => ({
  ...datasetFromTensors(
    x,
    kept.map((i) => labels.ids[i]),
    { shape, classNames: labels.classNames },
  ),
  x,
});

const fileName = (source: ImageSource) =>
  "name" in source && typeof source.name === "string" ? source.name : undefined;

const isEncoded = (source: ImageSource) =>
  source instanceof Uint8Array || (typeof Blob !== "undefined" && source instanceof Blob);

/** Checked before anything is decoded. */
function idsOf(labels: ImagesOptions["labels"], classNames: readonly string[] | undefined, count: number): Labels {
  if (labels.length !== count)
    throw new ThawError(who, `${labels.length} labels for ${count} images`, `${count}: class ids or names`);
  const list = Array.from<number | string>(labels);
  const named = list.every((label) => typeof label === "string");
  const names =
    classNames ??
    (named
      ? [...new Set(list)].toSorted()
      : Array.from({ length: list.reduce<number>((a, b) => Math.max(a, Number(b)), 0) + 1 }, (_, i) => String(i)));
  const ids = list.map((label) => (typeof label === "string" ? names.indexOf(label) : label));
  const bad = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= names.length);
  if (bad >= 0)
    throw new ThawError(
      who,
      `label ${String(list[bad])} of image ${bad}`,
      `one of ${names.map((n, i) => `${i} (${n})`).join(", ")}`,
    );
  return { ids, classNames: names };
}
