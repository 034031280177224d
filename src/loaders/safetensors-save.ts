/** Writes safetensors: 8 bytes with the header's length, the header in JSON, the numbers (huggingface/safetensors, README). */
import { ThawError } from "../errors";
import type { Container } from "../nn/model";
import type { Parameter } from "../nn/parameter";
import { maxSafetensorsHeader } from "./format";

/** Numbers begin at a multiple of so many bytes, for readers that map the file into memory. */
const alignment = 8;

/** Names and layouts are Keras's: readers that know PyTorch's alone should not take them for theirs. */
const metadata = { format: "keras", producer: "thaw" };

/**
 * The weights under their paths (`layer/kernel`, with models around it in front), in the order of these names. Kernels keep the layout of
 * Keras, e.g. [height, width, channels, filters]. Paths have to be distinct, and values up to date on the host.
 */
export function writeSafetensors(model: Container): Uint8Array {
  const parameters = model.allParameters().toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const header = headerOf(parameters);
  if (header.length > maxSafetensorsHeader)
    throw new ThawError(model.name, `needs a header of ${header.length} bytes`, `${maxSafetensorsHeader} at most`);
  const start = 8 + header.length;
  const bytes = new Uint8Array(start + parameters.reduce((sum, p) => sum + 4 * p.count, 0));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  let at = start;
  for (const { value, count } of parameters) {
    // A view of the same bits: a NaN keeps its payload.
    bytes.set(new Uint8Array(value.buffer, value.byteOffset, 4 * count), at);
    at += 4 * count;
  }
  return bytes;
}

function headerOf(parameters: readonly Parameter[]): Uint8Array {
  let begin = 0;
  const entries = parameters.map(({ path, shape, count }): [string, unknown] => {
    const end = begin + 4 * count;
    const entry = { dtype: "F32", shape, data_offsets: [begin, end] };
    begin = end;
    return [path, entry];
  });
  const json = JSON.stringify(Object.fromEntries([["__metadata__", metadata] as const, ...entries]));
  const text = new TextEncoder().encode(json);
  const padded = new Uint8Array(Math.ceil(text.length / alignment) * alignment).fill(0x20);
  padded.set(text);
  return padded;
}
