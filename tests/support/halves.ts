/** f16 on the host, for inputs and results that hold it. */
import { roundToHalf } from "../../src/kernels/half/toHalf.reference";

/** Bits of a value that f16 holds exactly. */
function bitsOf(v: number): number {
  const sign = v < 0 || Object.is(v, -0) ? 0x8000 : 0;
  const size = Math.abs(v);
  if (size === 0) return sign;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const fraction = size / 2 ** (exponent - 10); // 1024 and more, below that without the leading one
  return sign + (fraction < 1024 ? fraction : (exponent + 15) * 1024 + fraction - 1024);
}

function valueOf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 31
      ? fraction
        ? Number.NaN
        : Infinity
      : exponent === 0
        ? fraction * 2 ** -24
        : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/** Two to a word, the first in the low half; an odd last one has zero for a partner. */
export function packHalves(values: ArrayLike<number>): Uint32Array {
  const words = new Uint32Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) words[i >> 1] |= bitsOf(roundToHalf(values[i])) << (16 * (i & 1));
  return words;
}

export function unpackHalves(words: Uint32Array, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => valueOf((words[i >> 1] >>> (16 * (i & 1))) & 0xffff));
}
