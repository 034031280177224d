/** Where a model comes from, brought to bytes. */
import { ThawError } from "../errors";

/** A path (in Node), a URL, or the bytes themselves. */
export type ModelSource = string | URL | ArrayBuffer | Uint8Array | Blob;

/** @throws for a file that is not there, and for a server that answers with an error. */
export async function readSource(source: ModelSource): Promise<{ bytes: Uint8Array; name: string }> {
  if (source instanceof Uint8Array) return { bytes: source, name: "model" };
  if (source instanceof ArrayBuffer) return { bytes: new Uint8Array(source), name: "model" };
  if (typeof Blob !== "undefined" && source instanceof Blob) {
    return { bytes: new Uint8Array(await source.arrayBuffer()), name: (source as File).name ?? "model" };
  }
  const text = source instanceof URL ? source.href : (source as string);
  const inNode =
    typeof (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === "string";
  if (inNode && !/^(https?|data|blob):/.test(text))
    return { bytes: await readFile(source as string | URL), name: text };
  return { bytes: await download(text), name: text };
}

/** What is used of Node's file system. */
interface NodeFiles {
  readFile: (path: string | URL) => Promise<Uint8Array>;
}

async function readFile(path: string | URL): Promise<Uint8Array> {
  // In a variable, so that bundlers for the browser do not look for Node's modules.
  const module = "node:fs/promises";
  const fs = (await import(/* @vite-ignore */ module)) as NodeFiles;
  try {
    return await fs.readFile(typeof path === "string" && path.startsWith("file:") ? new URL(path) : path);
  } catch (error) {
    const why = (error as { code?: string }).code === "ENOENT" ? "there is no such file" : String(error);
    throw new ThawError(String(path), why, "a model file", "Check the path.");
  }
}

async function download(url: string): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new ThawError(
      url,
      `could not be fetched (${String(error)})`,
      "a model file",
      "Check the address, and that its server allows other pages to read it (CORS).",
    );
  }
  if (!response.ok)
    throw new ThawError(
      url,
      `the server answered ${response.status} ${response.statusText}`,
      "a model file",
      "Check the address.",
    );
  return new Uint8Array(await response.arrayBuffer());
}
