/** Files that come with Thaw, and models that the user names. */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ThawError } from "../index";

/** The folder of the package: this file lies in src/cli, or built in dist, of it. */
export const packageRoot: string = (() => {
  // Not `new URL(..., import.meta.url)`: Vite would take that for a file to bundle.
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!fs.existsSync(path.join(folder, "package.json")) && path.dirname(folder) !== folder)
    folder = path.dirname(folder);
  return folder;
})();

export function packageVersion(): string {
  return (JSON.parse(fs.readFileSync(path.join(packageRoot, "package.json"), "utf8")) as { version: string }).version;
}

/** A file of assets/. */
export function assetPath(name: string): string {
  const file = path.join(packageRoot, "assets", name);
  if (!fs.existsSync(file)) {
    throw new ThawError("thaw", `${file} is missing`, "the files that come with Thaw", "Install the package again.");
  }
  return file;
}

/**
 * Bytes of a file.
 *
 * @throws ThawError naming the file and why it cannot be read.
 */
export function readFile(who: string, file: string): Uint8Array {
  try {
    return new Uint8Array(fs.readFileSync(file));
  } catch (error) {
    const reason = { ENOENT: "there is no such file", EISDIR: "it is a folder", EACCES: "it may not be read" }[
      (error as NodeJS.ErrnoException).code ?? ""
    ];
    throw new ThawError(
      who,
      `${file}: ${reason ?? String(error)}`,
      "a file",
      `The current folder is ${process.cwd()}.`,
    );
  }
}

/** Writes a file and the folders it lies in. */
export function writeFile(who: string, file: string, text: string): void {
  try {
    fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    fs.writeFileSync(file, text);
  } catch (error) {
    throw new ThawError(
      who,
      `${file} cannot be written (${(error as Error).message})`,
      "a place to write to",
      "Name another with --out.",
    );
  }
}
