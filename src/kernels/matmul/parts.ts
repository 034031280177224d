/** Long sums in parts: how many, and the second pass that adds them up. */
import { ceilDiv, dispatch, foldWorkgroups, type Dispatch, type Kernel } from "../kernel";
import type { AdapterTraits, Lowering } from "../operation";
import {
  epilogueBindings,
  epilogueCost,
  epilogueOverrides,
  epilogueParams,
  epilogueSizes,
  type Epilogue,
} from "../epilogue";
import { wgsl } from "../program";

interface Parts {
  readonly count: number;
  readonly channels: number;
  readonly parts: number;
  readonly epilogue: Epilogue;
}

export const sumPartsKernel: Kernel<Parts> = {
  program: wgsl("training", "matmul_sum_parts"),
  overrides: ({ epilogue }) => epilogueOverrides(epilogue),
  params: ({ count, parts, channels, epilogue }) => ({ count, parts, channels, ...epilogueParams(epilogue) }),
  workgroups: ({ count }) => foldWorkgroups(ceilDiv(count, 64)),
  sizes: ({ count, parts, channels, epilogue }) => ({
    part: parts * count,
    y: count,
    ...epilogueSizes(epilogue, channels, count),
  }),
  cost: ({ count, parts, channels, epilogue }) => {
    const after = epilogueCost(epilogue, channels, count);
    return { flops: parts * count + after.flops, bytes: 4 * (parts + 1) * count + after.bytes };
  },
};

/** Workgroups that keep an adapter busy: a few for each core of a CPU, a few for each of a GPU's many. */
const workgroupsWanted = (adapter: AdapterTraits) => (adapter.software ? 8 : 256);

/** Shortest sum that is worth a part of its own. */
const leastSteps = (adapter: AdapterTraits) => (adapter.software ? 128 : 64);

/**
 * Into how many parts a sum of `steps` is cut when `tiles` workgroups would compute it whole; `each` is the length of a
 * part, a multiple of `multiple`, and no part is empty.
 *
 * @param share of the workgroups that are wanted by default
 */
export function partsFor(
  steps: number,
  tiles: number,
  multiple: number,
  adapter: AdapterTraits,
  stepSize = 1,
  share = 1,
): { parts: number; each: number } {
  const wanted = Math.min(
    ceilDiv(workgroupsWanted(adapter) * share, tiles),
    Math.floor((steps * stepSize) / leastSteps(adapter)),
    1024,
  );
  if (wanted <= 1) return { parts: 1, each: steps };
  const each = ceilDiv(ceilDiv(steps, wanted), multiple) * multiple;
  return { parts: ceilDiv(steps, each), each };
}

/** A launch that leaves its parts in the scratch value `parts`, and the pass that adds them up into `y`. */
export function lowerParts(
  launch: Dispatch,
  count: number,
  channels: number,
  parts: number,
  epilogue: Epilogue,
  y: string,
): Lowering {
  const add = dispatch(
    sumPartsKernel,
    { count, channels, parts, epilogue },
    { part: "parts", y, ...epilogueBindings(epilogue) },
  );
  return { dispatches: [launch, add], scratch: { parts: parts * count } };
}
