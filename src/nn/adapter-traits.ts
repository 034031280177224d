/** A device in the terms of `select`. */
import type { Gpu } from "../gpu/device";
import type { AdapterTraits } from "../kernels/operation";

/** What plans are made for: the adapter's kind and limits, the variant that is forced there, and what was tuned. */
export function adapterTraits({ device, adapter, forceVariant, tuning }: Gpu): AdapterTraits {
  const { limits } = device;
  return {
    software: adapter.software,
    features: adapter.features as AdapterTraits["features"],
    maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    ...(forceVariant && { forceVariant }),
    ...(tuning.size > 0 && { tuned: tuning.table }),
  };
}
