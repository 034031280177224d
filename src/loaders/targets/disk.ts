/** Files on Node's disk: complete under their names, or not there. */
import { ThawError } from "../../errors";
import type { SavedFile } from "../saved-file";

/** What is used of Node's file system; tests give one that fails. */
export interface Disk {
  open(path: string, flags: string, mode?: number): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  realpath(path: string): Promise<string>;
  stat(path: string): Promise<{ isFile(): boolean; readonly mode: number }>;
}

export interface DiskOptions {
  readonly signal?: AbortSignal | undefined;
  /** False: files that are there are not replaced. Default true. */
  readonly overwrite?: boolean | undefined;
  /** Default: Node's. */
  readonly disk?: Disk;
}

export interface DiskFile {
  write(bytes: Uint8Array): Promise<{ readonly bytesWritten: number }>;
  chmod(mode: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Between looks at the signal. */
const chunk = 4 * 2 ** 20;

async function nodeDisk(): Promise<Disk> {
  // In a variable, so that bundlers for the browser do not look for Node's modules.
  const module = "node:fs/promises";
  return (await import(/* @vite-ignore */ module)) as Disk;
}

/** A file on its way to its name. */
interface Pending {
  readonly file: SavedFile;
  /** Where it goes, links followed. */
  readonly goal: string;
  readonly temporary: string;
  /** Permissions of the file that it replaces; undefined where there is none. */
  readonly mode: number | undefined;
}

/**
 * Writes each file beside its goal under another name, waits until it is on the disk, and only then renames it. So one file is at any
 * moment the old one or the new one, also where the machine is switched off. Of several (TF.js) the last is the one that names the others
 * (model.json): the old ones are set aside first, model.json before its shards, and the new model.json comes last, so that at no moment a
 * model.json stands beside shards that are not its own. An error in between puts the old ones back; a machine that is switched
 * off in between leaves no model.json, and the old files under names that end with `.old`.
 *
 * @param folder ends with a slash, or is empty for the current one.
 * @throws for a folder that is not there, a full disk and the like; then nothing has changed. The signal's reason when it is aborted.
 */
export async function writeToDisk(
  folder: string,
  files: readonly SavedFile[],
  { signal, overwrite = true, disk }: DiskOptions = {},
): Promise<void> {
  const fs = disk ?? (await nodeDisk());
  const stamp = crypto.randomUUID().slice(0, 8);
  const made: string[] = [];
  let current = `${folder}${files.at(-1)!.name}`;
  try {
    const pending: Pending[] = [];
    for (const file of files) {
      current = `${folder}${file.name}`;
      pending.push(await prepare(fs, current, file, stamp));
      if (!overwrite && pending.at(-1)!.mode !== undefined)
        throw new ThawError(
          current,
          "is there already",
          "a name that is not taken",
          "Allow it to be overwritten, or name another place.",
        );
    }
    for (const { temporary, file, mode } of pending) {
      current = `${folder}${file.name}`;
      signal?.throwIfAborted();
      await writeTemporary(fs, temporary, file.bytes, mode, signal, () => made.push(temporary));
    }
    signal?.throwIfAborted();
    await takeNames(fs, pending, stamp);
    made.length = 0;
    await syncFolder(fs, folder || ".");
  } catch (error) {
    for (const path of made) await fs.unlink(path).catch(() => undefined);
    signal?.throwIfAborted();
    throw error instanceof ThawError ? error : failed(current, error);
  }
}

async function prepare(fs: Disk, path: string, file: SavedFile, stamp: string): Promise<Pending> {
  const goal = await fs.realpath(path).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return path;
    throw error;
  });
  const old = goal === path ? await fs.stat(goal).catch(() => undefined) : await fs.stat(goal);
  // Renaming would put a file in the place of a device.
  if (old && !old.isFile()) throw new ThawError(path, "is no file", "the name of a file, or one that is not taken");
  return { file, goal, temporary: beside(goal, stamp, "part"), mode: old && old.mode & 0o7777 };
}

/** In the same folder, because renaming works within one file system. */
const beside = (path: string, stamp: string, ending: string) =>
  path.replace(/[^/\\]*$/, (name) => `.${name}.${stamp}.${ending}`);

async function writeTemporary(
  fs: Disk,
  path: string,
  bytes: Uint8Array,
  mode: number | undefined,
  signal: AbortSignal | undefined,
  onMade: () => void,
): Promise<void> {
  const handle = await fs.open(path, "wx");
  onMade();
  try {
    if (mode !== undefined) await handle.chmod(mode);
    for (let at = 0; at < bytes.length;) {
      signal?.throwIfAborted();
      at += (await handle.write(bytes.subarray(at, at + chunk))).bytesWritten;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function takeNames(fs: Disk, pending: readonly Pending[], stamp: string): Promise<void> {
  const [only] = pending;
  if (pending.length === 1) return await fs.rename(only.temporary, only.goal);
  const asideOf = ({ goal }: Pending) => beside(goal, stamp, "old");
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const p of pending.toReversed()) {
      if (p.mode === undefined) continue;
      await fs.rename(p.goal, asideOf(p));
      undo.push(async () => await fs.rename(asideOf(p), p.goal));
    }
    for (const p of pending) {
      await fs.rename(p.temporary, p.goal);
      undo.push(async () => await fs.unlink(p.goal));
    }
  } catch (error) {
    for (const step of undo.toReversed()) await step().catch(() => undefined);
    throw error;
  }
  for (const p of pending) if (p.mode !== undefined) await fs.unlink(asideOf(p)).catch(() => undefined);
}

/** So that the new names are on the disk too. Not every system lets folders be opened. */
async function syncFolder(fs: Disk, folder: string): Promise<void> {
  try {
    const handle = await fs.open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // The files are complete all the same.
  }
}

const codeOf = (error: unknown) => (error as { code?: string }).code ?? "";

const reasons: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  ENOENT: ["its folder is not there", "Make the folder first."],
  ENOTDIR: ["its folder is a file", "Name another folder."],
  ENOSPC: ["the disk is full", "Free some space, or name another place."],
  EDQUOT: ["the disk quota is used up", "Free some space, or name another place."],
  EFBIG: ["it is larger than files may be there", "Name another place."],
  EACCES: ["it may not be written", "Change the permissions, or name another place."],
  EPERM: ["it may not be written", "Change the permissions, or name another place."],
  EROFS: ["the file system is read-only", "Name another place."],
};

function failed(path: string, error: unknown): ThawError {
  const message = error instanceof Error ? error.message : String(error);
  const [why, remedy] = reasons[codeOf(error)] ?? [`cannot be written (${message})`, "Name another place."];
  return new ThawError(path, why, "a place to write to", remedy);
}
