/** What Python wrote beside a model: STEM.json describes, STEM.bin holds float32 tensors one after the other. */
import fs from "node:fs";
import type { Place } from "../../support/fixtures";

export interface Golden<T> {
  readonly json: T;
  readonly tensor: (place: Place) => Float32Array;
}

export function readGoldenFile<T>(stem: string): Golden<T> {
  const json = JSON.parse(fs.readFileSync(`${stem}.json`, "utf8")) as T;
  const bytes = fs.readFileSync(`${stem}.bin`);
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return { json, tensor: ({ shape, offset }) => floats.subarray(offset, offset + sizeOf(shape)) };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
