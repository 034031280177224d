/** What who loads may ask to be told, and how loading is called off. */

/** How far a file has come. */
export interface Progress {
  /** Its name, address or path. */
  readonly file: string;
  /** Bytes read so far. */
  readonly loaded: number;
  /** Bytes in all, where that is known. */
  readonly total: number | undefined;
}

export interface SourceOptions {
  /** Called as bytes come in, at least once for each file. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends loading; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Collects a stream into one array, with one copy at most where the length is known beforehand. */
export class ByteCollector {
  #bytes: Uint8Array;
  #length = 0;

  /** @param expected the length that was announced; it may be wrong. */
  constructor(
    readonly file: string,
    readonly expected: number | undefined,
    readonly options: SourceOptions,
  ) {
    this.#bytes = new Uint8Array(Math.min(expected ?? 65_536, maxAnnounced));
  }

  /** @throws the signal's reason when loading was called off. */
  add(chunk: Uint8Array): void {
    this.options.signal?.throwIfAborted();
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, Math.floor(this.#bytes.length * 1.5)));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
    this.options.onProgress?.({ file: this.file, loaded: length, total: this.expected });
  }

  finish(): Uint8Array {
    if (this.#length === 0) this.options.onProgress?.({ file: this.file, loaded: 0, total: this.expected });
    return this.#bytes.subarray(0, this.#length);
  }
}

/** An announced length is believed up to here; longer files make the array grow as they come. */
const maxAnnounced = 2 ** 30;
