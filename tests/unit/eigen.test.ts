/** Leading eigenvectors: of a matrix made from known ones. */
import { describe, expect, it } from "vitest";
import { jacobi, leadingEigen } from "../../src/transfer/inside/eigen";
import { normal, uniform } from "../support/random";

/** H diag(values) H with the reflection H = 1 - 2 u u^T: its columns are the eigenvectors. */
function known(values: readonly number[]) {
  const n = values.length;
  const random = uniform(3);
  const raw = Array.from({ length: n }, () => normal(random));
  const length = Math.hypot(...raw);
  const h = (i: number, j: number) => Number(i === j) - (2 * raw[i] * raw[j]) / length ** 2;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) matrix[i * n + j] += h(i, k) * values[k] * h(j, k);
  return { matrix, column: (k: number) => Array.from({ length: n }, (_, i) => h(i, k)) };
}

describe("eigenvectors", () => {
  for (const [n, find] of [
    [7, jacobi],
    [90, (m: Float64Array, size: number) => leadingEigen(m, size, 2)],
  ] as const)
    it(`of ${n} rows are found`, () => {
      const values = Array.from({ length: n }, (_, i) => n / (i + 1));
      const { matrix, column } = known(values);
      const found = find(matrix, n);
      for (const k of [0, 1]) {
        expect(found.values[k]).toBeCloseTo(values[k], 9);
        const along = column(k).reduce((sum, v, i) => sum + v * found.vectors[k][i], 0);
        expect(Math.abs(along)).toBeCloseTo(1, 9);
      }
    });
});
