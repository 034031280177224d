/** Principal components: features in two dimensions, for plots. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { leadingEigen } from "./eigen";
import { checkFeatures, rowProducts, type Features } from "./features";

export interface PcaOptions {
  readonly gpu: Gpu;
  /** Default 2. */
  readonly components?: number;
}

export interface Pca {
  readonly width: number;
  readonly mean: Float64Array;
  /** Unit vectors, the direction of most variance first; the entry of largest magnitude of each is positive. */
  readonly components: readonly Float64Array[];
  /** Variance along each (divided by samples - 1). */
  readonly variance: Float64Array;
  /** Its share of the variance in all directions. */
  readonly explained: Float64Array;
}

/**
 * The directions of most variance. The covariance (or, of fewer samples than features, the products of samples with each
 * other) is the GPU's matrix product in f32; means and eigenvectors are found in float64.
 *
 * @throws for fewer samples than two, more components than there can be, and features that do not vary.
 */
export async function pca(features: Features, { gpu, components = 2 }: PcaOptions): Promise<Pca> {
  checkFeatures("pca", features);
  const { data, count, width } = features;
  if (count < 2) throw new ThawError("pca", `${count} sample`, "two or more");
  const most = Math.min(count - 1, width);
  if (!Number.isInteger(components) || components < 1 || components > most)
    throw new ThawError("pca", `${components} components`, `1 to ${most} for ${count} samples of ${width} numbers`);
  const mean = meanOf(features);
  const samplesFirst = count <= width;
  const [rows, columns] = samplesFirst ? [count, width] : [width, count];
  const centred = new Float32Array(data.length);
  data.forEach((v, i) => {
    const [n, d] = [Math.floor(i / width), i % width];
    centred[samplesFirst ? i : d * count + n] = v - mean[d];
  });
  const matrix = { data: centred, count: rows, width: columns };
  const gram = Float64Array.from(await rowProducts(gpu, matrix, matrix), (v) => v / (count - 1));
  let total = 0;
  for (let i = 0; i < rows; i++) total += gram[i * rows + i];
  if (!(total > 0)) throw new ThawError("pca", "all samples are the same", "features that vary");
  const { values, vectors } = leadingEigen(gram, rows, components);
  if (!(values[components - 1] > 1e-7 * values[0]))
    throw new ThawError("pca", `component ${components} has no variance`, "fewer components");
  const directions = vectors.map((v) => positive(samplesFirst ? spanned(v, centred, width) : v));
  return { width, mean, components: directions, variance: values.slice(), explained: values.map((v) => v / total) };
}

/**
 * Features in the coordinates of a basis, `[count, components]`. With one basis for both, the points of a network before and
 * after fine-tuning can be compared: `project(basis, before)` and `project(basis, after)`.
 */
export function projectFeatures(basis: Pca, features: Features): Float32Array {
  checkFeatures("projectFeatures", features);
  const { data, count, width } = features;
  if (width !== basis.width)
    throw new ThawError("projectFeatures", `features of ${width} numbers`, `${basis.width}, as the basis`);
  const k = basis.components.length;
  const result = new Float32Array(count * k);
  for (let n = 0; n < count; n++)
    for (const [c, direction] of basis.components.entries()) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += (data[n * width + d] - basis.mean[d]) * direction[d];
      result[n * k + c] = sum;
    }
  return result;
}

export interface Projection {
  readonly basis: Pca;
  /** `[count, components]` each. */
  readonly before: Float32Array;
  readonly after: Float32Array;
}

/** Two feature sets in one plane: that of the first (default), or of both together. */
export async function project(
  before: Features,
  after: Features,
  options: PcaOptions & { readonly basisFrom?: "before" | "both" },
): Promise<Projection> {
  checkFeatures("project", before);
  checkFeatures("project", after);
  if (before.width !== after.width)
    throw new ThawError("project", `features of ${before.width} and ${after.width} numbers`, "the same layer for both");
  const data = new Float32Array(before.data.length + after.data.length);
  data.set(before.data);
  data.set(after.data, before.data.length);
  const both = { data, count: before.count + after.count, width: before.width };
  const basis = await pca(options.basisFrom === "both" ? both : before, options);
  return { basis, before: projectFeatures(basis, before), after: projectFeatures(basis, after) };
}

function meanOf({ data, count, width }: Features): Float64Array {
  const mean = new Float64Array(width);
  data.forEach((v, i) => (mean[i % width] += v / count));
  return mean;
}

/** The direction in feature space that belongs to an eigenvector of the samples' products. */
function spanned(v: Float64Array, centred: Float32Array, width: number): Float64Array {
  const direction = new Float64Array(width);
  centred.forEach((x, i) => (direction[i % width] += x * v[Math.floor(i / width)]));
  const length = Math.sqrt(direction.reduce((sum, x) => sum + x * x, 0));
  return direction.map((x) => x / length);
}

function positive(v: Float64Array): Float64Array {
  const largest = v.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  return largest < 0 ? v.map((x) => -x) : v;
}
