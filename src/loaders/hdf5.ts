/** Reading HDF5 files with h5wasm (NIST's build of the HDF5 library), which is loaded when the first file comes. */
import type { h5wasm as H5wasm } from "h5wasm";
import { ThawError } from "../errors";
import type { Shape } from "../kernels/operation";

/** A tensor as it stands in a file, brought to float32. */
export interface StoredTensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Named tensors of a weight file; `close()` when done. */
export interface WeightFile {
  /** Paths of all tensors, e.g. `layers/conv2d/vars/0`. */
  readonly paths: readonly string[];
  /** @throws for a type that cannot be brought to float32. */
  get(path: string): StoredTensor | undefined;
  /** A text attribute of a group, where there is one. */
  attribute(group: string, name: string): string | undefined;
  close(): void;
}

type H5 = typeof H5wasm;
type Dataset = InstanceType<H5["Dataset"]>;

let library: Promise<H5> | undefined;
let fileNumber = 0;

export const isHdf5 = (bytes: Uint8Array): boolean =>
  [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a].every((b, i) => bytes[i] === b);

async function load(): Promise<H5> {
  library ??= import("h5wasm").then(async ({ h5wasm }) => {
    const module = await h5wasm.ready;
    // Errors of the library become exceptions; otherwise they are printed, and a broken file looks like an open one.
    module.activate_throwing_error_handler();
    return h5wasm;
  });
  return await library;
}

/** @throws for a file that is truncated or not HDF5. */
export async function openHdf5(name: string, bytes: Uint8Array): Promise<WeightFile> {
  const h5 = await load();
  const { FS } = await h5.ready;
  const path = `/weights-${fileNumber++}.h5`;
  FS.writeFile(path, bytes);
  const fail = (error: unknown) => {
    FS.unlink(path);
    const why = String(error instanceof Error ? error.message : error).split("\n")[0];
    return new ThawError(
      name,
      `cannot be read as HDF5 (${why})`,
      "a whole HDF5 file",
      "The file is truncated or damaged; get it again.",
    );
  };
  let file: InstanceType<H5["File"]>;
  try {
    file = new h5.File(path, "r");
    // The constructor does not throw by itself for every broken file.
    if (file.file_id < 0n) throw new Error("the file does not open");
  } catch (error) {
    throw fail(error);
  }
  const close = () => {
    file.close();
    FS.unlink(path);
  };
  try {
    const datasets = collect(h5, file);
    return {
      paths: [...datasets.keys()],
      get: (dataset) => {
        const found = datasets.get(dataset);
        return found && readTensor(`${name}/${dataset}`, found, bytes.length);
      },
      attribute: (group, attribute) => readText(h5, file, group, attribute),
      close,
    };
  } catch (error) {
    file.close();
    throw fail(error);
  }
}

/** Groups within groups beyond this are a cycle of links, not a model. */
const maxDepth = 64;

/** All datasets by path. Links to other files and broken links are passed over: no weights of Keras's lie there. */
function collect(h5: H5, root: InstanceType<H5["Group"]>): Map<string, Dataset> {
  const result = new Map<string, Dataset>();
  const visit = (group: InstanceType<H5["Group"]>, prefix: string, depth: number) => {
    if (depth > maxDepth) throw new Error(`groups are nested more than ${maxDepth} deep`);
    for (const key of group.keys()) {
      const item = group.get(key);
      if (item instanceof h5.Dataset) result.set(prefix + key, item);
      else if (item instanceof h5.Group) visit(item, `${prefix}${key}/`, depth + 1);
    }
  };
  visit(root, "", 0);
  return result;
}

function readText(h5: H5, file: InstanceType<H5["File"]>, group: string, attribute: string): string | undefined {
  const found = file.get(group);
  if (!(found instanceof h5.Group)) return undefined;
  const value = found.attrs[attribute]?.value;
  return typeof value === "string" ? value : undefined;
}

/** Compressed data may be larger than the file, but not beyond what Keras itself accepts. */
const maxExpansion = 1000;

function readTensor(name: string, dataset: Dataset, fileBytes: number): StoredTensor {
  const { shape, metadata } = dataset;
  if (!shape) throw new ThawError(name, "has no shape", "a tensor");
  const count = shape.reduce((a, b) => a * b, 1);
  if (count * metadata.size > maxExpansion * fileBytes) {
    throw new ThawError(
      name,
      `declares ${count} elements in a file of ${fileBytes} bytes`,
      `at most ${maxExpansion} times the file`,
    );
  }
  if (metadata.type === 5 && metadata.size === 2) return { shape, data: fromBfloat16(dataset.value as Uint8Array) };
  const value = dataset.value;
  if (typeof value === "number" || typeof value === "bigint") return { shape, data: Float32Array.of(Number(value)) };
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return {
      shape,
      data: value instanceof Float32Array ? value : Float32Array.from(value as unknown as ArrayLike<number>, Number),
    };
  }
  throw new ThawError(name, `has the type ${JSON.stringify(dataset.dtype)}`, "numbers");
}

/** Keras stores bfloat16 as opaque pairs of bytes: the upper half of a float32. */
function fromBfloat16(bytes: Uint8Array): Float32Array {
  const words = new Uint32Array(bytes.length / 2);
  for (let i = 0; i < words.length; i++) words[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24);
  return new Float32Array(words.buffer);
}
