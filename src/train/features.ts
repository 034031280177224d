/**
 * The feature cache of a model: decides whether what lies below the cut is computed once, and keeps the arrays on the
 * GPU from one call of fit to the next (`fill-features.ts` fills them).
 */
import { ThawError } from "../errors";
import type { FeatureFormat, FeatureRequest } from "../nn/compile/cut-features";
import { featureArrays, featureBytes, type FeatureArrays } from "../nn/compile/feature-report";
import { featureResource } from "../nn/compile/cut-features";
import type { Plan } from "../nn/compile/plan";
import { formatBytes } from "../nn/compile/plan-text";
import type { Mode, Preparation } from "../nn/compile/trace";
import type { FitOptions } from "../nn/trainer";
import { checksum } from "./checksum";
import type { CheckedDataset } from "./dataset";
import type { ModelTrainer } from "./model-trainer";

/** Bytes that "auto" spends on the features of one data set. */
export const autoBudget = 256 * 1024 ** 2;

const usage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

/** A pass over a data set that might read cached features. */
export interface FeatureUse {
  /** One cache each: a model keeps at most two. */
  readonly slot: "training" | "validation";
  readonly mode: Mode;
  readonly data: CheckedDataset;
  readonly batchSize: number;
  readonly cacheFeatures: NonNullable<FitOptions["cacheFeatures"]>;
  readonly epochs: number;
  readonly preparation?: Preparation | undefined;
}

/** Arrays over a data set, full once `complete`. */
export interface Features {
  readonly key: string;
  /** What fills them. */
  readonly plan: Plan;
  readonly buffers: ReadonlyMap<string, GPUBuffer>;
  complete: boolean;
}

export class FeatureCache {
  readonly #trainer: ModelTrainer;
  readonly #kept = new Map<FeatureUse["slot"], Features>();

  constructor(trainer: ModelTrainer) {
    this.#trainer = trainer;
  }

  /**
   * Whether a pass reads cached features, and why not. Nothing is allocated.
   *
   * @throws when they were asked for (not "auto") and cannot be cached.
   */
  decide(use: FeatureUse): FeatureRequest {
    const { cacheFeatures, mode, data, epochs } = use;
    if (cacheFeatures === false) return { part: "none", reason: "cacheFeatures is false" };
    const asked = cacheFeatures !== "auto";
    const refuse = (reason: string, expected: string, remedy: string): FeatureRequest => {
      // What cannot be cached for validation runs as it always did: training is what was asked for.
      if (asked && mode === "train")
        throw new ThawError("fit", `features cannot be cached: ${reason}`, expected, remedy);
      return { part: "none", reason };
    };
    const cut = this.#trainer.plans.featureCut(use);
    if ("reason" in cut)
      return refuse(cut.reason, "frozen layers with nothing trainable or random below", "Leave cacheFeatures out.");
    const format: FeatureFormat = cacheFeatures === "float16" ? "float16" : "float32";
    const arrays = featureArrays(cut, format, data.count);
    const tooLarge = this.#tooLarge(arrays);
    if (tooLarge) return refuse(tooLarge, "arrays that fit", "Freeze up to a smaller output, or use fewer samples.");
    const request: FeatureRequest = { part: "above", format, count: data.count };
    if (asked) return request;
    const bytes = featureBytes(arrays);
    if (bytes > autoBudget) {
      const reason = `the features take ${formatBytes(bytes)}, more than the ${formatBytes(autoBudget)} that "auto" spends`;
      return { part: "none", reason };
    }
    if (epochs < 2 && !this.#isKept(use, request))
      return { part: "none", reason: "in a single epoch each sample is needed once" };
    return request;
  }

  #tooLarge({ arrays }: FeatureArrays): string | undefined {
    const limit = this.#trainer.gpu.memory.largest;
    const large = arrays.find((a) => a.bytes > limit);
    return (
      large &&
      `${large.layer} takes ${formatBytes(large.bytes)} for all samples, and a buffer of this device holds ${formatBytes(limit)}`
    );
  }

  #isKept(use: FeatureUse, request: FeatureRequest): boolean {
    const kept = this.#kept.get(use.slot);
    return kept !== undefined && kept.key === this.#keyOf(this.#planBelow(use, request), use.data);
  }

  #planBelow({ mode, batchSize, preparation }: FeatureUse, request: FeatureRequest): Plan {
    if (request.part === "none") throw new Error("features: no plan without a cut");
    return this.#trainer.planFor({ mode, batchSize, preparation, features: { ...request, part: "below" } });
  }

  /** Everything that the features depend on: how they are computed, from which weights, and the samples themselves. */
  #keyOf(plan: Plan, data: CheckedDataset): string {
    const { state } = this.#trainer;
    const steps = plan.steps.map((s) => [s.kernel, s.dispatch.problem, s.bindings]);
    const versions = plan.fields.features!.cache!.parameters.map((p) => state.versionOf(p));
    return JSON.stringify([data.count, data.bytes, data.stream?.key ?? checksum(data.x), versions, steps]);
  }

  /** The arrays for a pass: those of an earlier call where they are still good, else new ones in place of the old. */
  acquire(use: FeatureUse, request: FeatureRequest): Features | undefined {
    if (request.part === "none") {
      this.release(use.slot);
      return undefined;
    }
    const plan = this.#planBelow(use, request);
    const key = this.#keyOf(plan, use.data);
    const kept = this.#kept.get(use.slot);
    if (kept?.key === key) return kept;
    this.release(use.slot);
    const { memory } = this.#trainer.gpu;
    const buffers = new Map<string, GPUBuffer>();
    const features: Features = { key, plan, buffers, complete: false };
    this.#kept.set(use.slot, features);
    plan.fields.features!.cache!.arrays.forEach(({ layer, bytes }, i) =>
      buffers.set(featureResource(i), memory.create(`features of ${layer}`, bytes, usage)),
    );
    return features;
  }

  release(slot: FeatureUse["slot"]): void {
    for (const buffer of this.#kept.get(slot)?.buffers.values() ?? []) this.#trainer.gpu.memory.destroy(buffer);
    this.#kept.delete(slot);
  }

  /** Frees arrays that were never filled, because training was aborted or failed. */
  releaseIncomplete(): void {
    for (const [slot, features] of this.#kept) if (!features.complete) this.release(slot);
  }

  dispose(): void {
    for (const slot of this.#kept.keys()) this.release(slot);
  }
}
