/** Which variant of a convolution an adapter gets. */
import type { AdapterTraits } from "../operation";
import { noEpilogue, type Epilogue } from "../epilogue";
import type { Gemm } from "../matmul/gemm";
import { fillsTiles, preferQuads, selectProduct } from "../matmul/select";
import { filterGradientProduct, inFours, inputGradientProduct, isProduct, type Convolution } from "./problem";
import { prefersWinograd } from "./winograd";

/** @param product the convolution as a product in the direction that is asked for. */
export function selectConvolution(
  p: Convolution,
  product: (p: Convolution, epilogue: Epilogue) => Gemm,
  adapter: AdapterTraits,
): string {
  if (isProduct(p)) return selectProduct(product(p, noEpilogue), adapter);
  if (preferQuads(adapter)) {
    if (product !== filterGradientProduct && prefersWinograd(p)) return "winograd";
    return inFours(p) ? "quadsVec4" : "registers";
  }
  // Of the result, within one group.
  const columns = product === inputGradientProduct ? p.depth : p.filtersEach;
  if (adapter.software && !fillsTiles(columns)) return "plain";
  return inFours(p) ? "tilesVec4" : "tiles";
}
