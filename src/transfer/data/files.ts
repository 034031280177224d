/** Data sets of folders, each of which holds the images of a class. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { findFiles, type FileSource, type FoundFile } from "./folders";
import type { ImageDataset } from "./images";
import { datasetFromTensors } from "./labelled";
import { checkDecoder } from "./pixels";
import { loadSamples, sizeOption, type Entry, type ImageOptions, type Skipped } from "./samples";

export interface FilesOptions extends ImageOptions {
  /** The classes that are wanted, in the order of their ids. Default: all folders with images, in alphabetical order. */
  readonly classNames?: readonly string[];
  /** Images of a class at most: the first by name. Default: all. */
  readonly maxPerClass?: number;
  /** Endings of files that are images. Default: what browsers decode, jpg, jpeg, png, webp, gif, bmp and avif. */
  readonly extensions?: readonly string[];
}

const who = "datasetFromFiles";
const browserFormats = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "avif"];

/**
 * Images in folders to samples of one size. The class of an image is the name of the folder that it lies in, whatever folders that one
 * lies in itself. Hidden files (a "." in front, "__MACOSX") are passed over; other files that are no images, images in no class's folder and
 * images that do not decode are listed in `skipped`. Samples come class by class, in the order of their names.
 *
 * Files are read, decoded and resized a few at a time: memory holds the samples (bytes), and pixels of a few images.
 *
 * @param source see `FileSource`; a drop has to be passed inside its event's handler.
 * @throws when there is one class only, a class has no image that decodes, and in Node without `decode`.
 * @example
 * const data = await datasetFromFiles(gpu, input.files, { size: 224 });
 * const data = await datasetFromFiles(gpu, "flowers", { size: 224, decode: (bytes) => PNG.sync.read(Buffer.from(bytes)) });
 */
export async function datasetFromFiles(gpu: Gpu, source: FileSource, options: FilesOptions): Promise<ImageDataset> {
  const { entries, ids, classNames, skipped } = await chooseFiles(who, source, options);
  const loaded = await loadSamples(gpu, entries, options, who);
  const kept = loaded.kept.map((i) => ids[i]);
  checkLeft(who, classNames, kept, loaded.skipped);
  return {
    ...datasetFromTensors(loaded.x, kept, { shape: loaded.shape, classNames }),
    x: loaded.x,
    names: loaded.kept.map((i) => entries[i].name),
    skipped: [...skipped, ...loaded.skipped],
  };
}

export interface ChosenFiles {
  readonly entries: readonly Entry[];
  /** Class ids of the entries. */
  readonly ids: readonly number[];
  readonly classNames: readonly string[];
  readonly skipped: readonly Skipped[];
}

/** The images that are wanted, by class and name; none is opened. A drop is asked for its files before the first await. */
export async function chooseFiles(who: string, source: FileSource, options: FilesOptions): Promise<ChosenFiles> {
  const finding = findFiles(who, source); // first of all, because of drops
  finding.catch(() => {}); // reported below
  checkDecoder(who, options);
  sizeOption(who, options.size);
  const { maxPerClass = Infinity, signal } = options;
  if (!(maxPerClass >= 1)) throw new ThawError(who, `maxPerClass ${maxPerClass}`, "a whole number from 1");
  const files = await finding;
  signal?.throwIfAborted();
  const { classes, skipped } = sortFiles(files, options.extensions ?? browserFormats);
  const classNames = options.classNames ?? [...classes.keys()].toSorted();
  checkClasses(who, classNames, classes, files.length, skipped);
  const chosen = classNames.flatMap((name, id) =>
    classes
      .get(name)!
      .slice(0, maxPerClass)
      .map((file) => ({ file, id })),
  );
  return {
    entries: chosen.map(({ file }) => ({ name: file.path, open: file.open })),
    ids: chosen.map(({ id }) => id),
    classNames,
    skipped,
  };
}

/** @throws for a class of which no image decodes. @param ids of those that do */
export function checkLeft(
  who: string,
  classNames: readonly string[],
  ids: readonly number[],
  skipped: readonly Skipped[],
): void {
  const left = new Set(ids);
  const none = classNames.findIndex((_, id) => !left.has(id));
  if (none >= 0)
    throw new ThawError(
      who,
      `no image of the class "${classNames[none]}" decodes (${skipped.map((s) => `${s.name}: ${s.reason}`)[0]})`,
      "one at least",
      "Leave the class out with the option classNames.",
    );
}

interface SortedFiles {
  /** Images by the name of their folder, sorted by path. */
  readonly classes: ReadonlyMap<string, readonly FoundFile[]>;
  readonly skipped: readonly Skipped[];
}

/** Which image belongs to which class, and what belongs to none. */
export function sortFiles(files: readonly FoundFile[], extensions: readonly string[]): SortedFiles {
  const skipped: Skipped[] = [];
  const images: FoundFile[] = [];
  const inOrder = files.toSorted((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  for (const file of inOrder) {
    const parts = file.path.split("/");
    if (parts.some((part) => part === "__MACOSX" || (part.startsWith(".") && part !== "." && part !== ".."))) continue;
    const ending = /\.(\w+)$/.exec(file.path)?.[1].toLowerCase();
    if (ending !== undefined && extensions.includes(ending)) images.push(file);
    else skipped.push({ name: file.path, reason: "not an image by its name" });
  }
  // Images beside the classes' folders have no class: their folder is the one that holds them all.
  const folders = images.map(({ path }) => path.split("/").slice(0, -1));
  const depth = commonDepth(folders);
  const deeper = folders.some((folder) => folder.length > depth);
  const classes = new Map<string, FoundFile[]>();
  images.forEach((file, i) => {
    const folder = folders[i];
    const name = folder.at(-1);
    if (name === undefined || (deeper && folder.length === depth)) {
      skipped.push({ name: file.path, reason: "in no folder of a class" });
      return;
    }
    const list = classes.get(name);
    if (list) list.push(file);
    else classes.set(name, [file]);
  });
  return { classes, skipped };
}

/** How many folders all paths begin with. */
function commonDepth(folders: readonly (readonly string[])[]): number {
  const [first = []] = folders;
  let depth = 0;
  while (depth < first.length && folders.every((folder) => folder[depth] === first[depth])) depth++;
  return depth;
}

function checkClasses(
  who: string,
  names: readonly string[],
  classes: SortedFiles["classes"],
  files: number,
  skipped: readonly Skipped[],
): void {
  const found = [...classes].map(([name, list]) => `${name} (${list.length})`).join(", ");
  if (classes.size === 0) {
    const example = skipped[0] ? `; ${skipped[0].name}: ${skipped[0].reason}` : "";
    throw new ThawError(
      who,
      `no images in folders among ${files} files${example}`,
      "a folder with images for each class",
    );
  }
  const empty = names.find((name) => !classes.has(name));
  if (empty !== undefined) throw new ThawError(who, `no images of the class "${empty}"`, `classes among ${found}`);
  if (new Set(names).size < names.length) throw new ThawError(who, `classes ${names.join(", ")}`, "names that differ");
  if (names.length < 2)
    throw new ThawError(
      who,
      `one class only: ${found}`,
      "two or more folders with images",
      "Choose the folder that holds the folders of the classes.",
    );
}
