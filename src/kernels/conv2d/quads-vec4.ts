/** Convolutions by quads with vector loads (conv2d_quads_vec4), where channels and filters of every group come in fours. */
import { dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { VariantUnfit, type AdapterTraits } from "../operation";
import {
  epilogueBindings,
  epilogueSizes,
  epilogueOverrides,
  epilogueParams,
  likeRelu,
  noEpilogue,
  type Epilogue,
} from "../epilogue";
import { lowerQuadsVec4 as lowerProduct, vectorsFor } from "../matmul/quads-vec4";
import { tilesOf } from "../matmul/registers";
import source from "./conv2d_quads_vec4.wgsl?raw";
import { forwardGather, gatherInVectors, inputGradientGathers, type Gather } from "./gather";
import {
  filterGradientProduct,
  forwardProduct,
  inFours,
  inputGradientProduct,
  isProduct,
  type Convolution,
} from "./problem";
import type { ProductVariant } from "./product";

interface Quads {
  readonly gather: Gather;
  /** Vectors of channels in a tile. */
  readonly vectors: 4 | 8;
  readonly epilogue: Epilogue;
}

export const quadsVec4Kernel: Kernel<Quads> = {
  name: "conv2d_quads_vec4",
  source,
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

function check(p: Convolution, adapter: AdapterTraits): void {
  if (!adapter.features.includes("subgroups"))
    throw new VariantUnfit("conv2d_quads_vec4 hands values from lane to lane");
  if (!inFours(p)) throw new VariantUnfit("conv2d_quads_vec4 reads channels in vectors of four");
}

const launch = (gather: Gather, epilogue: Epilogue, bind: Readonly<Record<string, string | undefined>>) =>
  dispatch(
    quadsVec4Kernel,
    { gather, vectors: vectorsFor(gather.params.n), epilogue },
    { ...bind, ...epilogueBindings(epilogue) },
  );

export const quadsVec4: ProductVariant = {
  forward: (p, epilogue, adapter) => {
    if (isProduct(p)) return lowerProduct(forwardProduct(p, epilogue), { x: "x", w: "w", y: "y" }, adapter);
    check(p, adapter);
    return { dispatches: [launch(forwardGather(p), epilogue, { x: "x", w: "w", y: "y" })] };
  },
  // One launch for each phase of the strides: pixels of dx that the same taps reach.
  inputGradient: (p, residual, adapter) => {
    const epilogue: Epilogue = { ...noEpilogue, residual };
    if (isProduct(p)) return lowerProduct(inputGradientProduct(p, epilogue), { x: "dy", w: "w", y: "dx" }, adapter);
    check(p, adapter);
    const bind = { x: "dy", w: "w", y: "dx" };
    return { dispatches: inputGradientGathers(p).map((gather) => launch(gather, epilogue, bind)) };
  },
  filterGradient: (p, adapter) => {
    if (isProduct(p)) return lowerProduct(filterGradientProduct(p, noEpilogue), { x: "x", w: "dy", y: "dw" }, adapter);
    throw new VariantUnfit("no product of matrices");
  },
};
