/** Files where they lie: at an address, on Node's disk, in a Blob. */
import { ThawError } from "../../errors";
import { ByteCollector, type SourceOptions } from "./report";

/** One file that can be read, in whole or its beginning. */
export interface Place {
  /** For messages: name, address or path. */
  readonly name: string;
  /** Path below a chosen folder, for files that came from one; else the name. */
  readonly path: string;
  read(options: SourceOptions): Promise<Uint8Array>;
  /** The first bytes, as cheaply as the place allows. */
  head(count: number, options: SourceOptions): Promise<Uint8Array>;
  /** Whether what `read` gives is in somebody else's hands too, so that it has to stay as it is. */
  readonly shared?: boolean;
  /** A file in the same folder; undefined where a place has no folder. */
  beside?(parts: readonly string[]): Place;
}

export function blobPlace(blob: Blob): Place {
  const { name = "model", webkitRelativePath } = blob as Partial<File>;
  const part = async (length: number, options: SourceOptions) => {
    options.signal?.throwIfAborted();
    const bytes = new Uint8Array(await blob.slice(0, length).arrayBuffer());
    options.signal?.throwIfAborted();
    return bytes;
  };
  return {
    name,
    path: webkitRelativePath || name,
    head: part,
    read: async (options) => {
      const bytes = await part(blob.size, options);
      options.onProgress?.({ file: name, loaded: bytes.length, total: blob.size });
      return bytes;
    },
  };
}

export function bytesPlace(bytes: Uint8Array): Place {
  return {
    name: "model",
    path: "model",
    shared: true,
    head: (count) => Promise.resolve(bytes.subarray(0, count)),
    read: (options) => {
      options.signal?.throwIfAborted();
      return Promise.resolve(bytes);
    },
  };
}

/** An address, or in Node a path. */
export function textPlace(source: string | URL): Place {
  const text = source instanceof URL ? source.href : source;
  const inNode =
    typeof (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === "string";
  return inNode && !/^(https?|data|blob):/.test(text) ? diskPlace(text) : urlPlace(text);
}

function urlPlace(url: string): Place {
  let whole: Promise<Uint8Array> | undefined;
  const read = (options: SourceOptions) => (whole ??= download(url, options));
  const { href } = absolute(url);
  const folder = /^(data|blob):/.test(href) ? undefined : href.replace(/[?#].*$/, "").replace(/[^/]*$/, "");
  return {
    name: url,
    path: url,
    read,
    head: async (count, options) => (await read(options)).subarray(0, count),
    // Each part is encoded: `%2e%2e` and `?` in a name are letters, not directions.
    ...(folder && { beside: (parts) => urlPlace(folder + parts.map(encodeURIComponent).join("/")) }),
  };
}

/** Addresses in a page may be relative to it. */
function absolute(url: string): URL {
  const base = (globalThis as { location?: { href?: string } }).location?.href;
  try {
    return new URL(url, base);
  } catch {
    throw new ThawError(url, "is no address", "a URL, or a path in Node", "Check the address.");
  }
}

async function download(url: string, options: SourceOptions): Promise<Uint8Array> {
  const unreachable = (error: unknown) => {
    options.signal?.throwIfAborted();
    return new ThawError(
      url,
      `could not be fetched (${String(error)})`,
      "a model file",
      "Check the address, and that its server allows other pages to read it (CORS).",
    );
  };
  let response: Response;
  try {
    response = await fetch(url, options.signal ? { signal: options.signal } : {});
  } catch (error) {
    throw unreachable(error);
  }
  if (!response.ok) {
    const happened = `the server answered ${response.status} ${response.statusText}`;
    throw new ThawError(url, happened, "a model file", "Check the address.");
  }
  // A compressed answer announces the length of what travels, not of what arrives.
  const announced = Number(response.headers.get("content-length") ?? Number.NaN);
  const exact = !response.headers.get("content-encoding") && Number.isSafeInteger(announced) && announced >= 0;
  const collector = new ByteCollector(url, exact ? announced : undefined, options);
  if (!response.body) return collector.finish();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return collector.finish();
      collector.add(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    throw unreachable(error);
  }
}

/** What is used of Node's file system. */
interface NodeFiles {
  open(path: string | URL): Promise<{
    stat(): Promise<{ size: number; isFile(): boolean }>;
    read(into: Uint8Array, offset: number, length: number): Promise<{ bytesRead: number }>;
    close(): Promise<void>;
  }>;
}

const diskChunk = 4 * 2 ** 20;

function diskPlace(path: string): Place {
  const read = async (most: number, options: SourceOptions, report: boolean): Promise<Uint8Array> => {
    options.signal?.throwIfAborted();
    // In a variable, so that bundlers for the browser do not look for Node's modules.
    const module = "node:fs/promises";
    const fs = (await import(/* @vite-ignore */ module)) as NodeFiles;
    try {
      const file = await fs.open(path.startsWith("file:") ? new URL(path) : path);
      try {
        const { size, isFile } = await file.stat().then((s) => ({ size: s.size, isFile: s.isFile() }));
        if (!isFile) throw new Error("it is no file");
        const bytes = new Uint8Array(Math.min(size, most));
        let loaded = 0;
        while (loaded < bytes.length) {
          const { bytesRead } = await file.read(bytes, loaded, Math.min(diskChunk, bytes.length - loaded));
          options.signal?.throwIfAborted();
          if (bytesRead === 0) break;
          loaded += bytesRead;
          if (report) options.onProgress?.({ file: path, loaded, total: size });
        }
        return bytes.subarray(0, loaded);
      } finally {
        await file.close();
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      const missing = (error as { code?: string }).code === "ENOENT";
      const why = missing ? "there is no such file" : `cannot be read (${(error as Error).message})`;
      throw new ThawError(path, why, "a model file", "Check the path.");
    }
  };
  const folder = path.replace(/[^/\\]*$/, "");
  return {
    name: path,
    path: path.replaceAll("\\", "/"),
    read: (options) => read(Infinity, options, true),
    head: (count, options) => read(count, options, false),
    beside: (parts) => diskPlace(folder + parts.join("/")),
  };
}
