/**
 * HDF5 files as Keras and h5py write them, read without the library: superblock 0, groups with symbol tables or links in their
 * headers, tensors in one piece, texts as attributes. All of a file's metadata is looked through when it is opened; whatever is
 * not known here, or not in order, leaves the whole file to the library (see hdf5.ts).
 * Source: "HDF5 File Format Specification 3.0", https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
 */
import { Allowance, maxDepth, maxObjects, shapeless, splitTexts, type Hdf5File } from "./hdf5-file";
import { PlainHeaps, readAttributes, type Attributes } from "./hdf5-plain-attributes";
import { notPlain, NotPlain, PlainBytes } from "./hdf5-plain-bytes";
import { messageTypes, onlyMessage, readHeader, requireSize, type Message } from "./hdf5-plain-header";
import { readLinks } from "./hdf5-plain-links";
import { readSpace, readType } from "./hdf5-plain-types";
import { float32View, toFloat32, type NumberType, type StoredTensor } from "./tensors";

/** A tensor that stands in the file as one run of bytes. */
interface PlainDataset {
  /** undefined: a null dataspace. */
  readonly shape: readonly number[] | undefined;
  readonly type: NumberType;
  readonly at: number;
  readonly length: number;
}

interface Contents {
  readonly datasets: Map<string, PlainDataset>;
  readonly groups: Map<string, Attributes>;
}

/**
 * @param owned the bytes are nobody else's: tensors may be handed out where they lie, each once, and keep the bytes alive.
 * @returns undefined for a file that is not of this kind, or damaged.
 */
export function openPlainHdf5(name: string, bytes: Uint8Array, owned: boolean): Hdf5File | undefined {
  const contents = readContents(bytes);
  if (!contents) return undefined;
  const { datasets, groups } = contents;
  const allowance = new Allowance(bytes.length);
  const given = new Set<PlainDataset>();
  const texts = (group: string, attribute: string) => groups.get(group)?.get(attribute)?.slice();
  const get = (path: string): StoredTensor | undefined => {
    const found = datasets.get(path);
    if (!found) return undefined;
    const { shape, type, at, length } = found;
    if (!shape) throw shapeless(`${name}/${path}`);
    allowance.take(`${name}/${path}`, length);
    const stored = bytes.subarray(at, at + length);
    const view = owned && type === "float32" && length > 0 && !given.has(found) ? float32View(stored) : undefined;
    if (view) given.add(found);
    return { shape, data: view ?? toFloat32(type, stored) };
  };
  return {
    paths: [...datasets.keys()],
    shape: (path) => datasets.get(path)?.shape,
    get,
    attribute: (group, attribute) => texts(group, attribute)?.[0],
    texts: (group, attribute) => splitTexts(attribute, (part) => texts(group, part)),
    close: () => undefined,
  };
}

function readContents(bytes: Uint8Array): Contents | undefined {
  try {
    const file = new PlainBytes(bytes);
    const contents = collect(file, rootOf(file));
    requireApart(contents.datasets.values());
    return contents;
  } catch (error) {
    // A RangeError is a view's: an address beyond the end.
    if (error instanceof NotPlain || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The header of the root group, from superblock 0 (II.A): 96 bytes with the root's entry. */
function rootOf(file: PlainBytes): number {
  file.visit(0, 96);
  // Versions of the superblock, of free space, of the root's entry and of shared headers; addresses and lengths have 8 bytes.
  if ([0, 0, 0, 0, 0, 8, 8].some((value, i) => file.u8(8 + i) !== value)) notPlain("has another superblock");
  if (file.u64(24) !== 0) notPlain("does not begin at its beginning");
  if (!(file.u64(40) <= file.bytes.length)) notPlain("is truncated");
  if (!file.isUndefined(48)) notPlain("has a driver's block");
  return file.u64(64);
}

function collect(file: PlainBytes, root: number): Contents {
  const contents: Contents = { datasets: new Map(), groups: new Map() };
  const heaps = new PlainHeaps(file);
  const seen = new Set<number>();
  const visit = (address: number, path: string, depth: number) => {
    // One object under two names, or in a circle.
    if (seen.has(address) || seen.size > maxObjects || depth > maxDepth) notPlain("has an object twice, or too many");
    seen.add(address);
    const messages = readHeader(file, address);
    const links = readLinks(file, messages);
    if (!links) {
      if (depth === 0) notPlain("has no root group");
      contents.datasets.set(path, readDataset(file, messages));
      return;
    }
    contents.groups.set(path === "" ? "/" : path, readAttributes(file, messages, heaps));
    for (const [name, child] of links) visit(child, path === "" ? name : `${path}/${name}`, depth + 1);
  };
  visit(root, "", 0);
  return contents;
}

const present = (message: Message | undefined): Message => message ?? notPlain("has an object that is no tensor");

function readDataset(file: PlainBytes, messages: readonly Message[]): PlainDataset {
  const [space, typed, layout] = [messageTypes.dataspace, messageTypes.datatype, messageTypes.layout].map((type) =>
    present(onlyMessage(messages, type)),
  );
  const shape = readSpace(file, space.at, space.size);
  const type = readType(file, typed.at, typed.size);
  if (type.kind !== "number") return notPlain("has texts for a tensor");
  const length = shape ? shape.reduce((a, b) => a * b, type.size) : 0;
  if (length === 0) return { shape, type: type.number, at: 0, length: 0 };
  const { at, size } = placeOf(file, layout);
  if (size !== length) notPlain("has a tensor of another size than its shape's");
  file.requireInside(at, length);
  return { shape, type: type.number, at, length };
}

/** The data layout (IV.A.2.i), version 3: in the message itself, or in one piece elsewhere. */
function placeOf(file: PlainBytes, { at, size }: Message): { at: number; size: number } {
  requireSize(size, 4);
  if (file.u8(at) !== 3) notPlain("has a layout of another version");
  const kind = file.u8(at + 1);
  if (kind === 0) {
    const bytes = file.u16(at + 2);
    requireSize(size, 4 + bytes);
    return { at: at + 4, size: bytes };
  }
  if (kind !== 1) notPlain("has tensors in chunks");
  requireSize(size, 18);
  return { at: file.u64(at + 2), size: file.u64(at + 10) };
}

/** No two tensors lie in the same place: they may be given away there. */
function requireApart(datasets: Iterable<PlainDataset>): void {
  let end = 0;
  for (const { at, length } of [...datasets].filter((d) => d.length > 0).toSorted((a, b) => a.at - b.at)) {
    if (at < end) notPlain("has tensors that overlap");
    end = at + length;
  }
}
