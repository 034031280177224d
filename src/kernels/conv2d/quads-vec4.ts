/** Convolutions by quads with vector loads (conv2d_quads_vec4, conv2d_filter_gradient_quads_vec4), where channels and filters of every group come in fours. */
import { dispatch, type Kernel } from "../kernel";
import { VariantUnfit } from "../operation";
import { epilogueBindings, epilogueOverrides, epilogueParams, likeRelu, type Epilogue } from "../epilogue";
import { lowerQuadsVec4 as lowerProduct, vectorsFor } from "../matmul/quads-vec4";
import { tilesOf } from "../matmul/registers";
import { directions } from "./directions";
import { gatherInVectors, type Gather } from "./gather";
import { inFours } from "./problem";
import { filterGradientInVectors, gathered } from "./shared";
import { filterGradientBy, filterGradientQuadsKernel, needSubgroups, type FilterQuads } from "./registers";
import { wgsl } from "../program";

interface Quads {
  readonly gather: Gather;
  /** Vectors of channels in a tile. */
  readonly vectors: 4 | 8;
  readonly epilogue: Epilogue;
}

export const quadsVec4Kernel: Kernel<Quads> = {
  program: wgsl("software", "conv2d_quads_vec4"),
  constants: ({ vectors }) => ({ VECTORS: vectors }),
  overrides: ({ gather, epilogue }) => ({
    W_TURNED: gather.params.wStep === 1,
    ...epilogueOverrides(likeRelu(epilogue)),
  }),
  params: ({ gather, epilogue }) => ({ ...gatherInVectors(gather.params), ...epilogueParams(likeRelu(epilogue)) }),
  ...gathered((m, n, { vectors }) => tilesOf(m, n, 4 * vectors)),
};

export const filterGradientQuadsVec4Kernel: Kernel<FilterQuads> = {
  ...filterGradientQuadsKernel,
  program: wgsl("software", "conv2d_filter_gradient_quads_vec4"),
  constants: ({ tile }) => ({ VECTORS: tile / 4 }),
  params: (q) => {
    const params = filterGradientQuadsKernel.params(q);
    return { ...filterGradientInVectors(params), m: params.m / 4 };
  },
};

export const quadsVec4 = directions({
  product: lowerProduct,
  check: (p, adapter) => {
    needSubgroups(adapter);
    if (!inFours(p)) throw new VariantUnfit("conv2d_quads_vec4 reads channels in vectors of four");
  },
  launch: (gather, epilogue, bind) =>
    dispatch(
      quadsVec4Kernel,
      { gather, vectors: vectorsFor(gather.params.n), epilogue },
      { ...bind, ...epilogueBindings(epilogue) },
    ),
  filterGradient: filterGradientBy(filterGradientQuadsVec4Kernel),
});
