import { inject } from "vitest";

const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;
// In two steps: Vite would take `new URL("../../", import.meta.url)` for the package and point into dist/.
const self: string = import.meta.url;
const root = new URL("../../", self);

/** True where the larger models and images lie beside this checkout; gate the tests that need them with it. */
export const hasSharedAssets: boolean = inject("sharedAssets") !== "";

async function read(absolute: string): Promise<Uint8Array<ArrayBuffer>> {
  if (inNode) {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(absolute));
  }
  const response = await fetch(absolute);
  if (!response.ok) throw new Error(`tests: ${absolute} answered ${response.status}; expected a file. Is it there?`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The bytes of a file of this repository, for example "tests/fixtures/dense.json"; the same in Node and in a page. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const url = new URL(path, root);
  return read(inNode ? decodeURIComponent(url.pathname) : url.href);
}

export async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(path));
}

export async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readText(path)) as T;
}

/** The bytes of a file below the shared assets, for example "models/x.keras". */
export async function readShared(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const folder = inject("sharedAssets");
  if (folder === "") throw new Error("tests: no shared assets here; gate this test with `hasSharedAssets`.");
  return read(inNode ? `${folder}/${path}` : `/@fs/${folder.replace(/^\//, "")}/${path}`);
}
