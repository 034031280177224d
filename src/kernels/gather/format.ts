/** How the numbers of a resident array lie in its 4-byte words. */

/**
 * "float32": one a word. "uint8": four a word, samples back to back. "float16": two a word, each sample beginning with a
 * word (so that batches never share one).
 */
export type ArrayFormat = "float32" | "uint8" | "float16";

/** FORMAT in the programs. */
export const formatNumber: Readonly<Record<ArrayFormat, number>> = { float32: 0, uint8: 1, float16: 2 };

/** Words of an array of `count` samples with `sample` elements each. */
export function arrayWords(format: ArrayFormat, count: number, sample: number): number {
  if (format === "uint8") return Math.ceil((count * sample) / 4);
  return count * (format === "float16" ? Math.ceil(sample / 2) : sample);
}
