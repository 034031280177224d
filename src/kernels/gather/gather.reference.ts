import { elements } from "../operation";
import { reference } from "../reference";
import { arrayWords } from "./format";
import type { GatherAttrs } from "./gather";
import type { StoreAttrs } from "./store";

/** The number that 16 bits of an f16 stand for. */
function halfValue(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? (fraction / 1024) * 2 ** -14 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The bits of a number that an f16 holds exactly, or of the largest one for what lies beyond. */
function halfBits(v: number): number {
  const size = Math.min(Math.abs(v), 65504);
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const steps = (size / 2 ** exponent) * 1024; // from 1024 on for normal numbers
  return (v < 0 ? 0x8000 : 0) + (exponent + 14) * 1024 + steps;
}

export const gatherReference = reference<GatherAttrs>("gather", ({ shape, format }, { data, index }, _shapes, step) => {
  const count = elements(shape);
  const sample = count / shape[0];
  const packed = Uint32Array.from(data!);
  const bytes = new Uint8Array(packed.buffer);
  const floats = new Float32Array(packed.buffer);
  const halves = new Uint16Array(packed.buffer);
  const at = {
    uint8: (row: number, i: number) => bytes[row * sample + i],
    float32: (row: number, i: number) => floats[row * sample + i],
    float16: (row: number, i: number) => halfValue(halves[2 * Math.ceil(sample / 2) * row + i]),
  }[format];
  const row = (i: number) => index![step.batchStart + Math.floor(i / sample)];
  return { y: Float64Array.from({ length: count }, (_, i) => at(row(i), i % sample)) };
});

/** Words are compared as the f32 whose bits they are. */
export const storeReference = reference<StoreAttrs>("store", ({ format }, { x, data }, shapes, step) => {
  const batch = shapes.x![0];
  const sample = x!.length / batch;
  const words = arrayWords(format, 1, sample);
  const packed = Uint32Array.from(data!);
  const bits = (b: number, i: number) => (i < sample ? halfBits(Math.fround(x![b * sample + i])) : 0);
  for (let b = 0; b < batch; b++) {
    for (let w = 0; w < words; w++) {
      const word =
        format === "float16"
          ? bits(b, 2 * w) + 65536 * bits(b, 2 * w + 1)
          : new Uint32Array(Float32Array.of(x![b * sample + w]).buffer)[0];
      packed[(step.batchStart + b) * words + w] = word;
    }
  }
  return { data: Float64Array.from(new Float32Array(packed.buffer)) };
});
