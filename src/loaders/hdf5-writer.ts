/**
 * Writes HDF5 files: groups, contiguous datasets, attributes. The same tree gives the same bytes, which the HDF5 library would not: it
 * keeps the time at which each dataset was made.
 *
 * Everything stands in the oldest form that holds it ("HDF5 File Format Specification 3.0"): superblock 0, object headers 1 with
 * compact links, texts of variable length in global heaps, since a message holds 64 KB at most. Metadata comes first, then heaps, then numbers.
 */
import { ThawError } from "../errors";
import { ByteWriter, padded } from "./byte-writer";
import { GlobalHeap } from "./hdf5-global-heap";
import { Hdf5Group, maxTexts, type Hdf5Dataset } from "./hdf5-tree";

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
