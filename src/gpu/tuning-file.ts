/** Tuned answers in a file, for Node: one JSON document with a part for each adapter. */
import { mergeAnswers, parseAnswers, type TuningStore } from "./tuning-store";

/** What is used of Node's modules. */
interface Files {
  readFile: (path: string, encoding: "utf8") => Promise<string>;
  writeFile: (path: string, text: string) => Promise<void>;
  rename: (from: string, to: string) => Promise<void>;
  rm: (path: string, options: { force: true }) => Promise<void>;
  mkdir: (path: string, options: { recursive: true }) => Promise<unknown>;
  stat: (path: string) => Promise<{ size: number }>;
}
interface Paths {
  join: (...parts: string[]) => string;
  dirname: (path: string) => string;
}

interface Document {
  readonly version: 1;
  readonly adapters: Readonly<Record<string, unknown>>;
}

/** Adapters that the file remembers, those written last. */
const mostAdapters = 16;

/** A larger file is not ours, or broken. */
const largestFile = 16 * 2 ** 20; // bytes

/** @param path default: `thaw/tuning.json` in XDG_CACHE_HOME, or in ~/.cache */
export function fileStore(path?: string): TuningStore {
  return {
    load: async (adapter) => parseAnswers((await read(await place(path))).adapters[adapter]),
    save: async (adapter, answers) => {
      const file = await place(path);
      const { adapters } = await read(file);
      const { [adapter]: own, ...others } = adapters;
      const kept = Object.entries(others).slice(1 - mostAdapters);
      const merged = mergeAnswers(parseAnswers(own), answers);
      const document: Document = { version: 1, adapters: { ...Object.fromEntries(kept), [adapter]: merged } };
      await replace(file, `${JSON.stringify(document, null, 1)}\n`);
    },
  };
}

async function place(path: string | undefined): Promise<string> {
  if (path !== undefined) return path;
  const { join } = await node<Paths>("path");
  const { homedir } = await node<{ homedir: () => string }>("os");
  const { env } = (globalThis as unknown as { process: { env: Record<string, string | undefined> } }).process;
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "thaw", "tuning.json");
}

/** The document, or an empty one where the file is absent, broken or another's: it holds nothing that cannot be found again. */
async function read(file: string): Promise<Document> {
  const empty: Document = { version: 1, adapters: {} };
  try {
    const files = await node<Files>("fs/promises");
    if ((await files.stat(file)).size > largestFile) return empty;
    const found = JSON.parse(await files.readFile(file, "utf8")) as Partial<Document> | null;
    const ours = found?.version === 1 && typeof found.adapters === "object" && found.adapters !== null;
    return ours ? (found as Document) : empty;
  } catch {
    return empty;
  }
}

let writes = 0;

/** A reader, or a crash, never meets half a file. */
async function replace(file: string, text: string): Promise<void> {
  const [files, { dirname }] = [await node<Files>("fs/promises"), await node<Paths>("path")];
  const { pid } = (globalThis as unknown as { process: { pid: number } }).process;
  const half = `${file}.${pid}-${writes++}`;
  await files.mkdir(dirname(file), { recursive: true });
  try {
    await files.writeFile(half, text);
    await files.rename(half, file);
  } catch (error) {
    await files.rm(half, { force: true });
    throw error;
  }
}

/** In a variable, so that bundlers for the browser do not look for Node's modules. */
async function node<T>(module: string): Promise<T> {
  const name = `node:${module}`;
  return (await import(/* @vite-ignore */ name)) as T;
}
