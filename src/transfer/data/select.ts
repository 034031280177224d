/** Parts of a data set, and data sets put together. */
import { formatShape, ThawError } from "../../errors";
import { elements } from "../../kernels/operation";
import type { Dataset, StreamedDataset } from "../../nn/trainer";
import { shuffledOrder } from "../../train/resident";
import { sampleCount, type LabelledDataset } from "./labelled";

/** Label values a sample: 1 for class ids. */
function labelWidth(who: string, { y }: Pick<Dataset, "y">, count: number): number {
  if (!y) return 0;
  if (y.length % count !== 0)
    throw new ThawError(who, `${y.length} label values for ${count} samples`, `a multiple of ${count}`);
  return y.length / count;
}

/** Label values of these samples, in the kind of array that they came in. */
function pick(y: NonNullable<Dataset["y"]>, list: readonly number[], width: number): NonNullable<Dataset["y"]> {
  const values = list.flatMap((from) => Array.from(y.slice(from * width, (from + 1) * width)));
  if (y instanceof Uint8Array) return Uint8Array.from(values);
  if (y instanceof Int32Array) return Int32Array.from(values);
  if (y instanceof Uint32Array) return Uint32Array.from(values);
  return y instanceof Float32Array ? Float32Array.from(values) : values;
}

/**
 * The samples at these indices in this order, copied (of a stream: read when they are needed); an index may come twice.
 *
 * @throws for an index that the set does not have, and for none at all.
 */
export function take<D extends Dataset | StreamedDataset>(data: D, indices: ArrayLike<number>): D {
  const count = sampleCount(data);
  const width = labelWidth("take", data, count);
  const list = Array.from(indices);
  if (list.length === 0) throw new ThawError("take", "no indices", "at least one sample");
  const bad = list.find((i) => !Number.isInteger(i) || i < 0 || i >= count);
  if (bad !== undefined) throw new ThawError("take", `index ${bad}`, `whole numbers from 0 to ${count - 1}`);
  const { y } = data;
  const labels = y && { y: pick(y, list, width) };
  const { names } = data as { names?: readonly string[] };
  const weights = data.weights && { weights: list.map((i) => data.weights![i]) };
  const chosen = { ...data, ...labels, ...weights, ...(names && { names: list.map((i) => names[i]) }) };
  if ("read" in data) {
    const read: StreamedDataset["read"] = (wanted, signal) =>
      data.read(
        wanted.map((i) => list[i]),
        signal,
      );
    return { ...chosen, count: list.length, read };
  }
  const sample = elements(data.shape);
  const taken =
    data.x instanceof Float32Array ? new Float32Array(list.length * sample) : new Uint8Array(list.length * sample);
  list.forEach((from, to) => taken.set(data.x.subarray(from * sample, (from + 1) * sample), to * sample));
  return { ...chosen, x: taken };
}

/** All samples in another order; the same seed gives the same order. */
export const shuffle = <D extends Dataset | StreamedDataset>(data: D, seed = 0): D =>
  take(data, shuffledOrder(sampleCount(data), seed));

/**
 * Data sets one after the other. Samples that are bytes in one set and numbers in another become numbers; where one has weights, those of
 * the others are 1.
 *
 * @throws for shapes or class names that differ, and where only some have labels.
 */
export function concatenate<D extends Dataset>(...sets: readonly D[]): D {
  const [first] = sets;
  if (!first) throw new ThawError("concatenate", "no data sets", "at least one");
  const namesOf = (d: Dataset) => {
    const { classNames } = d as Partial<LabelledDataset>;
    return classNames ? JSON.stringify(classNames) : "without names";
  };
  for (const d of sets) {
    if (formatShape(d.shape) !== formatShape(first.shape))
      throw new ThawError("concatenate", `samples of shape ${formatShape(d.shape)}`, formatShape(first.shape));
    if ((d.y === undefined) !== (first.y === undefined))
      throw new ThawError("concatenate", "some data sets have labels and some have none", "all or none");
    if (namesOf(d) !== namesOf(first))
      throw new ThawError("concatenate", `classes ${namesOf(d)}`, namesOf(first), "Give both the same classNames.");
  }
  const total = sets.reduce((n, d) => n + d.x.length, 0);
  const bytes = sets.every((d) => !(d.x instanceof Float32Array));
  const x = bytes ? new Uint8Array(total) : new Float32Array(total);
  let at = 0;
  for (const d of sets) {
    x.set(d.x, at);
    at += d.x.length;
  }
  const y = first.y && sets.flatMap((d) => Array.from(d.y!));
  const ids = "classNames" in first;
  const labels = y && { y: ids ? Int32Array.from(y) : Float32Array.from(y) };
  const names = sets.every((d) => "names" in d && d.names !== undefined)
    ? { names: sets.flatMap((d) => (d as unknown as { names: readonly string[] }).names) }
    : { names: undefined };
  const weights = sets.some((d) => d.weights)
    ? { weights: sets.flatMap((d) => Array.from(d.weights ?? Array.from({ length: sampleCount(d) }, () => 1))) }
    : undefined;
  return { ...first, x, ...labels, ...weights, ...("names" in first && names) };
}

/**
 * Only the samples of these classes, with ids by their order here.
 *
 * @throws for a class that the data set does not name, and one without samples.
 */
export function filterClasses(data: LabelledDataset, classNames: readonly string[]): LabelledDataset {
  const ids = classNames.map((name) => {
    const id = data.classNames.indexOf(name);
    if (id < 0) throw new ThawError("filterClasses", `no class "${name}"`, `among ${data.classNames.join(", ")}`);
    if (!data.y.includes(id))
      throw new ThawError("filterClasses", `the class "${name}" has no samples`, "at least one");
    return id;
  });
  const indices = [...data.y.keys()].filter((i) => ids.includes(data.y[i]));
  const part = take(data, indices);
  return { ...part, y: part.y.map((id) => ids.indexOf(id)), classNames };
}
