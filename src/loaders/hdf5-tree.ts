/** What an HDF5 file shall hold: groups, tensors, attributes. */
import { ThawError } from "../errors";

/** A group's or dataset's attribute: a text, or a list of texts. */
export type Hdf5Attributes = Readonly<Record<string, string | readonly string[]>>;

export interface Hdf5Dataset {
  readonly shape: readonly number[];
  /** Little-endian as it lies in memory. */
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** Children keep the order in which they were added. */
export class Hdf5Group {
  readonly children = new Map<string, Hdf5Group | Hdf5Dataset>();
  readonly attributes: Record<string, string | readonly string[]> = {};

  /** The group at a path, made where it is not there. */
  group(path: string): Hdf5Group {
    const [head, ...rest] = path.split("/").filter((part) => part !== "");
    if (head === undefined) return this;
    const found = this.children.get(head);
    const group = found instanceof Hdf5Group ? found : new Hdf5Group();
    if (found === undefined) this.children.set(head, group);
    else if (found !== group) throw new ThawError(path, `${head} is a tensor already`, "a group");
    return group.group(rest.join("/"));
  }

  /** @throws where there is something already. */
  add(path: string, dataset: Hdf5Dataset): void {
    const at = path.lastIndexOf("/");
    const group = this.group(at < 0 ? "" : path.slice(0, at));
    const name = path.slice(at + 1);
    if (group.children.has(name)) throw new ThawError(path, "is written twice", "one tensor for each path");
    group.children.set(name, dataset);
  }

  /** Lists that do not fit a message are split as Keras does: `name0`, `name1`, ... */
  setTexts(name: string, texts: readonly string[]): void {
    if (texts.length <= maxTexts) this.attributes[name] = texts;
    else
      for (let i = 0; i * maxTexts < texts.length; i++)
        this.attributes[`${name}${i}`] = texts.slice(i * maxTexts, (i + 1) * maxTexts);
  }
}

/** A text takes 16 bytes in the message, and a message may have 64 KB. */
export const maxTexts = 4000;
