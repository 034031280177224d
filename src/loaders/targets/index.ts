/** From what the user names as a target to its format, its main file's name, and what writes there. */
import { ThawError } from "../../errors";
import type { SaveOptions } from "../save";
import { chooseFormat, fileNameFor, isSaveFormat } from "../save-format";
import type { SavedFile, SaveFormat } from "../saved-file";
import { writeToDisk } from "./disk";
import { download } from "./download";
import { writeToFile, writeToFolder } from "./handles";

export interface OpenTarget {
  readonly format: SaveFormat;
  /** Of the main file, without folders. */
  readonly name: string;
  /** Absent where the bytes are all that is wanted. @throws when the place cannot be written to, or the signal is aborted. */
  readonly write?: (files: readonly SavedFile[], signal: AbortSignal | undefined) => Promise<void>;
}

/** @throws for a target of another kind, and where it does not tell the format; nothing is touched yet. */
export function openTarget(
  model: string,
  target: unknown,
  { format: wanted, overwrite }: Pick<SaveOptions, "format" | "overwrite"> = {},
): OpenTarget {
  if (typeof target === "string" && isSaveFormat(target)) return bytesOnly(model, target, wanted);
  if (typeof target === "string" || target instanceof URL) return named(model, target, wanted, overwrite);
  const { kind, name } = (target ?? {}) as Partial<FileSystemHandle>;
  if (kind === "file" && typeof name === "string")
    return {
      format: chooseFormat(name, wanted),
      name,
      write: async (files, signal) => await writeToFile(target as FileSystemFileHandle, files, signal),
    };
  if (kind === "directory") {
    const format = wanted === undefined ? "tfjs" : chooseFormat("", wanted);
    return {
      format,
      name: fileNameFor(model, format),
      write: async (files, signal) => await writeToFolder(target as FileSystemDirectoryHandle, files, signal),
    };
  }
  throw new ThawError(
    "saveModel",
    `a target that is ${target === null ? "null" : `a ${typeof target}`}`,
    'a file name, a FileSystemFileHandle or FileSystemDirectoryHandle, or a format such as "keras"',
  );
}

function bytesOnly(model: string, format: SaveFormat, wanted: SaveFormat | undefined): OpenTarget {
  if (wanted !== undefined && wanted !== format)
    throw new ThawError("saveModel", `the target ${format} and the format ${wanted}`, "one format");
  return { format, name: fileNameFor(model, format) };
}

const inNode = () =>
  typeof (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === "string";

/** A path in Node, a name for a download elsewhere. */
function named(
  model: string,
  target: string | URL,
  wanted: SaveFormat | undefined,
  overwrite: boolean | undefined,
): OpenTarget {
  const text = target instanceof URL ? target.href : target;
  const isFile = text.startsWith("file:");
  // Two letters at least: one and a colon is a drive.
  if (!isFile && /^[a-z][a-z0-9+.-]+:/i.test(text))
    throw new ThawError(text, "is an address", "a path or a file name", 'Save to "keras" and send the bytes yourself.');
  if (!inNode()) {
    const name = text.replace(/^.*[/\\]/, "") || fileNameFor(model, chooseFormat(text, wanted));
    return { format: chooseFormat(name, wanted), name, write: download };
  }
  const path = isFile ? decodeURIComponent(new URL(text).pathname.replace(/^\/(?=[a-z]:)/i, "")) : text;
  const [, folder, given] = /^(.*[/\\])?([^/\\]*)$/s.exec(path)!;
  const format = given === "" && wanted !== undefined ? chooseFormat("", wanted) : chooseFormat(given || path, wanted);
  const name = given || fileNameFor(model, format);
  return {
    format,
    name,
    write: async (files, signal) => await writeToDisk(folder ?? "", files, { signal, overwrite }),
  };
}
