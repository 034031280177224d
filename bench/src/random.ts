/** Numbers that are the same in every run. */

/** Uniform in [0, 1): a linear congruential generator, good enough for data to compute with. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

/** One value of the standard normal distribution, by Box and Muller. */
export const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** @returns values in [-1, 1). */
export function uniform(length: number, seed: number): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length }, () => 2 * random() - 1);
}

/** The largest difference over the largest expected value; NaN counts as infinitely wrong. */
export function relativeError(received: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (received.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(received[i] - expected[i]);
    if (Number.isNaN(d)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, d);
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return difference === 0 ? 0 : difference / scale;
}
