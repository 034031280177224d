/** Goldens that tools/ wrote: JSON with the places of tensors, and their float32 values. */
import { readBytes, readJson } from "../setup/files";

export interface Place {
  readonly shape: readonly number[];
  readonly offset: number; // floats
}

export interface Golden<T> {
  readonly json: T;
  tensor(place: Place): Float32Array;
}

export async function readGolden<T>(name: string): Promise<Golden<T>> {
  const [json, bytes] = await Promise.all([
    readJson(`tests/fixtures/${name}.json`),
    readBytes(`tests/fixtures/${name}.bin`),
  ]);
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return {
    json: json as T,
    tensor: ({ shape, offset }) => floats.subarray(offset, offset + shape.reduce((a, b) => a * b, 1)),
  };
}
