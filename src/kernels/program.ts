/**
 * The texts of kernels' programs. They are fetched when they are first needed, those that are used together at a time: a page
 * loads the programs of its adapter and its layers, not all.
 */

const files = {
  batchNorm: () => import("./programs/batchNorm"),
  depthwise: () => import("./programs/depthwise"),
  f16: () => import("./programs/f16"),
  gpu: () => import("./programs/gpu"),
  layers: () => import("./programs/layers"),
  plain: () => import("./programs/plain"),
  software: () => import("./programs/software"),
  training: () => import("./programs/training"),
  winograd: () => import("./programs/winograd"),
};

export class Program {
  readonly #fetch: () => Promise<string>;
  #text: string | undefined;

  /** @param fetch is called again when it failed. */
  constructor(
    /** For plans, profiles and error messages. */
    readonly name: string,
    fetch: () => Promise<string>,
  ) {
    this.#fetch = fetch;
  }

  /** @throws what `fetch` throws: the page is offline, or its files have been replaced by newer ones. */
  async load(): Promise<string> {
    return (this.#text ??= await this.#fetch());
  }

  /** The WGSL. @throws before `load` has come to its end. */
  get text(): string {
    if (this.#text === undefined) throw new Error("a program's text is read before it is loaded");
    return this.#text;
  }
}

/** Files of programs: each is fetched when the first of its programs is needed. */
type Files = Readonly<Record<string, () => Promise<object>>>;

/** Programs by file and name. */
export const programsOf =
  <F extends Files>(of: F) =>
  <K extends keyof F>(file: K, name: keyof Awaited<ReturnType<F[K]>> & string): Program =>
    new Program(name, async () => ((await of[file]()) as Record<string, string>)[name]);

/** The program `name`.wgsl, which the file of that name in programs/ lists. */
export const wgsl = programsOf(files);
