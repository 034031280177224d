/**
 * What a group holds, by name ("HDF5 File Format Specification 3.0"): in a symbol table, which is a B-tree of nodes with names in a local
 * heap (III.A.1, III.B, III.D), or in link messages of its header (IV.A.2.g).
 */
import { messageTypes, onlyMessage, requireSize, type Message } from "./hdf5-plain-header";
import { notPlain, type PlainBytes } from "./hdf5-plain-bytes";

/** Addresses of object headers, in the order of the names' bytes; undefined where the header is not a group's. */
export function readLinks(file: PlainBytes, messages: readonly Message[]): Map<string, number> | undefined {
  const table = onlyMessage(messages, messageTypes.symbolTable);
  const info = onlyMessage(messages, messageTypes.linkInfo);
  if (!table && !info) return undefined;
  if (table && info) notPlain("has a group of both kinds");
  const links: Link[] = [];
  if (table) {
    requireSize(table.size, 16);
    readTree(file, file.u64(table.at), undefined, readHeap(file, file.u64(table.at + 8)), links);
  } else {
    requireNoDenseLinks(file, info!);
    for (const message of messages) if (message.type === messageTypes.link) links.push(readLink(file, message));
  }
  return inOrder(links);
}

interface Link {
  readonly name: string;
  readonly address: number;
}

function inOrder(links: readonly Link[]): Map<string, number> {
  const sorted = links.toSorted((a, b) => compareBytes(a.name, b.name));
  const result = new Map<string, number>();
  for (const { name, address } of sorted) {
    if (name === "" || name === "." || name.includes("/") || result.has(name)) notPlain("has a link of a strange name");
    result.set(name, address);
  }
  return result;
}

/** The order of code points, which is that of UTF-8's bytes, and not JavaScript's beyond U+FFFF. */
function compareBytes(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a.codePointAt(i)!, b.codePointAt(i)!];
    if (x !== y) return x - y;
  }
  return a.length - b.length;
}

/** Where a local heap's names lie. */
interface Heap {
  readonly at: number;
  readonly size: number;
}

function readHeap(file: PlainBytes, address: number): Heap {
  file.visit(address, 32);
  file.require(address, "HEAP", 0);
  const heap = { at: file.u64(address + 24), size: file.u64(address + 8) };
  file.requireInside(heap.at, heap.size);
  return heap;
}

function nameAt(file: PlainBytes, heap: Heap, offset: number): string {
  if (offset >= heap.size) notPlain("has a name outside its heap");
  const at = heap.at + offset;
  const length = file.bytes.subarray(at, heap.at + heap.size).indexOf(0);
  if (length < 0) notPlain("has a name without an end");
  return file.text(at, length + 1, true);
}

const entryBytes = 40;

/** @param level that the node has to have; undefined for the root. Each is one less than its parent's, so that trees end. */
function readTree(file: PlainBytes, address: number, level: number | undefined, heap: Heap, links: Link[]): void {
  file.visit(address, 24);
  file.require(address, "TREE", 0);
  const own = file.u8(address + 5);
  if (level !== undefined && own !== level) notPlain("has a B-tree with a wrong level");
  const count = file.u16(address + 6);
  // Keys and children take turns, and a key is last.
  file.visit(address + 24, 16 * count + 8);
  for (let i = 0; i < count; i++) {
    const child = file.u64(address + 32 + 16 * i);
    if (own > 0) readTree(file, child, own - 1, heap, links);
    else readNode(file, child, heap, links);
  }
}

/** A symbol table node. */
function readNode(file: PlainBytes, address: number, heap: Heap, links: Link[]): void {
  file.visit(address, 8);
  file.require(address, "SNOD", 1);
  const count = file.u16(address + 6);
  file.visit(address + 8, entryBytes * count);
  for (let i = 0; i < count; i++) {
    const at = address + 8 + entryBytes * i;
    // What is kept beside the address: 0 nothing, 1 the tables of a group, 2 the target of a soft link.
    if (file.u32(at + 16) > 1) notPlain("has a link that is not a hard one");
    links.push({ name: nameAt(file, heap, file.u64(at)), address: file.u64(at + 8) });
  }
}

/** IV.A.2.c: with many links they lie in a fractal heap. */
function requireNoDenseLinks(file: PlainBytes, { at, size }: Message): void {
  requireSize(size, 2);
  const heap = at + 2 + (file.u8(at + 1) & 1 ? 8 : 0);
  requireSize(size, heap - at + 8);
  if (file.u8(at) !== 0 || !file.isUndefined(heap)) notPlain("has dense links");
}

function readLink(file: PlainBytes, { at, size }: Message): Link {
  requireSize(size, 2);
  const flags = file.u8(at + 1);
  // In this order: kind of link, place in the order of creation, set of characters.
  if (file.u8(at) !== 1 || flags & 0x08) notPlain("has a link that is not a hard one");
  const lengthAt = at + 2 + (flags & 0x04 ? 8 : 0) + (flags & 0x10 ? 1 : 0);
  const lengthBytes = 1 << (flags & 3);
  requireSize(size, lengthAt - at + lengthBytes);
  const length = [
    (at: number) => file.u8(at),
    (at: number) => file.u16(at),
    (at: number) => file.u32(at),
    (at: number) => file.u64(at),
  ][flags & 3](lengthAt);
  const nameFrom = lengthAt + lengthBytes;
  requireSize(size, nameFrom - at + length + 8);
  return { name: file.text(nameFrom, length, true), address: file.u64(nameFrom + length) };
}
