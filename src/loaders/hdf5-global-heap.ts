/** Global heaps of HDF5 files, where texts of variable length lie ("HDF5 File Format Specification 3.0", III.E). */
import { type ByteWriter, padded } from "./byte-writer";

/** Texts of attributes, each once. */
export class GlobalHeap {
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
