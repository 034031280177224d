/**
 * The texts of kernels' programs. They are fetched when they are first needed, those that are used together at a time: a page
 * loads the programs of its adapter and its layers, not all.
 */

const files = {
  batchNorm: () => import("./programs/batchNorm"),
  depthwise: () => import("./programs/depthwise"),
  f16: () => import("./programs/f16"),
  gpu: () => import("./programs/gpu"),
  inside: () => import("./programs/inside"),
  layers: () => import("./programs/layers"),
  math: () => import("./programs/math"),
  plain: () => import("./programs/plain"),
  software: () => import("./programs/software"),
  training: () => import("./programs/training"),
  updates: () => import("./programs/updates"),
  weighted: () => import("./programs/weighted"),
  winograd: () => import("./programs/winograd"),
};

type Files = typeof files;
type Name<F extends keyof Files> = keyof Awaited<ReturnType<Files[F]>> & string;

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

/** The program `name`.wgsl, which the file of that name in programs/ lists. */
export const wgsl = <F extends keyof Files>(file: F, name: Name<F>): Program =>
  new Program(name, async () => ((await files[file]()) as unknown as Record<string, string>)[name]);
