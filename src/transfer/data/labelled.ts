/** Labelled samples in memory: what `fit`, `evaluate` and `split` take, with the names of the classes. */
import { formatShape, ThawError } from "../../errors";
import { elements, type Shape } from "../../kernels/operation";
import type { Dataset, StreamedDataset } from "../../nn/trainer";

/** Samples with class ids and class names. A plain object; `y` is an index into `classNames`. */
export interface LabelledDataset extends Dataset {
  readonly y: Int32Array;
  readonly classNames: readonly string[];
  /** Names in the order of the samples, where they have some, e.g. of files. */
  readonly names?: readonly string[];
}

/** The same for samples that are read when they are needed, e.g. `streamFromFiles`. */
export interface LabelledStream extends StreamedDataset {
  readonly y: Int32Array;
  readonly classNames: readonly string[];
  readonly names?: readonly string[];
}

/** Samples of a data set. */
export const sampleCount = (data: Dataset | StreamedDataset): number =>
  "read" in data ? data.count : data.x.length / elements(data.shape);

/** What tensors are made of: samples and labels in C order. */
export interface TensorOptions {
  /** Of one sample, e.g. [32, 32, 3]. */
  readonly shape: Shape;
  /** Default: "0", "1", ... up to the largest id. */
  readonly classNames?: readonly string[];
}

/**
 * A data set from numbers that are there already; x is not copied.
 *
 * @param y class ids, one a sample
 * @throws for lengths that do not fit together, and ids without a name.
 */
export function datasetFromTensors(
  x: Dataset["x"],
  y: ArrayLike<number>,
  { shape, classNames }: TensorOptions,
): LabelledDataset {
  const who = "datasetFromTensors";
  const size = elements(shape);
  if (x.length === 0 || x.length % size !== 0)
    throw new ThawError(who, `${x.length} values`, `a multiple of ${size} above 0 (${formatShape(shape)} a sample)`);
  const count = x.length / size;
  if (y.length !== count) throw new ThawError(who, `${y.length} labels for ${count} samples`, `${count} class ids`);
  const ids = Array.from(y);
  const largest = ids.reduce((a, b) => Math.max(a, b), 0);
  const names = classNames ?? Array.from({ length: largest + 1 }, (_, i) => String(i));
  checkNames(who, names);
  const bad = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= names.length);
  if (bad >= 0)
    throw new ThawError(who, `label ${ids[bad]} of sample ${bad}`, `a class id from 0 to ${names.length - 1}`);
  return { x, y: Int32Array.from(ids), shape, classNames: names };
}

function checkNames(who: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ThawError(who, `the class "${twice}" is named twice`, "names that differ");
}
