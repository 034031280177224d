/** Files through the handles that browsers give of the user's disk, or of their own. */
import { ThawError } from "../../errors";
import type { SavedFile } from "../saved-file";

/** Between looks at the signal. */
const chunk = 4 * 2 ** 20;

const failed = (name: string, error: unknown): ThawError => {
  const { name: kind = "", message = String(error) } = error as Partial<DOMException>;
  const full = kind === "QuotaExceededError";
  return new ThawError(
    name,
    full ? "there is no room for it" : `cannot be written (${message})`,
    "a place to write to",
    full ? "Free some space, or choose another place." : "Choose it again, and allow this page to write there.",
  );
};

/** Runs what may fail in the browser's ways. @throws the signal's reason where it is aborted. */
async function attempt<T>(name: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof ThawError ? error : failed(name, error);
  }
}

/** Writes into the browser's copy, which takes the file's place when it is closed. */
async function fill(
  handle: FileSystemFileHandle,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<FileSystemWritableFileStream> {
  signal?.throwIfAborted();
  const stream = await handle.createWritable();
  try {
    for (let at = 0; at < bytes.length; at += chunk) {
      signal?.throwIfAborted();
      await stream.write(bytes.subarray(at, at + chunk) as Uint8Array<ArrayBuffer>);
    }
    signal?.throwIfAborted();
    return stream;
  } catch (error) {
    await stream.abort().catch(() => undefined);
    throw error;
  }
}

/** One file. Until all bytes are there it holds what it held before. @throws for several files. */
export async function writeToFile(
  handle: FileSystemFileHandle,
  files: readonly SavedFile[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const [{ bytes }] = files;
  if (files.length > 1)
    throw new ThawError(
      handle.name,
      `a model of ${files.length} files (${files.map((f) => f.name).join(", ")})`,
      "a FileSystemDirectoryHandle for them",
      "Ask for one with showDirectoryPicker().",
    );
  await attempt(handle.name, signal, async () => await (await fill(handle, bytes, signal)).close());
}

/**
 * Several files into a folder; the last is the one that names the others (model.json). All bytes are written before any file takes its
 * name. A main file that was there goes first, so that it never stands beside parts that are not its own; where anything fails after that, the
 * files that were there are written back. A page that is closed in just that moment leaves parts and no main file.
 */
export async function writeToFolder(
  folder: FileSystemDirectoryHandle,
  files: readonly SavedFile[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const before = new Map<string, Uint8Array | undefined>();
  const open: FileSystemWritableFileStream[] = [];
  const main = files.at(-1)!;
  await attempt(main.name, signal, async () => {
    let begun = false;
    try {
      for (const { name } of files) before.set(name, await contentOf(folder, name));
      for (const { name, bytes } of files.slice(0, -1))
        open.push(await fill(await folder.getFileHandle(name, { create: true }), bytes, signal));
      begun = true;
      if (before.get(main.name) && open.length > 0) await folder.removeEntry(main.name);
      for (let stream = open.shift(); stream; stream = open.shift()) await stream.close();
      await (await fill(await folder.getFileHandle(main.name, { create: true }), main.bytes, signal)).close();
    } catch (error) {
      for (const stream of open) await stream.abort().catch(() => undefined);
      for (const [name, bytes] of before) await putBack(folder, name, begun ? bytes : undefined, bytes !== undefined);
      throw error;
    }
  });
}

async function contentOf(folder: FileSystemDirectoryHandle, name: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await (await (await folder.getFileHandle(name)).getFile()).arrayBuffer());
  } catch (error) {
    if ((error as DOMException).name === "NotFoundError") return undefined;
    throw error;
  }
}

/** Best effort: the error that led here is the one to tell. */
async function putBack(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array | undefined,
  existed: boolean,
): Promise<void> {
  try {
    if (bytes) await (await fill(await folder.getFileHandle(name, { create: true }), bytes, undefined)).close();
    else if (!existed) await folder.removeEntry(name);
  } catch {
    // It was not there, or cannot be reached any more.
  }
}
