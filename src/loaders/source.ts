/** Where a model comes from, brought to the bytes of its main file and a way to its neighbours. */
import { ThawError } from "../errors";
import { formatOf, headBytes, type Format } from "./format";
import { parseJson } from "./json";
import { blobPlace, bytesPlace, textPlace, type Place } from "./sources/places";
import { relativeParts } from "./sources/relative";
import type { SourceOptions } from "./sources/report";

export type { Progress, SourceOptions } from "./sources/report";

/**
 * A path (in Node) or URL, a `File` or `Blob`, the bytes themselves, or all files of a model in a list: shards, external
 * data. Which file of a list is the model is found by content. Or what `openSource` gave, so that a file is fetched once for
 * several questions.
 */
export type ModelSource =
  | string
  | URL
  | Blob
  | ArrayBuffer
  | Uint8Array
  | readonly (string | URL | Blob)[]
  | Iterable<Blob> // a FileList
  | OpenedSource;

/** A model file that was read, and the way to the files beside it. */
export interface OpenedSource {
  /** For messages: name, address or path. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly format: Format;
  /** Nobody else has the bytes: a reader may keep weights where they lie, and turn them there. */
  readonly owned: boolean;
  /**
   * A file beside it, named as the model names it (`group1-shard1of1.bin`, `net.onnx.data`).
   *
   * @throws when it is not there, or the name leads out of the folder.
   */
  sibling(relativeName: string): Promise<Uint8Array>;
}

/** @throws for a file that is not there, a server that answers with an error, and a list without exactly one model. */
export async function openSource(source: ModelSource, options: SourceOptions = {}): Promise<OpenedSource> {
  options.signal?.throwIfAborted();
  if (isOpened(source)) return { ...source, owned: false }; // the caller may ask it something else
  const places = placesOf(source);
  const main = places.length === 1 ? places[0] : await mainOf(places, options);
  const bytes = await main.read(options);
  if (bytes.length === 0) throw new ThawError(main.name, "is empty", "a .keras file, or another model format");
  const others = Array.isArray(source) || places.length > 1 ? places.filter((p) => p !== main) : undefined;
  return {
    name: main.name,
    bytes,
    format: formatOf(bytes.subarray(0, headBytes)),
    owned: !main.shared,
    sibling: async (name) => {
      const parts = relativeParts(main.name, name);
      return await (others?.length ? among(main, others, parts) : beside(main, parts)).read(options);
    },
  };
}

const isOpened = (source: ModelSource): source is OpenedSource =>
  typeof source === "object" && source !== null && "sibling" in source;

function placesOf(source: Exclude<ModelSource, OpenedSource>): Place[] {
  if (typeof source === "string" || source instanceof URL) return [textPlace(source)];
  // Node's Buffer is a Uint8Array whose slice() does not copy.
  if (source instanceof Uint8Array)
    return [bytesPlace(new Uint8Array(source.buffer, source.byteOffset, source.byteLength))];
  if (source instanceof ArrayBuffer) return [bytesPlace(new Uint8Array(source))];
  if (source instanceof Blob) return [blobPlace(source)];
  const iterable = typeof source === "object" && source !== null && Symbol.iterator in source;
  const list = iterable ? [...(source as Iterable<string | URL | Blob>)] : [];
  if (
    list.length === 0 ||
    !list.every((item) => typeof item === "string" || item instanceof URL || item instanceof Blob)
  ) {
    throw new ThawError(
      "model source",
      iterable ? `a list of ${list.length} items` : `a ${source === null ? "null" : typeof source}`,
      "a URL or path, a File, bytes, or a list of paths, URLs and Files",
    );
  }
  return list.map((item) => (item instanceof Blob ? blobPlace(item) : textPlace(item)));
}

/** How likely a file with these contents is the model rather than a shard of it; 0: not at all. */
const rank: Readonly<Record<Format, number>> = { json: 4, zip: 3, hdf5: 2, safetensors: 2, protobuf: 1, unknown: 0 };

/** The model among several files: the JSON that names the others, else the one file in a model format. */
async function mainOf(places: readonly Place[], options: SourceOptions): Promise<Place> {
  const quiet = options.signal ? { signal: options.signal } : {};
  const ranked: { place: Place; rank: number }[] = [];
  for (const place of places) {
    const format = formatOf(await place.head(headBytes, quiet));
    const value = format === "json" && !(await isIndex(place, quiet)) ? 0 : rank[format];
    // Raw numbers can look like a protobuf: the name breaks the tie.
    ranked.push({
      place,
      rank: value + (format === "protobuf" && place.path.toLowerCase().endsWith(".onnx") ? 0.5 : 0),
    });
  }
  const best = Math.max(...ranked.map((r) => r.rank));
  const found = ranked.filter((r) => r.rank === best);
  if (best > 0 && found.length === 1) return found[0].place;
  const names = (best > 0 ? found : ranked)
    .map((r) => r.place.name)
    .slice(0, 6)
    .join(", ");
  throw new ThawError(
    "model source",
    best > 0 ? `${found.length} of the files could be the model (${names})` : `none of the files is a model (${names})`,
    "one model and the files that belong to it",
  );
}

/** A JSON file that leads to other files: a TF.js model, or an index of shards. */
async function isIndex(place: Place, options: SourceOptions): Promise<boolean> {
  try {
    const json = parseJson(place.name, await place.read(options));
    return ["modelTopology", "weightsManifest", "weight_map"].some((key) => Object.hasOwn(json, key));
  } catch (error) {
    if (error instanceof ThawError) return false;
    throw error;
  }
}

function beside(main: Place, parts: readonly string[]): Place {
  if (main.beside) return main.beside(parts);
  throw new ThawError(
    main.name,
    `needs the file ${parts.join("/")}, and it came without a folder`,
    "all files of the model",
    "Give them together, in a list: loadModel([...files]).",
  );
}

/** By path from the model's folder, else by the last part of the name, where that is unambiguous. */
function among(main: Place, others: readonly Place[], parts: readonly string[]): Place {
  const folder = main.path.includes("/") ? main.path.slice(0, main.path.lastIndexOf("/") + 1) : "";
  const exact = others.find((p) => p.path === folder + parts.join("/"));
  if (exact) return exact;
  const base = parts.at(-1)!;
  const named = others.filter((p) => p.path.split("/").at(-1) === base);
  if (named.length === 1) return named[0];
  const received = others
    .map((p) => p.path)
    .slice(0, 8)
    .join(", ");
  throw new ThawError(
    main.name,
    named.length > 1
      ? `${named.length} of the given files are named ${base}`
      : `needs the file ${parts.join("/")}, which is not among those given (${received})`,
    "each file of the model once",
    "Give all files of the model, from one folder.",
  );
}
