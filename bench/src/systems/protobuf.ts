/** Writes the wire format of protocol buffers: as much of it as an ONNX file needs. */

export class ProtobufWriter {
  readonly #chunks: Uint8Array[] = [];

  /** A whole number, not negative. */
  number(field: number, value: number): this {
    return this.#push(varint(field * 8), varint(value)); // wire type 0
  }

  /** Text, a nested message or raw bytes. */
  bytes(field: number, value: string | Uint8Array | ProtobufWriter): this {
    const data =
      typeof value === "string"
        ? new TextEncoder().encode(value)
        : value instanceof ProtobufWriter
          ? value.finish()
          : value;
    return this.#push(varint(field * 8 + 2), varint(data.length), data); // wire type 2
  }

  /** 32 bits. */
  float(field: number, value: number): this {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setFloat32(0, value, true);
    return this.#push(varint(field * 8 + 5), data); // wire type 5
  }

  #push(...chunks: Uint8Array[]): this {
    this.#chunks.push(...chunks);
    return this;
  }

  finish(): Uint8Array {
    const result = new Uint8Array(this.#chunks.reduce((n, chunk) => n + chunk.length, 0));
    let at = 0;
    for (const chunk of this.#chunks) {
      result.set(chunk, at);
      at += chunk.length;
    }
    return result;
  }
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. Exact up to 2^53. */
export function varint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`varint: ${value}; expected a whole number, not negative`);
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
