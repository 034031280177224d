/** Which variant of the product an adapter gets; 1x1 convolutions ask here too. */
import type { AdapterTraits } from "../operation";
import type { Gemm } from "./gemm";
import { inVectors } from "./vec4";

/**
 * Behind a software adapter the quads win, because loads cost most there; a GPU's lanes would stand idle in workgroups of
 * four.
 */
export function selectProduct(p: Gemm, adapter: AdapterTraits): "plain" | "vec4" | "quadsVec4" | "registers" {
  if (preferQuads(adapter)) return inVectors(p) ? "quadsVec4" : "registers";
  return inVectors(p) ? "vec4" : "plain";
}

/** Where programs for quads pay: their lanes hand values to each other, and the workgroup is one quad. */
export const preferQuads = (adapter: AdapterTraits): boolean =>
  adapter.software && adapter.features.includes("subgroups");
