/** Tensors of weight files, whatever the format. */
import type { Shape } from "../kernels/operation";

/** A tensor as it stands in a file, brought to float32. */
export interface StoredTensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Named tensors of a file. Shapes are known before numbers are read, so that nothing of a wrong shape is. */
export interface TensorFile {
  /** Names of all tensors, e.g. `layers/conv2d/vars/0`. */
  readonly paths: readonly string[];
  shape(path: string): Shape | undefined;
  /** @throws for a type that cannot be brought to float32. */
  get(path: string): StoredTensor | undefined;
}

/** bfloat16 is the upper half of a float32. */
export function fromBfloat16(bytes: Uint8Array): Float32Array {
  const words = new Uint32Array(bytes.length >> 1);
  for (let i = 0; i < words.length; i++) words[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24);
  return new Float32Array(words.buffer);
}

/** IEEE 754 binary16, little endian: 1 bit sign, 5 exponent, 10 fraction. */
export function fromFloat16(bytes: Uint8Array): Float32Array {
  const result = new Float32Array(bytes.length >> 1);
  for (let i = 0; i < result.length; i++) {
    const half = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const size =
      exponent === 31
        ? fraction
          ? Number.NaN
          : Infinity
        : exponent === 0
          ? fraction * 2 ** -24
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    result[i] = half & 0x8000 ? -size : size;
  }
  return result;
}

const lengths = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
} as const;
export type NumberType = keyof typeof lengths;

export const isNumberType = (type: string): type is NumberType => Object.hasOwn(lengths, type);
export const bytesOf = (type: NumberType): number => lengths[type];

/** Numbers of a file where they lie; undefined where they do not begin at a multiple of four bytes, as views must. */
export function float32View({ buffer, byteOffset, length }: Uint8Array): Float32Array | undefined {
  return byteOffset % 4 === 0 ? new Float32Array(buffer, byteOffset, length / 4) : undefined;
}

/** The bytes a few places further to the front, so that they begin at a multiple of `unit`: what stood there is overwritten. */
export function moveToAlignment(bytes: Uint8Array, unit: 4 | 8): Uint8Array {
  const shift = bytes.byteOffset % unit;
  if (shift === 0) return bytes;
  const moved = new Uint8Array(bytes.buffer, bytes.byteOffset - shift, bytes.length);
  moved.set(bytes);
  return moved;
}

/** Little-endian numbers as float32. */
export function toFloat32(type: NumberType, bytes: Uint8Array): Float32Array {
  if (type === "float16") return fromFloat16(bytes);
  if (type === "bfloat16") return fromBfloat16(bytes);
  const count = bytes.length / lengths[type];
  // Copied unless they are alone in their buffer: views of more than one byte want an aligned start.
  const { buffer } = bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
  switch (type) {
    case "float32":
      return new Float32Array(buffer, 0, count);
    case "float64":
      return Float32Array.from(new Float64Array(buffer, 0, count));
    case "int8":
      return Float32Array.from(new Int8Array(buffer, 0, count));
    case "int16":
      return Float32Array.from(new Int16Array(buffer, 0, count));
    case "uint16":
      return Float32Array.from(new Uint16Array(buffer, 0, count));
    case "int32":
      return Float32Array.from(new Int32Array(buffer, 0, count));
    case "uint32":
      return Float32Array.from(new Uint32Array(buffer, 0, count));
    case "int64":
      return Float32Array.from({ length: count }, (_, i) => Number(new BigInt64Array(buffer, 0, count)[i]));
    case "uint64":
      return Float32Array.from({ length: count }, (_, i) => Number(new BigUint64Array(buffer, 0, count)[i]));
    default:
      return Float32Array.from(bytes);
  }
}
