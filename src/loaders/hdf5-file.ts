/** What an open HDF5 file gives, whichever of the two readers has opened it, and what both hold to. */
import { ThawError } from "../errors";
import type { TensorFile } from "./tensors";

/** An open file; `close()` when done. */
export interface Hdf5File extends TensorFile {
  /** A text attribute of a group, where there is one. */
  attribute(group: string, name: string): string | undefined;
  /** A list of texts; those too long for one attribute lie in `name0`, `name1`, ... */
  texts(group: string, name: string): string[] | undefined;
  close(): void;
}

/** Groups within groups beyond this are a cycle of links, not a model. */
export const maxDepth = 32;
/** ResNet152 has 932 tensors; links can make a small file look like any number. */
export const maxObjects = 100_000;
/** Long enough for the configuration of any network, and for the names of a thousand layers. */
export const maxAttribute = 64 * 2 ** 20;

/** Keras splits lists beyond 64 KB: `weight_names0`, `weight_names1`, ... */
export function splitTexts(name: string, read: (name: string) => string[] | undefined): string[] | undefined {
  const whole = read(name);
  if (whole) return whole;
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    const part = read(`${name}${i}`);
    if (!part) return i > 0 ? parts : undefined;
    parts.push(...part);
  }
}

/** Compressed tensors of a file may be so many times larger than the file in all, beside the first 16 MB. */
const maxExpansion = 20;
const freeBytes = 16 * 2 ** 20;

/** Bytes that tensors of a file may still declare. */
export class Allowance {
  #left: number;

  constructor(fileBytes: number) {
    this.#left = freeBytes + maxExpansion * fileBytes;
  }

  /** @throws where a tensor is larger than the rest. */
  take(name: string, bytes: number): void {
    if (!(bytes <= this.#left)) {
      const happened = `declares ${bytes} bytes, more than a file of this length may hold`;
      throw new ThawError(name, happened, `at most ${this.#left} bytes`);
    }
    this.#left -= bytes;
  }
}

/** A dataset without a dataspace. */
export const shapeless = (name: string) => new ThawError(name, "has no shape", "a tensor");
