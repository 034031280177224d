/** More images than fit into memory: folders or an archive whose files are decoded when training gets to them. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { checkLeft, chooseFiles, type FilesOptions } from "./files";
import type { FileSource } from "./folders";
import type { LabelledStream } from "./labelled";
import { checkConcurrency, loadSamples, sizeOption, unreadable, type Skipped } from "./samples";

export interface StreamFilesOptions extends FilesOptions {
  /**
   * Whether every image is decoded once beforehand, to list and skip those that do not decode; default true, as otherwise one of them ends the
   * training. False for files that are known to be good: nothing is opened before it is trained on.
   */
  readonly check?: boolean;
}

/** Images that are read when they are needed, with class ids and names. */
export interface ImageStream extends LabelledStream {
  /** Paths in the order of the samples. */
  readonly names: readonly string[];
  readonly skipped: readonly Skipped[];
}

const who = "streamFromFiles";

/**
 * As `datasetFromFiles`, for `fit`, `evaluate` and `predict`, but memory holds no more than the images that are being read. The same files
 * give the same samples in the same order, and so the same weights after training. `split`, `take`, `shuffle`, `classWeights` and `balanced` take it.
 *
 * @throws as `datasetFromFiles`; while training also for a file that no longer decodes, naming it.
 * @example
 * const data = await streamFromFiles(gpu, "photos.zip", { size: 224, decode });
 * const [train, val] = split(data, { fractions: [0.9, 0.1] });
 * await model.fit(train, { validationData: val, epochs: 5 });
 */
export async function streamFromFiles(gpu: Gpu, source: FileSource, options: StreamFilesOptions): Promise<ImageStream> {
  const chosen = await chooseFiles(who, source, options);
  const { check = true, concurrency = 4, onProgress: _, signal: __, ...reading } = options;
  checkConcurrency(who, concurrency);
  const bad = check ? await unreadable(chosen.entries, options, who) : new Map<number, Skipped>();
  const kept = [...chosen.entries.keys()].filter((i) => !bad.has(i));
  const skipped = [...bad.values()];
  const entries = kept.map((i) => chosen.entries[i]);
  const ids = kept.map((i) => chosen.ids[i]);
  checkLeft(who, chosen.classNames, ids, skipped);
  return {
    count: entries.length,
    shape: [...sizeOption(who, options.size), 3],
    y: Int32Array.from(ids),
    classNames: chosen.classNames,
    names: entries.map((entry) => entry.name),
    skipped: [...chosen.skipped, ...skipped],
    async read(indices, signal) {
      const wanted = Array.from(indices, (i) => entries[i]);
      const { x, skipped: failed } = await loadSamples(gpu, wanted, { ...reading, concurrency, signal }, who);
      const [first] = failed;
      if (first) throw new ThawError(who, `${first.name}: ${first.reason}`, "an image that decodes");
      return { x };
    },
  };
}
