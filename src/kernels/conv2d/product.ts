/** Convolutions that are products of matrices, by the product's own variants, and which variant an adapter gets. */
import { VariantUnfit, type AdapterTraits, type Lowering } from "../operation";
import { noEpilogue, type Epilogue } from "../epilogue";
import type { Gemm, GemmNames } from "../matmul/gemm";
import { fillsTiles, preferQuads, selectProduct } from "../matmul/select";
import { lowerVec4 } from "../matmul/vec4";
import {
  filterGradientProduct,
  forwardProduct,
  inFours,
  inputGradientProduct,
  isProduct,
  type Convolution,
} from "./problem";

type LowerProduct = (p: Gemm, names: GemmNames, adapter: AdapterTraits) => Lowering;

/** The three directions of a convolution that one variant of the product computes. */
export interface ProductVariant {
  readonly forward: (p: Convolution, epilogue: Epilogue, adapter: AdapterTraits) => Lowering;
  readonly inputGradient: (p: Convolution, residual: boolean, adapter: AdapterTraits) => Lowering;
  readonly filterGradient: (p: Convolution, adapter: AdapterTraits) => Lowering;
}

function productVariant(lowerProduct: LowerProduct): ProductVariant {
  const lower = (p: Convolution, product: Gemm, names: GemmNames, adapter: AdapterTraits) => {
    if (!isProduct(p)) throw new VariantUnfit("no product of matrices");
    return lowerProduct(product, names, adapter);
  };
  return {
    forward: (p, epilogue, adapter) => lower(p, forwardProduct(p, epilogue), { x: "x", w: "w", y: "y" }, adapter),
    inputGradient: (p, residual, adapter) =>
      lower(p, inputGradientProduct(p, { ...noEpilogue, residual }), { x: "dy", w: "w", y: "dx" }, adapter),
    filterGradient: (p, adapter) =>
      lower(p, filterGradientProduct(p, noEpilogue), { x: "x", w: "dy", y: "dw" }, adapter),
  };
}

export const productVec4 = productVariant(lowerVec4);

/** @param product the convolution as a product in the direction that is asked for. */
export function selectConvolution(
  p: Convolution,
  product: (p: Convolution, epilogue: Epilogue) => Gemm,
  adapter: AdapterTraits,
): string {
  if (isProduct(p)) return selectProduct(product(p, noEpilogue), adapter);
  if (preferQuads(adapter)) return inFours(p) && product !== filterGradientProduct ? "quadsVec4" : "registers";
  // Of the result, within one group.
  const columns = product === inputGradientProduct ? p.depth : p.filtersEach;
  if (adapter.software && !fillsTiles(columns)) return "plain";
  return inFours(p) ? "tilesVec4" : "tiles";
}
