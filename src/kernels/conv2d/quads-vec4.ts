/** Convolutions by quads with vector loads (conv2d_quads_vec4, conv2d_filter_gradient_quads_vec4), where channels and filters of every group come in fours. */
import { dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { VariantUnfit } from "../operation";
import {
  epilogueBindings,
  epilogueOverrides,
  epilogueParams,
  epilogueSizes,
  likeRelu,
  type Epilogue,
} from "../epilogue";
import { lowerQuadsVec4 as lowerProduct, vectorsFor } from "../matmul/quads-vec4";
import { tilesOf } from "../matmul/registers";
import { directions } from "./directions";
import { gatherInVectors, type Gather } from "./gather";
import { inFours } from "./problem";
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
  workgroups: ({ gather, vectors }) => {
    const [x, y] = foldWorkgroups(tilesOf(gather.params.m, gather.params.n, 4 * vectors));
    return [x, y, gather.groups];
  },
  sizes: ({ gather, epilogue }) => ({
    ...gather.sizes,
    ...epilogueSizes(epilogue, gather.params.resultChannels, gather.sizes.y),
  }),
  cost: ({ gather }) => gather.cost,
};

export const filterGradientQuadsVec4Kernel: Kernel<FilterQuads> = {
  ...filterGradientQuadsKernel,
  program: wgsl("software", "conv2d_filter_gradient_quads_vec4"),
  constants: ({ tile }) => ({ VECTORS: tile / 4 }),
  params: (q) => {
    const { m, n, channels, filters, depth, ...rest } = filterGradientQuadsKernel.params(q);
    return { ...rest, m: m / 4, n: n / 4, channels: channels / 4, filters: filters / 4, depth: depth / 4 };
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
