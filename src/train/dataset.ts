/** Data for training: samples and labels in memory, checked before anything runs. */
import { formatShape, ThawError } from "../errors";
import { elements, type Shape } from "../kernels/operation";
import type { Dataset } from "../nn/trainer";

export interface CheckedDataset {
  readonly count: number;
  readonly sample: number; // elements
  readonly bytes: boolean;
  readonly x: Uint8Array | Float32Array;
  readonly y: Float32Array | undefined;
  readonly weights: ArrayLike<number> | undefined;
  /** Label elements a sample. */
  readonly label: number;
  /** Where samples come from that are not all on the GPU at once. */
  readonly stream?: SampleStream;
}

/** Samples that are fetched a window at a time; made by `open-stream.ts`. */
export interface SampleStream {
  /** Stands for the samples in the key of cached features; undefined where they are in `x` and their checksum does. */
  readonly key: string | undefined;
  /** Why it is streamed, for the history. */
  readonly text: string;
  /** Bytes on the GPU at most, as far as two batches fit. */
  readonly budget: number;
  /** Samples at these indices in this order, checked; with labels (float32, in the same order) unless none are needed. */
  readonly read: (indices: Uint32Array<ArrayBuffer>, signal: AbortSignal) => Promise<Pick<CheckedDataset, "x" | "y">>;
  /** Labels of all samples, once they are known from reading. */
  readonly remember: (y: Float32Array) => void;
}

/**
 * Checks a data set against what the model and the loss want.
 *
 * @param labelShape of one sample; undefined when no labels are needed.
 * @param classes class ids must lie below it; undefined for labels that are not ids.
 * @throws for an empty set, a wrong shape, values that are not finite, labels out of range.
 */
export function checkDataset(
  name: string,
  data: Dataset,
  sampleShape: Shape,
  labelShape?: Shape,
  classes?: number,
): CheckedDataset {
  const same = data.shape.length === sampleShape.length && data.shape.every((d, i) => d === sampleShape[i]);
  if (!same)
    throw new ThawError(
      name,
      `samples of shape ${formatShape(data.shape)}`,
      formatShape(sampleShape),
      "Resize the samples, or build the model for this size.",
    );
  const sample = elements(sampleShape);
  if (data.x.length === 0) throw new ThawError(name, "the data set is empty", "at least one sample");
  if (data.x.length % sample !== 0)
    throw new ThawError(name, `${data.x.length} values`, `a multiple of ${sample} (${formatShape(sampleShape)})`);
  const count = data.x.length / sample;
  const bytes = !(data.x instanceof Float32Array);
  if (!bytes) {
    const bad = data.x.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0)
      throw new ThawError(name, `sample ${Math.floor(bad / sample)} holds ${data.x[bad]}`, "finite numbers");
  }
  const x =
    data.x instanceof Float32Array ? data.x : new Uint8Array(data.x.buffer, data.x.byteOffset, data.x.byteLength);
  if (labelShape === undefined) return { count, sample, bytes, x, y: undefined, label: 0, weights: undefined };
  const y = checkLabels(name, data.y, count, labelShape, classes);
  return { count, sample, bytes, x, y, label: elements(labelShape), weights: data.weights };
}

/** Labels of `count` samples as numbers. @throws as `checkDataset` does. */
export function checkLabels(
  name: string,
  labels: Dataset["y"],
  count: number,
  labelShape: Shape,
  classes?: number,
): Float32Array {
  const label = elements(labelShape);
  if (!labels) throw new ThawError(name, "there are no labels", `${count} labels of shape ${formatShape(labelShape)}`);
  if (labels.length !== count * label) {
    throw new ThawError(
      name,
      `${labels.length} label values for ${count} samples`,
      `${count * label} (shape ${formatShape(labelShape)} a sample)`,
    );
  }
  const y = Float32Array.from(labels);
  const bad = y.findIndex(
    (v) => !Number.isFinite(v) || (classes !== undefined && (v < 0 || v >= classes || !Number.isInteger(v))),
  );
  if (bad >= 0) {
    const expected = classes === undefined ? "finite numbers" : `a class id from 0 to ${classes - 1}`;
    throw new ThawError(name, `label ${y[bad]} of sample ${Math.floor(bad / label)}`, expected);
  }
  return y;
}

/** The first or last samples of a set, without copying. */
export function subset(data: Dataset, from: number, to: number): Dataset {
  const sample = elements(data.shape);
  const label = data.y ? data.y.length / (data.x.length / sample) : 0;
  return {
    shape: data.shape,
    x: data.x.subarray(from * sample, to * sample),
    ...(data.y && { y: data.y.slice(from * label, to * label) }),
    ...(data.weights && { weights: Array.from(data.weights).slice(from, to) }),
  };
}
