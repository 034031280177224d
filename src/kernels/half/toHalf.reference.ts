import { reference } from "../reference";

/** What f16 can hold of a number: 11 bits from 2^-14 to 65504, steps of 2^-24 below, nothing above. */
export function roundToHalf(v: number): number {
  const size = Math.min(Math.abs(v), 65504);
  if (size === 0 || Number.isNaN(v)) return v;
  const step = 2 ** (Math.max(Math.floor(Math.log2(size)), -14) - 10);
  const whole = size / step;
  // To the nearest, and to an even one where two are as near.
  const low = Math.floor(whole);
  const up = whole - low > 0.5 || (whole - low === 0.5 && low % 2 === 1);
  return Math.sign(v) * Math.min((low + Number(up)) * step, 65504);
}

export const toHalf = reference("toHalf", (_, { x }) => ({ y: x!.map(roundToHalf) }));
