/** The bytes of an HDF5 file as the plain reader takes them: little-endian, within bounds, and each about once. */

/** Something that the plain reader does not know, or that is not in order: the library sees to the file. */
export class NotPlain extends Error {}

export const notPlain = (why: string): never => {
  throw new NotPlain(why);
};

/**
 * Whole files lead to each byte of their metadata once, and to a text once more for itself. What is led to is counted, so that no
 * cycle of addresses and no table of overlapping parts takes longer than a file of that length may.
 */
const maxVisits = 2;

export class PlainBytes {
  readonly #view: DataView;
  #left: number;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#left = maxVisits * bytes.length;
  }

  u8(at: number): number {
    return this.#view.getUint8(at);
  }

  u16(at: number): number {
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** A length or an address of 8 bytes. Beyond 2^53 it is no longer exact, and beyond every file. */
  u64(at: number): number {
    return this.u32(at) + 2 ** 32 * this.u32(at + 4);
  }

  /** Whether there is the address that stands for none: all bits set. */
  isUndefined(at: number): boolean {
    return this.u32(at) === 0xffff_ffff && this.u32(at + 4) === 0xffff_ffff;
  }

  /** Metadata that is about to be read: has to lie in the file, and counts. */
  visit(at: number, length: number): void {
    this.requireInside(at, length);
    this.#left -= length;
    if (this.#left < 0) notPlain("its parts are led to again and again");
  }

  requireInside(at: number, length: number): void {
    if (!(at >= 0 && length >= 0 && at + length <= this.bytes.length)) notPlain("leads out of the file");
  }

  /** Four letters and what follows them. */
  require(at: number, signature: string, ...then: readonly number[]): void {
    for (let i = 0; i < signature.length; i++)
      if (this.u8(at + i) !== signature.charCodeAt(i)) notPlain(`has no ${signature} where it should be`);
    for (const [i, byte] of then.entries())
      if (this.u8(at + signature.length + i) !== byte) notPlain(`has a ${signature} of another version`);
  }

  /**
   * A text, up to its first NUL where it has one.
   *
   * @param utf8 false: ASCII.
   */
  text(at: number, length: number, utf8: boolean): string {
    this.visit(at, length);
    const all = this.bytes.subarray(at, at + length);
    const end = all.indexOf(0);
    const used = end < 0 ? all : all.subarray(0, end);
    if (!utf8 && used.some((byte) => byte > 0x7f)) notPlain("has ASCII beyond ASCII");
    try {
      return decoder.decode(used);
    } catch {
      return notPlain("has a text that is not UTF-8");
    }
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
