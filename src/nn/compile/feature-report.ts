/** What a plan says of its feature cache: as numbers for the trainer, and in a sentence for its reader. */
import { elements, type Shape } from "../../kernels/operation";
import type { Parameter } from "../parameter";
import { featureWords, type FeatureCut, type FeatureFormat } from "./cut-features";
import { alignToBlock } from "./plan-memory";
import { formatBytes } from "./plan-text";

export interface FeatureReport {
  readonly cached: boolean;
  /** e.g. "everything up to pool is frozen; 41 of 53 dispatches run once for the data set instead of each step". */
  readonly reason: string;
  /** Where cached. */
  readonly cache?: FeatureArrays;
}

export interface FeatureArrays {
  readonly format: FeatureFormat;
  /** Samples. */
  readonly count: number;
  /** The values of the cut. */
  readonly arrays: readonly { readonly layer: string; readonly shape: Shape; readonly bytes: number }[];
  /** What they were computed from: the cache is good as long as these do not change. */
  readonly parameters: readonly Parameter[];
}

export function featureArrays(cut: FeatureCut, format: FeatureFormat, count: number): FeatureArrays {
  return {
    format,
    count,
    arrays: cut.values.map((v) => ({
      layer: v.layer,
      shape: v.shape.slice(1),
      bytes: alignToBlock(4 * featureWords(v, format, count)),
    })),
    parameters: cut.parameters,
  };
}

export const featureBytes = ({ arrays }: FeatureArrays): number => arrays.reduce((sum, a) => sum + a.bytes, 0);

/** @param once dispatches below the cut. @param each dispatches of a step above it. */
export function featureReport(cut: FeatureCut, arrays: FeatureArrays, once: number, each: number): FeatureReport {
  const { format, count } = arrays;
  const values = arrays.arrays.map((a) => `${a.layer} [${a.shape.join(", ")}]`).join(" and ");
  const sample = cut.values.reduce((sum, v) => sum + elements(v.shape.slice(1)), 0);
  const reason =
    `everything up to ${arrays.arrays.map((a) => a.layer).join(" and ")} is frozen, and ${cut.limit}; ` +
    `${once} of ${once + each} dispatches run once for the data set instead of each step; ` +
    `kept: ${values}, ${sample} numbers a sample as ${format}, ${formatBytes(featureBytes(arrays))} for ${count} samples`;
  return { cached: true, reason, cache: arrays };
}
