/** Which variant of the product an adapter gets; 1x1 convolutions ask here too. */
import type { AdapterTraits, Unlikely } from "../operation";
import type { Gemm } from "./gemm";
import { inVectors } from "./vec4";

/**
 * GPUs share what they load through workgroup memory. Behind a software adapter barriers are dear and loads cost most:
 * there quads hand values to each other, where they can (a GPU's lanes would stand idle in workgroups of four). Where they
 * cannot, registers without sharing do it where rows are vectors, and tiles are still several times faster than `plain`.
 */
export function selectProduct(p: Gemm, adapter: AdapterTraits): string {
  if (!adapter.software) return inVectors(p) ? "tilesVec4" : "tiles";
  if (preferQuads(adapter)) return inVectors(p) ? "quadsVec4" : "registers";
  if (inVectors(p)) return "vec4";
  return fillsTiles(p.n) ? "tiles" : "plain";
}

/** Whether enough of a tile's 32 or 64 columns are used that sharing loads outweighs computing the rest for nothing. */
export const fillsTiles = (columns: number): boolean => columns >= 8;

/** Where programs for quads pay: their lanes hand values to each other, and the workgroup is one quad. */
export const preferQuads = (adapter: AdapterTraits): boolean =>
  adapter.software && adapter.features.includes("subgroups");

/** Sums of a product that tiles of 32 by 16 would compute mostly outside y, such as the head of a classifier and its gradient. */
const isNarrow = (p: Gemm): boolean => p.batch === 1 && Math.min(p.m, p.n) <= 8 && p.m * p.n * p.k <= 2 ** 20;

/** The same for `matmul` itself, which has a variant for narrow products behind a software adapter. */
export const selectMatmul = (p: Gemm, adapter: AdapterTraits): string =>
  adapter.software && isNarrow(p) ? "narrow" : selectProduct(p, adapter);

/** What an autotuner leaves out, of the variants of products and convolutions. */
export const unlikelyProducts: Readonly<Record<string, Unlikely>> = {
  narrow: { on: "gpu" },
  tiles: { on: "software", behind: "tilesVec4" },
  tilesVec4: { on: "software" },
  quadsVec4: { on: "gpu" },
  registers: { on: "gpu", behind: "quadsVec4" },
};
