/** Names in a file that Keras shall read: one namespace for each model, without slashes. */
import { ThawError } from "../../../errors";

/** A layer's name in Keras's files: Keras takes no slash, which separates the parts of paths. */
export const writtenName = (name: string): string => name.replaceAll("/", ".");

export class EntryNames {
  /** Written name -> name in the model. */
  readonly #taken = new Map<string, string>();

  constructor(readonly model: string) {}

  /** @throws when another layer has the same name in the file. */
  own(name: string): string {
    const written = writtenName(name);
    const other = this.#taken.get(written);
    if (other !== undefined)
      throw new ThawError(
        this.model,
        `the layers ${other} and ${name} are both named ${written} in Keras`,
        "a name for each layer",
        "Give one of them another name when it is made.",
      );
    this.#taken.set(written, name);
    return written;
  }

  /** A name for what a layer is written with beside itself. Ask when all layers have theirs. */
  extra(base: string): string {
    let name = base;
    for (let n = 1; this.#taken.has(name); n++) name = `${base}_${n}`;
    this.#taken.set(name, name);
    return name;
  }
}
