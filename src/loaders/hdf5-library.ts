/** h5wasm (NIST's build of the HDF5 library), loaded when the first file comes, and kept sound when files are not. */
import type { h5wasm as H5wasm } from "h5wasm";

export type H5 = typeof H5wasm;

/** What is used of the WebAssembly module itself. HEAPU8 is another view after the memory has grown. */
export interface Hdf5Module {
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  readonly HEAPU8: Uint8Array;
  get_dataset_data(file: bigint, path: string, count: null, offset: null, strides: null, into: bigint): number;
}

interface FileSystem {
  writeFile(path: string, bytes: Uint8Array, options: { canOwn: boolean }): void;
  unlink(path: string): void;
  close(stream: object): void;
  readonly streams: readonly (Stream | null | undefined)[];
}

type Read = (stream: Stream, into: Uint8Array, offset: number, length: number, position: number) => number;

interface Stream {
  readonly path?: string;
  stream_ops: { readonly read: Read };
}

/** A file of the library's own system. */
export interface PlacedFile {
  readonly path: string;
  /**
   * Where in the file the run of so many bytes lies that `body` makes the library read to this address; undefined when it does
   * not read them in one go. The bytes themselves are not brought there: what was at the address stays.
   */
  locate(address: number, length: number, body: () => void): number | undefined;
  /** The library had to begin anew since: what it knew of this file is gone, and its numbers may mean another file. */
  readonly lost: boolean;
  /** Takes it away again. */
  remove(): void;
}

export interface Hdf5Library {
  readonly h5: H5;
  readonly module: Hdf5Module;
  /** A file of the library's own system with these bytes, lent and not copied. */
  place(bytes: Uint8Array): PlacedFile;
  /**
   * Everything that asks the library runs in here. A damaged file can make the library write where it must not, and then
   * whole files fail too, now or later.
   *
   * @throws LibraryBroken where the library has trapped or run out of memory. Its memory is what it was when it was loaded, and
   * what was open is lost.
   */
  run<T>(body: () => T): T;
}

/** The library has reached outside its memory, or for more than there is. */
export class LibraryBroken extends Error {}

let library: Promise<Hdf5Library> | undefined;

export async function loadHdf5(): Promise<Hdf5Library> {
  library ??= import("h5wasm").then(async ({ h5wasm }) => makeLibrary(h5wasm, await h5wasm.ready));
  return await library;
}

/** The property by which `ccall` finds what to call. */
interface Callable {
  _runGuarded?: () => number;
  ccall(name: "runGuarded", returns: null, types: readonly string[], values: readonly string[]): unknown;
}

function makeLibrary(h5: H5, module: Awaited<H5["ready"]>): Hdf5Library {
  // Errors of the library become exceptions; otherwise they are printed, and a broken file looks like an open one.
  module.activate_throwing_error_handler();
  const files = module.FS as unknown as FileSystem;
  const callable = module as unknown as Callable;
  let fileNumber = 0;

  const fresh = usedPart(module.HEAPU8);
  const first = module.HEAPU8.length;
  /** Paths of open files, with their bytes. */
  const open = new Map<string, number>();
  const refresh = () => {
    closeStreams(() => true);
    open.clear();
    // What the memory has grown by is only ever allocated, and nobody expects zeros there; writing some would make it real.
    module.HEAPU8.fill(0, fresh.length, first).set(fresh);
  };

  const closeStreams = (isMeant: (path: string) => boolean) => {
    for (const stream of files.streams) if (stream?.path !== undefined && isMeant(stream.path)) files.close(stream);
  };

  return {
    h5,
    module,
    place: (bytes) => {
      const path = `/weights-${fileNumber++}.h5`;
      files.writeFile(path, bytes, { canOwn: true });
      open.set(path, bytes.length);
      const remove = () => {
        // What the library leaves open when an error flies through it would keep the bytes.
        closeStreams((other) => other === path);
        files.unlink(path);
        open.delete(path);
      };
      const locate: PlacedFile["locate"] = (address, length, body) => {
        const stream = files.streams.find((other) => other?.path === path);
        if (!stream) return undefined;
        const usual = stream.stream_ops;
        let found: number | undefined;
        const read: Read = (from, into, offset, count, position) => {
          if (offset !== address || count !== length || position + count > bytes.length)
            return usual.read(from, into, offset, count, position);
          found = position;
          return count;
        };
        stream.stream_ops = { ...usual, read };
        try {
          body();
        } finally {
          stream.stream_ops = usual;
        }
        return found;
      };
      return {
        path,
        locate,
        remove,
        get lost() {
          return !open.has(path);
        },
      };
    },
    run: <T>(body: () => T): T => {
      let result: { value: T } | { error: unknown } | undefined;
      // An exception that flies through WebAssembly leaves the stack pointer where it was: after some thousand damaged files
      // the stack would be used up, and whole files would be refused too. `ccall` puts it back when it has had a text to pass.
      callable._runGuarded = () => {
        try {
          result = { value: body() };
        } catch (error) {
          result = { error };
        }
        return 0;
      };
      const most = first + [...open.values()].reduce((sum, bytes) => sum + roomFor(bytes), 0);
      let refused = false;
      try {
        refused = withMemory(most, () => callable.ccall("runGuarded", null, ["string"], [""]));
      } catch (error) {
        result = { error }; // not even the text could be passed
      }
      if (result && "value" in result) return result.value;
      // What damaged files before this one have left allocated may be why there was no memory.
      if (refused || result?.error instanceof WebAssembly.RuntimeError) {
        refresh();
        throw new LibraryBroken(result?.error instanceof Error ? result.error.message : String(result?.error));
      }
      // Each error is written into a temporary file first, which stays open.
      closeStreams((other) => other.startsWith("/tmp/tmpfile"));
      throw result?.error;
    },
  };
}

/**
 * Bytes that the library may need for a file: buffers of its own, and compressed tensors, whose parts lie there packed and
 * unpacked. Without a bound, a damaged text of 17 KB made it take a gigabyte.
 */
const roomFor = (fileBytes: number): number => 64 * 2 ** 20 + 40 * fileBytes;

/**
 * Runs `body` where no WebAssembly memory may grow beyond so many bytes. (The library does not give its own away.)
 *
 * @returns whether one wanted to.
 */
function withMemory(most: number, body: () => void): boolean {
  const { prototype } = WebAssembly.Memory;
  const usual = Object.getOwnPropertyDescriptor(prototype, "grow")!;
  const grow = usual.value as (this: WebAssembly.Memory, pages: number) => number;
  let refused = false;
  const bounded = function (this: WebAssembly.Memory, pages: number) {
    if (this.buffer.byteLength + pages * 65_536 <= most) return grow.call(this, pages);
    refused = true;
    // The library takes that for a machine that is out of memory, and says so.
    throw new RangeError(`more than ${most} bytes`);
  };
  Object.defineProperty(prototype, "grow", { ...usual, value: bounded });
  try {
    body();
  } finally {
    Object.defineProperty(prototype, "grow", usual);
  }
  return refused;
}

/** Without the zeros at the end, which are most of it. */
function usedPart(memory: Uint8Array): Uint8Array {
  const words = new Int32Array(memory.buffer); // WebAssembly's memory has whole pages
  let end = words.length;
  while (end > 0 && words[end - 1] === 0) end--;
  return memory.slice(0, 4 * end);
}
