/**
 * HDF5 files as named tensors and texts. Those of Keras are read by code of our own (hdf5-plain.ts), all others by the library, which
 * has to be fetched and compiled first.
 */
import { ThawError } from "../errors";
import { Allowance, maxAttribute, maxDepth, maxObjects, shapeless, splitTexts, type Hdf5File } from "./hdf5-file";
import { brokenHeap } from "./hdf5-heaps";
import { LibraryBroken, loadHdf5, type H5, type Hdf5Library, type Hdf5Module, type PlacedFile } from "./hdf5-library";
import { openPlainHdf5 } from "./hdf5-plain";
import { float32View, isNumberType, toFloat32, type NumberType, type StoredTensor } from "./tensors";

export type { Hdf5File } from "./hdf5-file";

type Dataset = InstanceType<H5["Dataset"]>;
type Group = InstanceType<H5["Group"]>;
type File = InstanceType<H5["File"]>;
type Metadata = Dataset["metadata"];

/** A dataset with what is known of it, which is asked for once. */
interface Entry {
  readonly dataset: Dataset;
  readonly metadata: Metadata;
}

export const isHdf5 = (bytes: Uint8Array): boolean =>
  [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a].every((b, i) => bytes[i] === b);

const damage = (name: string, why: string) =>
  new ThawError(
    name,
    `cannot be read as HDF5 (${why})`,
    "a whole HDF5 file",
    "The file is truncated or damaged; get it again.",
  );

/** What reading a tensor needs to know of its file. */
interface OpenFile {
  readonly module: Hdf5Module;
  readonly placed: PlacedFile;
  readonly bytes: Uint8Array;
  readonly allowance: Allowance;
  /** Tensors whose place in the file's bytes is given away. */
  readonly given: Set<string>;
  readonly owned: boolean;
}

/**
 * @param owned the bytes are nobody else's: tensors may be handed out where they lie, each once, and keep the bytes alive.
 * @throws for a file that is truncated or not HDF5.
 */
export async function openHdf5(name: string, bytes: Uint8Array, owned = false): Promise<Hdf5File> {
  return openPlainHdf5(name, bytes, owned) ?? (await openByLibrary(name, bytes, owned));
}

/** Whatever HDF5 file it is. */
export async function openByLibrary(name: string, bytes: Uint8Array, owned: boolean): Promise<Hdf5File> {
  const broken = brokenHeap(bytes);
  if (broken !== undefined) throw damage(name, broken);
  const library = await loadHdf5();
  // A damaged file before this one may have broken what this one met: it gets a second try, with the library as new.
  for (let again = true; ; again = false) {
    try {
      return openPlaced(library, name, bytes, owned);
    } catch (error) {
      if (!(error instanceof LibraryBroken)) throw error;
      if (!again) throw damage(name, error.message);
    }
  }
}

/** @throws LibraryBroken while it is opened; later that is damage like all other. */
function openPlaced(library: Hdf5Library, name: string, bytes: Uint8Array, owned: boolean): Hdf5File {
  const { h5, module } = library;
  const placed = library.place(bytes);
  const guarded = <T>(body: () => T): T => {
    if (placed.lost) throw damage(name, "it was open while a damaged file broke the library");
    try {
      return library.run(body);
    } catch (error) {
      if (error instanceof ThawError || (error instanceof LibraryBroken && opening)) throw error;
      throw damage(
        name,
        String(error instanceof Error ? error.message : error)
          .split("\n")[0]
          .slice(0, 200),
      );
    }
  };
  let file: File | undefined;
  let opening = true;
  const close = () => {
    try {
      if (file && !placed.lost) library.run(() => file?.close());
    } catch {
      // A damaged file may fail to close; its bytes go with the name.
    }
    placed.remove();
  };
  try {
    return guarded(() => {
      const opened = new h5.File(placed.path, "r");
      // The constructor does not throw by itself for every broken file.
      if (opened.file_id < 0n) throw new Error("the file does not open");
      file = opened;
      const { datasets, groups } = collect(h5, opened);
      opening = false;
      const allowance = new Allowance(bytes.length);
      const source: OpenFile = { module, placed, bytes, allowance, given: new Set(), owned };
      return {
        paths: [...datasets.keys()],
        shape: (dataset) => datasets.get(dataset)?.metadata.shape ?? undefined,
        get: (dataset) =>
          guarded(() => {
            const found = datasets.get(dataset);
            return found && readTensor(`${name}/${dataset}`, source, found);
          }),
        attribute: (group, attribute) => guarded(() => readText(groups.get(group), attribute, bytes.length)),
        texts: (group, attribute) =>
          guarded(() => splitTexts(attribute, (part) => readAttribute(groups.get(group), part, bytes.length))),
        close,
      };
    });
  } catch (error) {
    close();
    throw error;
  }
}

/** What a file holds, by path; its own group is "/". */
interface Contents {
  readonly datasets: Map<string, Entry>;
  readonly groups: Map<string, Group>;
}

/** Links to other files and broken links are passed over: no weights of Keras's lie there. */
function collect(h5: H5, root: Group): Contents {
  const datasets = new Map<string, Entry>();
  const groups = new Map([["/", root]]);
  let objects = 0;
  const visit = (group: Group, prefix: string, depth: number) => {
    if (depth > maxDepth) throw new Error(`groups are nested more than ${maxDepth} deep`);
    for (const key of group.keys()) {
      if (++objects > maxObjects) throw new Error(`more than ${maxObjects} objects`);
      const item = group.get(key);
      if (item instanceof h5.Dataset) datasets.set(prefix + key, { dataset: item, metadata: item.metadata });
      else if (item instanceof h5.Group) {
        groups.set(prefix + key, item);
        visit(item, `${prefix}${key}/`, depth + 1);
      }
    }
  };
  visit(root, "", 0);
  return { datasets, groups };
}

/** An attribute's texts, or undefined where there is none or it holds something else. */
function readAttribute(group: Group | undefined, name: string, fileBytes: number): string[] | undefined {
  const all = group?.attrs; // asked for once: the library lists them anew each time
  if (!all || !Object.hasOwn(all, name)) return undefined;
  const attribute = all[name];
  const { size, total_size: count, shape, maxshape } = attribute.metadata;
  // No writer lets an attribute grow; with damaged limits the library reads for seconds (seen with HDF5 2.0.0).
  if (maxshape?.some((most, i) => most !== shape?.[i]))
    throw new Error(`the attribute ${name} has [${shape?.join(", ")}] elements and room for [${maxshape.join(", ")}]`);
  // Attributes are not compressed.
  if (size * count > Math.min(maxAttribute, fileBytes))
    throw new Error(`the attribute ${name} has ${size * count} bytes`);
  const value: unknown = attribute.value;
  // An empty list of names is written as an empty list of numbers.
  if (ArrayBuffer.isView(value) && count === 0) return [];
  const texts = Array.isArray(value) ? (value as unknown[]) : [value];
  return texts.every((text) => typeof text === "string") ? texts : undefined;
}

function readText(group: Group | undefined, name: string, fileBytes: number): string | undefined {
  return readAttribute(group, name, fileBytes)?.[0];
}

function readTensor(name: string, file: OpenFile, entry: Entry): StoredTensor {
  const { dataset, metadata } = entry;
  const { shape, size } = metadata;
  if (!shape) throw shapeless(name);
  const bytes = shape.reduce((a, b) => a * b, 1) * size;
  file.allowance.take(name, bytes);
  if (metadata.virtual_sources) throw new ThawError(name, "is put together from other files", "its own numbers");
  const type = numberType(metadata);
  if (!type) throw new ThawError(name, `has the type ${JSON.stringify(dataset.dtype)}`, "numbers");
  const inPlace = bytesInPlace(file, entry, bytes);
  if (inPlace && type === "float32" && file.owned && !file.given.has(dataset.path)) {
    const view = float32View(inPlace);
    if (view) {
      file.given.add(dataset.path);
      return { shape, data: view };
    }
  }
  const raw = inPlace ?? (bytes === 0 ? new Uint8Array(0) : rawBytes(file.module, dataset, bytes));
  return { shape, data: toFloat32(type, raw) };
}

/** Larger contiguous tensors are read by the library in one go (smaller ones through its sieve buffer of 64 KB). */
const oneRead = 65_536 + 1;

/**
 * Where a tensor lies that stands in the file as one run of bytes, as Keras writes them; undefined for one that is small, cut
 * into chunks, compressed, or in another order than ours. The library finds the place, and its own copy is saved.
 */
function bytesInPlace({ module, placed, bytes }: OpenFile, { dataset, metadata }: Entry, length: number) {
  if (length < oneRead || metadata.chunks || !metadata.littleEndian) return undefined;
  let at: number | undefined;
  readInto(module, dataset, length, (pointer, read) => (at = placed.locate(pointer, length, read)));
  return at === undefined ? undefined : bytes.subarray(at, at + length);
}

/** HDF5's classes: 0 whole numbers, 1 floating point, 5 opaque (Keras's bfloat16), 8 enumeration (h5py's bool). */
function numberType({ type, size, signed, enum_type: enumeration }: Metadata): NumberType | undefined {
  if (type === 5) return size === 2 ? "bfloat16" : undefined;
  if (type === 8 && enumeration) return size === 1 ? "int8" : undefined;
  const name = type === 1 ? `float${8 * size}` : type === 0 ? `${signed ? "" : "u"}int${8 * size}` : "";
  return isNumberType(name) ? name : undefined;
}

/** The numbers in little-endian order: h5wasm would hand them out as arrays, but has none for float16. */
const rawBytes = (module: Hdf5Module, dataset: Dataset, bytes: number): Uint8Array =>
  readInto(module, dataset, bytes, (pointer, read) => {
    read();
    return module.HEAPU8.slice(pointer, pointer + bytes);
  });

/** Makes the library read a dataset into memory of its own, which is there for `use` only; that says when it reads. */
function readInto<T>(
  module: Hdf5Module,
  dataset: Dataset,
  bytes: number,
  use: (pointer: number, read: () => void) => T,
): T {
  const pointer = module._malloc(bytes);
  if (pointer === 0) throw new Error(`no memory for ${bytes} bytes`);
  try {
    return use(pointer, () => {
      const status = module.get_dataset_data(dataset.file_id, dataset.path, null, null, null, BigInt(pointer));
      if (status < 0) throw new Error(`${dataset.path} cannot be read`);
    });
  } finally {
    module._free(pointer);
  }
}
