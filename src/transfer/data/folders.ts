/** All files below what a page or Node gives: chosen files, a drop, a folder's handle, an archive, a path. */
import type * as nodeFs from "node:fs";
import { ThawError } from "../../errors";
import { readZip } from "./zip";

/** A file with its folders in front, e.g. "animals/cat/1.png". */
export interface FoundFile {
  readonly path: string;
  readonly open: () => Promise<Blob | Uint8Array<ArrayBuffer>>;
}

/** A file under a path that it does not know itself. */
export interface NamedFile {
  readonly path: string;
  readonly file: Blob;
}

/**
 * Where files come from: `FileList` or `File[]` of `<input type="file" webkitdirectory>`, files with paths, a drop's `DataTransfer`, a
 * `FileSystemDirectoryHandle`, a ZIP archive (also as the only file chosen or dropped), and in Node the path of a folder or archive.
 */
export type FileSource =
  | ArrayLike<File | NamedFile>
  | DataTransfer
  | FileSystemDirectoryHandle
  | Blob
  | ArrayBuffer
  | Uint8Array<ArrayBuffer>
  | string;

/**
 * Files in no particular order. A drop is asked for its entries before the first await, as browsers empty it afterwards: call this from
 * the event's handler.
 */
export async function findFiles(who: string, source: FileSource): Promise<FoundFile[]> {
  if (typeof source === "string") return await filesOfPath(who, source);
  if (source instanceof Blob || source instanceof ArrayBuffer || source instanceof Uint8Array)
    return await unzip(source);
  if ("items" in source && "getData" in source) {
    const dropped = entriesOf(source);
    if (dropped.length === 0) throw new ThawError(who, "nothing was dropped that is a file", "files or folders");
    const found = (await Promise.all(dropped.map(filesOfEntry))).flat();
    return await unpacked(found);
  }
  if ("kind" in source) {
    const found: FoundFile[] = [];
    await filesOfHandle(source, source.name, found);
    return found;
  }
  const files = Array.from(source, (f): FoundFile => {
    if ("file" in f) return { path: f.path, open: () => Promise.resolve(f.file) };
    // Node's File has no relative path.
    const path = (f as { webkitRelativePath?: string }).webkitRelativePath || f.name;
    return { path, open: () => Promise.resolve(f) };
  });
  return await unpacked(files);
}

const unzip = async (source: Blob | ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<FoundFile[]> =>
  (await readZip(source)).map(({ path, read }) => ({ path, open: read }));

const isZip = (path: string) => /\.zip$/i.test(path);

/** An archive that comes alone stands for what is in it. */
async function unpacked(files: FoundFile[]): Promise<FoundFile[]> {
  return files.length === 1 && isZip(files[0].path) ? await unzip(await files[0].open()) : files;
}

/** Has to run inside the event's handler. Items without an entry are files that a script has put there. */
function entriesOf(drop: DataTransfer): (FileSystemEntry | File)[] {
  const items = Array.from(drop.items).filter(({ kind }) => kind === "file");
  return items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile()).filter((entry) => entry !== null);
}

async function filesOfEntry(entry: FileSystemEntry | File): Promise<FoundFile[]> {
  if (!("fullPath" in entry)) return [{ path: entry.name, open: () => Promise.resolve(entry) }];
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const open = async () => await new Promise<File>((give, fail) => (entry as FileSystemFileEntry).file(give, fail));
    return [{ path, open }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FoundFile[] = [];
  for (;;) {
    // Chromium gives a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((give, fail) => reader.readEntries(give, fail));
    if (some.length === 0) return found;
    for (const inner of some) found.push(...(await filesOfEntry(inner)));
  }
}

async function filesOfHandle(folder: FileSystemDirectoryHandle, path: string, found: FoundFile[]): Promise<void> {
  for await (const [name, handle] of folder.entries()) {
    const inner = path ? `${path}/${name}` : name; // the private file system's root has no name
    if (handle.kind === "directory") await filesOfHandle(handle, inner, found);
    else found.push({ path: inner, open: async () => await handle.getFile() });
  }
}

async function filesOfPath(who: string, path: string): Promise<FoundFile[]> {
  if ((globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === undefined)
    throw new ThawError(who, `the path "${path}" in a browser`, "files, a folder's handle, or a ZIP archive");
  const fs = await import("node:fs");
  const about = await fs.promises.stat(path).catch(() => undefined);
  if (about?.isFile()) return await unzip(await blobOf(fs, path));
  if (!about?.isDirectory())
    throw new ThawError(who, `no folder "${path}"`, "a folder of class folders, or a ZIP archive");
  const found: FoundFile[] = [];
  const seen = new Set<string>(); // links may lead around in a circle
  const walk = async (folder: string, names: string): Promise<void> => {
    const real = await fs.promises.realpath(folder);
    if (seen.has(real)) return;
    seen.add(real);
    for (const name of await fs.promises.readdir(folder)) {
      const [file, inner] = [`${folder}/${name}`, names ? `${names}/${name}` : name];
      const kind = await fs.promises.stat(file).catch(() => undefined); // a link counts as what it leads to
      if (kind?.isDirectory()) await walk(file, inner);
      else found.push({ path: inner, open: async () => new Uint8Array(await fs.promises.readFile(file)) });
    }
  };
  await walk(path, "");
  return found;
}

type Fs = typeof nodeFs;

/** Read in parts where Node can do that (from 19.8). */
const blobOf = async (fs: Partial<Pick<Fs, "openAsBlob">> & Fs, path: string): Promise<Blob> =>
  fs.openAsBlob ? await fs.openAsBlob(path) : new Blob([new Uint8Array(await fs.promises.readFile(path))]);
