/** Leading eigenvectors of a symmetric matrix, in float64. */
import { ThawError } from "../../errors";
import { randomSource } from "../../nn/parameter";

export interface Eigen {
  /** Largest first. */
  readonly values: Float64Array;
  /** Of unit length, one for each value. */
  readonly vectors: readonly Float64Array[];
}

const dot = (a: Float64Array, b: Float64Array) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};

/** All of them, by Jacobi's rotations (Golub and Van Loan, Matrix Computations, 8.5); for matrices up to a hundred. */
export function jacobi(matrix: Float64Array, n: number): Eigen {
  const a = matrix.slice();
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const total = Math.sqrt(dot(a, a));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p * n + q] ** 2;
    if (Math.sqrt(off) <= 1e-15 * total) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i).toSorted((i, j) => a[j * n + j] - a[i * n + i]);
  return {
    values: Float64Array.from(order, (i) => a[i * n + i]),
    vectors: order.map((i) => Float64Array.from({ length: n }, (_, row) => v[row * n + i])),
  };
}

/** Makes a[p, q] zero by turning axes p and q. */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q];
  if (apq === 0) return;
  const tau = (a[q * n + q] - a[p * n + p]) / (2 * apq);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.hypot(1, tau));
  const c = 1 / Math.hypot(1, t);
  const s = t * c;
  const turn = (m: Float64Array, i: number, j: number) => {
    const [x, y] = [m[i], m[j]];
    m[i] = c * x - s * y;
    m[j] = s * x + c * y;
  };
  for (let k = 0; k < n; k++) turn(a, k * n + p, k * n + q);
  for (let k = 0; k < n; k++) turn(a, p * n + k, q * n + k);
  for (let k = 0; k < n; k++) turn(v, k * n + p, k * n + q);
}

/**
 * The `k` largest: Jacobi for small matrices, else subspace iteration with a Rayleigh-Ritz step on ten vectors more than
 * wanted, so that close eigenvalues do not hold it up. For matrices without large negative eigenvalues, as Gram matrices are.
 *
 * @throws when it does not settle.
 */
export function leadingEigen(matrix: Float64Array, n: number, k: number): Eigen {
  if (n <= 64 || k + 10 >= n) {
    const { values, vectors } = jacobi(matrix, n);
    return { values: values.subarray(0, k), vectors: vectors.slice(0, k) };
  }
  const width = k + 10;
  const random = randomSource(1);
  let basis = orthonormal(Array.from({ length: width }, () => Float64Array.from({ length: n }, () => random() - 0.5)));
  for (let round = 0; round < 500; round++) {
    const images = basis.map((q) =>
      Float64Array.from({ length: n }, (_, i) => dot(matrix.subarray(i * n, i * n + n), q)),
    );
    const small = new Float64Array(width * width);
    for (let i = 0; i < width; i++)
      for (let j = 0; j <= i; j++)
        small[i * width + j] = small[j * width + i] = (dot(basis[i], images[j]) + dot(basis[j], images[i])) / 2;
    const ritz = jacobi(small, width);
    const combine = (from: readonly Float64Array[], by: Float64Array) =>
      from.reduce((sum, q, i) => sum.map((v, r) => v + by[i] * q[r]), new Float64Array(n));
    const vectors = ritz.vectors.slice(0, k).map((by) => combine(basis, by));
    const rest = ritz.vectors
      .slice(0, k)
      .map((by, i) => combine(images, by).map((v, r) => v - ritz.values[i] * vectors[i][r]));
    // The matrix itself comes from f32 products.
    if (rest.every((r) => Math.sqrt(dot(r, r)) <= 1e-8 * Math.abs(ritz.values[0])))
      return { values: ritz.values.subarray(0, k), vectors };
    basis = orthonormal(images);
  }
  throw new ThawError(
    "pca",
    `the ${k} largest eigenvalues are not apart from the next ten`,
    "data of a lower dimension",
  );
}

/** Gram and Schmidt, twice for the digits; a vector that depends on the others is replaced by a unit vector. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const [i, start] of vectors.entries()) {
    let v = start.slice();
    for (let axis = i; ; axis++) {
      const before = Math.sqrt(dot(v, v));
      for (let pass = 0; pass < 2; pass++)
        for (const q of basis) {
          const along = dot(q, v);
          v = v.map((x, r) => x - along * q[r]);
        }
      const length = Math.sqrt(dot(v, v));
      if (length > 1e-12 * before && length > 0) {
        basis.push(v.map((x) => x / length));
        break;
      }
      v = new Float64Array(v.length);
      v[axis % v.length] = 1;
    }
  }
  return basis;
}
