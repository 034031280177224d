/** Little-endian numbers one after the other, into memory that is there. */
export class ByteWriter {
  /** Where the next byte goes. */
  at = 0;
  readonly #view: DataView;

  constructor(readonly target: Uint8Array) {
    this.#view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  }

  bytes(list: ArrayLike<number>): this {
    this.target.set(list, this.at);
    this.at += list.length;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.at, value, true);
    this.at += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
    return this;
  }

  u64(value: number): this {
    return this.big(BigInt(value));
  }

  big(value: bigint): this {
    this.#view.setBigUint64(this.at, value, true);
    this.at += 8;
    return this;
  }
}

/** The next multiple of `to`. */
export const padded = (size: number, to: number): number => Math.ceil(size / to) * to;
