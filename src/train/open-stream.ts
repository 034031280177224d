/** What is streamed, checked: samples from outside, or a data set in memory that is larger than the GPU's budget. */
import { formatShape, ThawError } from "../errors";
import { elements, type Shape } from "../kernels/operation";
import { formatBytes } from "../nn/compile/plan-text";
import type { Dataset, StreamedDataset } from "../nn/trainer";
import { checkDataset, checkLabels, type CheckedDataset, type SampleStream } from "./dataset";
import type { ModelTrainer } from "./model-trainer";

type LabelRule = ReturnType<ModelTrainer["labelsFor"]>;

/** What is known of a stream besides what it says: kept as long as the stream. */
interface Known {
  readonly key: string;
  y?: Float32Array;
}

const knownStreams = new WeakMap<StreamedDataset, Known>();
let streams = 0;

/** @throws as `checkDataset` does, for a budget that is no number above 0, and for streams that contradict the model. */
export function openStream(
  trainer: ModelTrainer,
  name: string,
  data: Dataset | StreamedDataset,
  budget: number,
): CheckedDataset {
  if (!(budget > 0)) throw new ThawError(name, `dataBudget ${budget}`, "bytes, a number above 0");
  if ("read" in data) return checkStream(name, data, trainer.model.inputShape, trainer.labelsFor(name), budget);
  const checked = trainer.check(name, data);
  const { x, y, sample, label } = checked;
  const size = formatBytes(x.byteLength);
  const stream: SampleStream = {
    key: undefined,
    text: `${name}: ${size} of samples, more than the ${formatBytes(budget)} that the GPU keeps (dataBudget)`,
    budget,
    read: (indices) => Promise.resolve({ x: pick(x, indices, sample), y: y && pick(y, indices, label) }),
    remember: () => {},
  };
  return { ...checked, stream };
}

/** @param labels undefined where none are needed */
export function checkStream(
  name: string,
  source: StreamedDataset,
  sampleShape: Shape,
  labels: LabelRule | undefined,
  budget: number,
): CheckedDataset {
  const { count, shape, format = "uint8", weights } = source;
  if (!Number.isInteger(count) || count < 1) throw new ThawError(name, `${count} samples`, "a whole number from 1");
  if (formatShape(shape) !== formatShape(sampleShape))
    throw new ThawError(
      name,
      `samples of shape ${formatShape(shape)}`,
      formatShape(sampleShape),
      "Read them in this size, or build the model for it.",
    );
  if (!["uint8", "float32"].includes(format)) throw new ThawError(name, `format ${format}`, '"uint8" or "float32"');
  if (weights && weights.length !== count)
    throw new ThawError("weights", `${weights.length} for ${count} samples`, "one a sample");
  let known = knownStreams.get(source);
  if (!known) knownStreams.set(source, (known = { key: `stream ${++streams}` }));
  const all = labels && (source.y ? checkLabels(name, source.y, count, ...labels) : known.y);
  const label = labels ? elements(labels[0]) : 0;
  const bytes = format === "uint8";

  const readOnce = async (indices: Uint32Array<ArrayBuffer>, signal: AbortSignal) => {
    const { x, y } = await source.read(indices.slice(), signal);
    if (x instanceof Float32Array === bytes)
      throw new ThawError("read", x instanceof Float32Array ? "numbers" : "bytes", `${format}, as the stream's format`);
    const wanted = indices.length * elements(shape);
    if (x.length !== wanted)
      throw new ThawError(
        "read",
        `${x.length} values for ${indices.length} samples`,
        `${wanted} (${formatShape(shape)} a sample)`,
      );
    const own = all && pick(all, indices, label);
    const read = { x, shape, ...((own ?? y) && { y: own ?? y! }) };
    return labels ? checkDataset("read", read, sampleShape, ...labels) : checkDataset("read", read, sampleShape);
  };
  const read: SampleStream["read"] = async (indices, signal) => {
    try {
      return await readOnce(indices, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const first = await firstThatFails(indices, (one) => readOnce(one, signal), error);
      throw new ThawError(
        name,
        `${first.what} could not be read (${messageOf(first.error)})`,
        "samples that can be read",
      );
    }
  };
  const remember = (y: Float32Array) => {
    known.y = y;
  };
  const text = `${name}: read from a stream of ${count} samples`;
  const stream: SampleStream = { key: known.key, text, budget, read, remember };
  return {
    count,
    sample: elements(shape),
    bytes,
    x: bytes ? new Uint8Array(0) : new Float32Array(0),
    y: all,
    label,
    weights,
    stream,
  };
}

/** Which sample of a window it is: read again one by one, because readers seldom say. */
async function firstThatFails(
  indices: Uint32Array<ArrayBuffer>,
  readOne: (indices: Uint32Array<ArrayBuffer>) => Promise<unknown>,
  error: unknown,
): Promise<{ what: string; error: unknown }> {
  for (const index of new Set(indices)) {
    try {
      await readOne(Uint32Array.of(index));
    } catch (own) {
      return { what: `sample ${index}`, error: own };
    }
  }
  return {
    what: `samples ${Array.from(indices.subarray(0, 8)).join(", ")}${indices.length > 8 ? ", ..." : ""} together`,
    error,
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Rows of an array at these indices, copied. */
export function pick<A extends Uint8Array | Float32Array>(rows: A, indices: Uint32Array, width: number): A {
  const picked = rows.slice(0, 0).constructor as new (length: number) => A;
  const result = new picked(indices.length * width);
  indices.forEach((from, to) => result.set(rows.subarray(from * width, (from + 1) * width), to * width));
  return result;
}
