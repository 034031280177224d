/** Attributes that are texts ("HDF5 File Format Specification 3.0", IV.A.2.m), and the global heaps in which long ones lie (III.E). */
import { maxAttribute } from "./hdf5-file";
import { messageTypes, requireSize, type Message } from "./hdf5-plain-header";
import { notPlain, type PlainBytes } from "./hdf5-plain-bytes";
import { readSpace, readType } from "./hdf5-plain-types";

/** Texts by the attribute's name; undefined for what is no text. */
export type Attributes = ReadonlyMap<string, readonly string[] | undefined>;

const heapHeader = 16;
const objectHeader = 16;

/** Global heaps of a file, each looked through once. */
export class PlainHeaps {
  readonly #collections = new Map<number, ReadonlyMap<number, { readonly at: number; readonly size: number }>>();
  /** An object may be the text of many attributes. */
  readonly #texts = new Map<string, string>();

  constructor(readonly file: PlainBytes) {}

  text(collection: number, index: number, length: number, utf8: boolean): string {
    if (length === 0) return "";
    if (!this.#collections.has(collection)) this.#collections.set(collection, this.#read(collection));
    const object = this.#collections.get(collection)!.get(index);
    if (!object || length > object.size) return notPlain("has a text that is not in its heap");
    const key = `${object.at} ${length} ${utf8}`;
    const found = this.#texts.get(key) ?? this.file.text(object.at, length, utf8);
    this.#texts.set(key, found);
    return found;
  }

  #read(address: number): Map<number, { at: number; size: number }> {
    const { file } = this;
    file.visit(address, heapHeader);
    file.require(address, "GCOL", 1);
    const end = address + file.u64(address + 8);
    file.visit(address + heapHeader, end - address - heapHeader);
    const objects = new Map<number, { at: number; size: number }>();
    // Index 0 is the free space behind the objects.
    for (let at = address + heapHeader; at + objectHeader <= end && file.u16(at) !== 0;) {
      const index = file.u16(at);
      const size = file.u64(at + 8);
      const begin = at + objectHeader;
      at = begin + 8 * Math.ceil(size / 8);
      if (at > end || objects.has(index)) notPlain("has a heap whose objects do not fit");
      objects.set(index, { at: begin, size });
    }
    return objects;
  }
}

export function readAttributes(file: PlainBytes, messages: readonly Message[], heaps: PlainHeaps): Attributes {
  const result = new Map<string, readonly string[] | undefined>();
  for (const message of messages) {
    if (message.type !== messageTypes.attribute) continue;
    const { name, texts } = readAttribute(file, message, heaps);
    if (result.has(name)) notPlain("has an attribute twice");
    result.set(name, texts);
  }
  return result;
}

function readAttribute(file: PlainBytes, { at, size }: Message, heaps: PlainHeaps) {
  requireSize(size, 9);
  const version = file.u8(at);
  if (version < 1 || version > 3) notPlain("has an attribute of another version");
  // Since version 2 there are flags (a type or shape that stands elsewhere), and parts are no longer filled up to 8 bytes.
  if (version > 1 && file.u8(at + 1) !== 0) notPlain("has an attribute of a shared type");
  const sizes = [2, 4, 6].map((i) => file.u16(at + i));
  const [nameAt, typeAt, spaceAt, data] = partsOf(at + (version === 3 ? 9 : 8), sizes, version === 1 ? 8 : 1);
  requireSize(size, data - at);
  const name = file.text(nameAt, sizes[0], true);
  const type = readType(file, typeAt, sizes[1]);
  const shape = readSpace(file, spaceAt, sizes[2]);
  if (!shape) return { name, texts: undefined };
  const count = shape.reduce((a, b) => a * b, 1);
  // An empty list of names is written as an empty list of numbers.
  if (count === 0) return { name, texts: [] };
  if (type.kind === "number") return { name, texts: undefined };
  if (!(count * type.size <= size - (data - at))) notPlain("has an attribute with more than it holds");
  let left = Math.min(maxAttribute, file.bytes.length);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const from = data + i * type.size;
    const length = type.kind === "fixedText" ? type.size : file.u32(from);
    left -= length;
    if (left < 0) notPlain("has an attribute longer than itself");
    texts.push(
      type.kind === "fixedText"
        ? file.text(from, length, type.utf8)
        : heaps.text(file.u64(from + 4), file.u32(from + 12), length, type.utf8),
    );
  }
  return { name, texts };
}

/** Where parts begin that stand one behind the other, and where the last ends. */
function partsOf(at: number, sizes: readonly number[], unit: number): number[] {
  const begins = [at];
  for (const size of sizes) begins.push(begins.at(-1)! + unit * Math.ceil(size / unit));
  return begins;
}
