/**
 * Writes HDF5 files: groups, contiguous datasets, attributes. The same tree gives the same bytes, which the HDF5 library would not: it
 * keeps the time at which each dataset was made.
 *
 * Everything stands in the oldest form that holds it ("HDF5 File Format Specification 3.0"): superblock 0, object headers 1 with
 * compact links, texts of variable length in global heaps, since a message holds 64 KB at most. Metadata comes first, then heaps, then numbers.
 */
import { ThawError } from "../errors";
import { ByteWriter, padded } from "./byte-writer";

/** A group's or dataset's attribute: a text, or a list of texts. */
export type Hdf5Attributes = Readonly<Record<string, string | readonly string[]>>;

export interface Hdf5Dataset {
  readonly shape: readonly number[];
  /** Little-endian as it lies in memory. */
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** Children keep the order in which they were added. */
export class Hdf5Group {
  readonly children = new Map<string, Hdf5Group | Hdf5Dataset>();
  readonly attributes: Record<string, string | readonly string[]> = {};

  /** The group at a path, made where it is not there. */
  group(path: string): Hdf5Group {
    const [head, ...rest] = path.split("/").filter((part) => part !== "");
    if (head === undefined) return this;
    const found = this.children.get(head);
    const group = found instanceof Hdf5Group ? found : new Hdf5Group();
    if (found === undefined) this.children.set(head, group);
    else if (found !== group) throw new ThawError(path, `${head} is a tensor already`, "a group");
    return group.group(rest.join("/"));
  }

  /** @throws where there is something already. */
  add(path: string, dataset: Hdf5Dataset): void {
    const at = path.lastIndexOf("/");
    const group = this.group(at < 0 ? "" : path.slice(0, at));
    const name = path.slice(at + 1);
    if (group.children.has(name)) throw new ThawError(path, "is written twice", "one tensor for each path");
    group.children.set(name, dataset);
  }

  /** Lists that do not fit a message are split as Keras does: `name0`, `name1`, ... */
  setTexts(name: string, texts: readonly string[]): void {
    if (texts.length <= maxTexts) this.attributes[name] = texts;
    else
      for (let i = 0; i * maxTexts < texts.length; i++)
        this.attributes[`${name}${i}`] = texts.slice(i * maxTexts, (i + 1) * maxTexts);
  }
}

/** A text takes 16 bytes in the message, and a message may have 64 KB. */
const maxTexts = 4000;

/** A file whose places are settled: how long it is, and what writes it. */
export interface LaidOutFile {
  readonly bytes: number;
  /** @param target of this length, zeros. */
  write(target: Uint8Array): void;
}

const superblockBytes = 96;
const dataAlignment = 64;
const undefinedAddress = 0xffff_ffff_ffff_ffffn;

interface Placed {
  readonly node: Hdf5Group | Hdf5Dataset;
  readonly address: number;
  /** Of a dataset's numbers. */
  data: number;
}

/** Settles where everything lies. */
export function layOutHdf5(root: Hdf5Group): LaidOutFile {
  const heap = new GlobalHeap();
  const placed = new Map<Hdf5Group | Hdf5Dataset, Placed>();
  let end = superblockBytes;
  const place = (node: Hdf5Group | Hdf5Dataset) => {
    placed.set(node, { node, address: end, data: 0 });
    end += headerBytes(node);
    if (node instanceof Hdf5Group) {
      for (const texts of Object.values(node.attributes)) for (const text of [texts].flat()) heap.add(text);
      for (const child of node.children.values()) place(child);
    }
  };
  place(root);
  end = heap.place(end);
  for (const entry of placed.values()) {
    if (entry.node instanceof Hdf5Group) continue;
    entry.data = padded(end, dataAlignment);
    end = entry.data + entry.node.data.byteLength;
  }
  const bytes = end;
  return {
    bytes,
    write: (target) => {
      const out = new ByteWriter(target);
      writeSuperblock(out, placed.get(root)!.address, bytes);
      for (const entry of placed.values()) {
        out.at = entry.address;
        writeHeader(out, entry, placed, heap);
        const { node, data } = entry;
        if (!(node instanceof Hdf5Group))
          target.set(new Uint8Array(node.data.buffer, node.data.byteOffset, node.data.byteLength), data);
      }
      heap.write(out);
    },
  };
}

function writeSuperblock(out: ByteWriter, root: number, end: number): void {
  out.bytes([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);
  out.bytes([0, 0, 0, 0, 0, 8, 8, 0]); // versions; addresses and lengths have 8 bytes
  out.u16(4).u16(16).u32(0); // sizes of B-trees that there are none of
  out.u64(0).big(undefinedAddress).u64(end).big(undefinedAddress);
  out.u64(0).u64(root).u32(0).u32(0).u64(0).u64(0); // the root's entry
}

/** Type and body of a message; bodies are padded to 8 bytes. */
interface Message {
  readonly type: number;
  readonly size: number;
  readonly write: (out: ByteWriter) => void;
}

const prefixBytes = 16;

const headerBytes = (node: Hdf5Group | Hdf5Dataset): number =>
  prefixBytes + messagesOf(node).reduce((sum, { size }) => sum + 8 + padded(size, 8), 0);

function writeHeader(
  out: ByteWriter,
  { node, data }: Placed,
  placed: ReadonlyMap<object, Placed>,
  heap: GlobalHeap,
): void {
  const messages = messagesOf(node, data, placed, heap);
  const size = messages.reduce((sum, message) => sum + 8 + padded(message.size, 8), 0);
  out.bytes([1, 0]).u16(messages.length).u32(1).u32(size).u32(0);
  for (const message of messages) {
    out.u16(message.type).u16(padded(message.size, 8)).u32(0);
    const begin = out.at;
    message.write(out);
    out.at = begin + padded(message.size, 8);
  }
}

function messagesOf(
  node: Hdf5Group | Hdf5Dataset,
  data = 0,
  placed?: ReadonlyMap<object, Placed>,
  heap?: GlobalHeap,
): Message[] {
  if (!(node instanceof Hdf5Group)) return datasetMessages(node, data);
  const links = [...node.children].map(([name, child]) => linkMessage(name, placed?.get(child)?.address ?? 0));
  const attributes = Object.entries(node.attributes).map(([name, texts]) => attributeMessage(name, texts, heap));
  return [
    { type: 0x2, size: 18, write: (out) => out.bytes([0, 0]).big(undefinedAddress).big(undefinedAddress) },
    { type: 0xa, size: 2, write: (out) => out.bytes([0, 0]) },
    ...links,
    ...attributes,
  ];
}

/** A hard link, its name in UTF-8. */
function linkMessage(name: string, address: number): Message {
  const text = new TextEncoder().encode(name);
  if (text.length > 0xffff) throw new ThawError(name.slice(0, 40), `a name of ${text.length} bytes`, "65535 at most");
  return {
    type: 0x6,
    size: 5 + text.length + 8,
    write: (out) => out.bytes([1, 0x11, 1]).u16(text.length).bytes(text).u64(address),
  };
}

const float32 = [0x11, 0x20, 0x1f, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
const float64 = [0x11, 0x20, 0x3f, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0];
const int32 = [0x10, 0x08, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0];
const int64 = [0x10, 0x08, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0];
/** UTF-8 of variable length, made of bytes. */
const variableText = [0x19, 1, 1, 0, 16, 0, 0, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0];

const spaceBytes = (rank: number) => 8 + 8 * rank;

function writeSpace(out: ByteWriter, shape: readonly number[]): void {
  out.bytes([1, shape.length, 0, 0]).u32(0);
  for (const size of shape) out.u64(size);
}

function datasetMessages({ shape, data: numbers }: Hdf5Dataset, address: number): Message[] {
  const type = numbers instanceof Float32Array ? float32 : numbers instanceof Int32Array ? int32 : int64;
  return [
    { type: 0x1, size: spaceBytes(shape.length), write: (out) => writeSpace(out, shape) },
    { type: 0x3, size: type.length, write: (out) => out.bytes(type) },
    { type: 0x5, size: 8, write: (out) => out.bytes([2, 2, 2, 1]).u32(0) },
    {
      type: 0x8,
      size: 18,
      write: (out) =>
        out
          .bytes([3, 1])
          .big(numbers.byteLength === 0 ? undefinedAddress : BigInt(address))
          .u64(numbers.byteLength),
    },
  ];
}

/** An empty list is one of numbers, as NumPy has it. */
function attributeMessage(name: string, value: string | readonly string[], heap: GlobalHeap | undefined): Message {
  const texts = [value].flat();
  const shape = typeof value === "string" ? [] : [texts.length];
  const type = texts.length === 0 ? float64 : variableText;
  const text = new TextEncoder().encode(`${name}\0`);
  const parts = [text.length, type.length, spaceBytes(shape.length)].map((size) => padded(size, 8));
  const size = 8 + parts.reduce((a, b) => a + b, 0) + 16 * texts.length;
  if (size > 0xfff0) throw new ThawError(name, `an attribute of ${texts.length} texts`, `${maxTexts} at most`);
  const write = (out: ByteWriter) => {
    out.bytes([1, 0]).u16(text.length).u16(type.length).u16(spaceBytes(shape.length));
    let at = out.at;
    const next = (body: () => void, bytes: number) => {
      body();
      at += bytes;
      out.at = at;
    };
    next(() => out.bytes(text), parts[0]);
    next(() => out.bytes(type), parts[1]);
    next(() => writeSpace(out, shape), parts[2]);
    for (const entry of texts) heap!.reference(entry, out);
  };
  return { type: 0xc, size, write };
}

/** Texts of attributes, each once. */
class GlobalHeap {
  readonly #texts = new Map<string, { readonly bytes: Uint8Array; collection: number; index: number }>();
  readonly #collections: { address: number; size: number; readonly texts: string[] }[] = [];

  add(text: string): void {
    if (!this.#texts.has(text))
      this.#texts.set(text, { bytes: new TextEncoder().encode(text), collection: 0, index: 0 });
  }

  /** @returns where the heap ends. */
  place(begin: number): number {
    let end = padded(begin, 8);
    for (const [text, entry] of this.#texts) {
      let last = this.#collections.at(-1);
      if (!last || last.texts.length >= maxIndex) {
        last = { address: 0, size: 16, texts: [] };
        this.#collections.push(last);
      }
      last.texts.push(text);
      last.size += 16 + padded(entry.bytes.length, 8);
      entry.collection = this.#collections.length - 1;
      entry.index = last.texts.length;
    }
    for (const collection of this.#collections) {
      collection.address = end;
      collection.size = Math.max(leastCollection, collection.size + 16); // the rest is its free object
      end += collection.size;
    }
    return end;
  }

  /** Length, collection, and index in it. */
  reference(text: string, out: ByteWriter): void {
    const { bytes, collection, index } = this.#texts.get(text)!;
    out.u32(bytes.length).u64(this.#collections[collection].address).u32(index);
  }

  write(out: ByteWriter): void {
    for (const { address, size, texts } of this.#collections) {
      out.at = address;
      out.bytes([0x47, 0x43, 0x4f, 0x4c, 1, 0, 0, 0]).u64(size);
      for (const [i, text] of texts.entries()) {
        const { bytes } = this.#texts.get(text)!;
        const begin = out.at;
        out
          .u16(i + 1)
          .u16(1)
          .u32(0)
          .u64(bytes.length)
          .bytes(bytes);
        out.at = begin + 16 + padded(bytes.length, 8);
      }
      out
        .u16(0)
        .u16(0)
        .u32(0)
        .u64(address + size - out.at + 8);
    }
  }
}

const leastCollection = 4096;
const maxIndex = 60_000;
