/** Samples as vectors: what a layer makes of them, and which are alike. */
import { ThawError } from "../../errors";
import type { Gpu } from "../../gpu/device";
import { elements } from "../../kernels/operation";
import type { Container } from "../../nn/model";
import { Parameter } from "../../nn/parameter";
import type { Dataset } from "../../nn/trainer";
import { Expression } from "./expression";
import { findTap, layerTaps, readTaps, type ReadOptions } from "./taps";

/** One vector a sample, one after the other. */
export interface Features {
  readonly data: Float32Array;
  readonly count: number;
  /** Numbers of a vector. */
  readonly width: number;
}

export interface EmbedOptions extends ReadOptions {
  /** Default: the last layer before the model's output layer. */
  readonly layer?: string;
}

/** The vectors that a layer gives for all samples; where it gives images, the mean of each channel. */
export async function embed(model: Container, x: Dataset["x"], options: EmbedOptions): Promise<Features> {
  const taps = layerTaps(model);
  const tap = options.layer === undefined ? taps.at(-2) : findTap(model, options.layer, taps);
  if (!tap) throw new ThawError("embed", `${model.name} has ${taps.length} layers`, "two or more, or the name of one");
  const [{ data, shape }] = await readTaps(
    model,
    [{ tap, emit: (g, v) => (v.shape.length === 4 ? g.apply("globalAveragePool", {}, { x: v }) : v) }],
    x,
    options,
  );
  const width = elements(shape);
  return { data, count: data.length / width, width };
}

export function checkFeatures(who: string, { data, count, width }: Features): void {
  if (count < 1 || width < 1 || data.length !== count * width)
    throw new ThawError(who, `${data.length} values for ${count} vectors of ${width}`, `${count * width}`);
  const bad = data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw new ThawError(who, `vector ${Math.floor(bad / width)} holds ${data[bad]}`, "finite numbers");
}

/** Products of every row of `a` with every row of `b`, on the GPU: `[a.count, b.count]`. */
export async function rowProducts(gpu: Gpu, a: Features, b: Features): Promise<Float32Array> {
  const rows = new Parameter(
    "rows",
    [b.count, b.width],
    "weight",
    () => b.data,
    () => false,
  );
  const expression = new Expression({
    name: "products",
    inputShape: [a.width],
    parameters: [rows],
    emit: (g, x) => g.apply("matmul", { transposeW: true }, { x, w: g.parameter(rows) }),
  });
  try {
    await expression.compile({ gpu });
    return await expression.predict(a.data, { batchSize: Math.min(a.count, 256) });
  } finally {
    expression.dispose();
  }
}

export interface NeighboursOptions {
  readonly gpu: Gpu;
  /** Default 5. */
  readonly k?: number;
  /** "cosine" (default): 1 - cos of the angle; "euclidean": length of the difference. */
  readonly metric?: "cosine" | "euclidean";
}

export interface Neighbours {
  /** Numbers of the nearest vectors, nearest first; of equal ones the first. */
  readonly indices: readonly number[];
  readonly distances: readonly number[];
}

/**
 * The `k` nearest of `features` for each query. Products are the GPU's, in f32: distances below a thousandth of the vectors'
 * lengths are not exact. A vector of zeros has the cosine distance 1 to all.
 *
 * @throws for another width, and for more neighbours than there are vectors.
 */
export async function nearestNeighbours(
  features: Features,
  query: Features,
  { gpu, k = 5, metric = "cosine" }: NeighboursOptions,
): Promise<Neighbours[]> {
  const who = "nearestNeighbours";
  checkFeatures(who, features);
  checkFeatures(who, query);
  if (query.width !== features.width)
    throw new ThawError(who, `queries of ${query.width} numbers`, `${features.width}, as the features`);
  if (!Number.isInteger(k) || k < 1 || k > features.count)
    throw new ThawError(who, `k ${k}`, `1 to ${features.count} (the number of vectors)`);
  if (metric !== "cosine" && metric !== "euclidean")
    throw new ThawError(who, `metric "${String(metric)}"`, '"cosine" or "euclidean"');
  const [a, b] = metric === "cosine" ? [unit(query), unit(features)] : [query, features];
  const products = await rowProducts(gpu, a, b);
  const [ofQuery, ofFeature] = [squares(a), squares(b)];
  return Array.from({ length: query.count }, (_, q) => {
    const distance = Float64Array.from({ length: features.count }, (__, i) => {
      const p = products[q * features.count + i];
      return metric === "cosine" ? 1 - p : Math.sqrt(Math.max(0, ofQuery[q] + ofFeature[i] - 2 * p));
    });
    const indices = Array.from(distance.keys())
      .toSorted((i, j) => distance[i] - distance[j] || i - j)
      .slice(0, k);
    return { indices, distances: indices.map((i) => distance[i]) };
  });
}

function squares({ data, count, width }: Features): Float64Array {
  const sums = new Float64Array(count);
  data.forEach((v, i) => (sums[Math.floor(i / width)] += v * v));
  return sums;
}

function unit(features: Features): Features {
  const lengths = squares(features).map(Math.sqrt);
  return { ...features, data: features.data.map((v, i) => v / (lengths[Math.floor(i / features.width)] || 1)) };
}
