/**
 * Convolutions through workgroup memory, for GPUs: conv2d_tiles and conv2d_filter_gradient_tiles for any attributes and
 * shapes, and their _vec4 forms where channels and filters come in fours.
 */
import { dispatch, type Kernel } from "../kernel";
import { VariantUnfit } from "../operation";
import { epilogueBindings, epilogueOverrides, epilogueParams, noEpilogue, type Epilogue } from "../epilogue";
import { readingHalves } from "../half/reading";
import { lowerParts } from "../matmul/parts";
import {
  needNoParts,
  packedConstants,
  packedForms,
  partsOf,
  tileConstants,
  tileOf,
  tilesOf,
  workgroupsOf,
  type Tile,
} from "../matmul/tile-forms";
import {
  lowerTiles as lowerProduct,
  lowerTilesF16 as lowerProductF16,
  lowerTilesVec4 as lowerProductVec4,
  lowerTilesW16 as lowerProductW16,
} from "../matmul/tiles";
import { directions, type Family } from "./directions";
import { gatherInVectors, type Gather } from "./gather";
import { filterCount, inFours, type Convolution } from "./problem";
import { filterGradientInVectors, filterGradientParams, filterRows, gathered, groupsOf, summedInParts } from "./shared";
import { wgsl } from "../program";

const vec4Program = wgsl("gpu", "conv2d_tiles_vec4");

interface Tiled {
  readonly gather: Gather;
  readonly tile: Tile;
  readonly epilogue: Epilogue;
}

export const tilesKernel: Kernel<Tiled> = {
  program: wgsl("gpu", "conv2d_tiles"),
  constants: ({ tile }) => tileConstants(tile),
  overrides: ({ gather, epilogue }) => ({ W_TURNED: gather.params.wStep === 1, ...epilogueOverrides(epilogue) }),
  params: ({ gather, epilogue }) => ({ ...gather.params, ...epilogueParams(epilogue) }),
  ...gathered((m, n, { tile }) => tilesOf(m, n, tile)),
};

export const tilesVec4Kernel: Kernel<Tiled> = {
  ...tilesKernel,
  program: vec4Program,
  params: ({ gather, epilogue }) => ({ ...gatherInVectors(gather.params), ...epilogueParams(epilogue) }),
};

/** w in f16: half the words and half the bytes. */
export const tilesW16Kernel: Kernel<Tiled> = {
  ...tilesVec4Kernel,
  program: readingHalves("conv2d_tiles_w16", vec4Program),
  sizes: (q) => {
    const { w, ...rest } = tilesVec4Kernel.sizes(q);
    return { ...rest, w: w / 2 };
  },
  cost: ({ gather }) => ({ flops: gather.cost.flops, bytes: gather.cost.bytes - 2 * gather.sizes.w }),
};

export const tilesF16Kernel: Kernel<Tiled> = {
  ...tilesW16Kernel,
  program: wgsl("f16", "conv2d_tiles_f16"),
  constants: ({ tile }) => packedConstants(tile),
  overrides: ({ epilogue }) => epilogueOverrides(epilogue),
};

interface FilterTiled {
  readonly p: Convolution;
  readonly tile: Tile;
  readonly parts: number;
  /** Positions of dy in a part. */
  readonly each: number;
}

const positionsOf = (p: Convolution) => p.batch * p.outRows * p.outColumns;

export const filterGradientTilesKernel: Kernel<FilterTiled> = {
  program: wgsl("gpu", "conv2d_filter_gradient_tiles"),
  constants: ({ tile }) => tileConstants(tile),
  params: ({ p, each }) => ({ ...filterGradientParams(p), positions: positionsOf(p), each }),
  ...summedInParts((m, n, { tile }) => tilesOf(m, n, tile)),
};

export const filterGradientTilesVec4Kernel: Kernel<FilterTiled> = {
  ...filterGradientTilesKernel,
  program: wgsl("gpu", "conv2d_filter_gradient_tiles_vec4"),
  params: (q) => filterGradientInVectors(filterGradientTilesKernel.params(q)),
};

/** Forward and gradient with respect to the image by tiles. */
function tiledFamily(
  kernel: Kernel<Tiled>,
  product: Family["product"],
  check: (p: Convolution) => void,
  forms?: readonly Tile[],
): Family {
  return {
    product,
    check,
    launch: (gather, epilogue, bind, adapter, form) => {
      needNoParts(form);
      const tile = tileOf(form, gather.params.m, gather.params.n, adapter, gather.groups, forms);
      return dispatch(kernel, { gather, tile, epilogue }, { ...bind, ...epilogueBindings(epilogue) });
    },
  };
}

const filterGradientBy =
  (kernel: Kernel<FilterTiled>): NonNullable<Family["filterGradient"]> =>
  (p, adapter, form) => {
    const tile = tileOf(form, filterRows(p), p.filtersEach, adapter, groupsOf(p));
    const workgroups = groupsOf(p) * workgroupsOf(filterRows(p), p.filtersEach, tile);
    const { parts, each } = partsOf(form, positionsOf(p), workgroups, adapter);
    const run = (dw: string) => dispatch(kernel, { p, tile, parts, each }, { x: "x", dy: "dy", dw });
    if (parts === 1) return { dispatches: [run("dw")] };
    return lowerParts(run("parts"), filterCount(p), p.filters, parts, noEpilogue, "dw");
  };

const whole = () => {};

function checkFours(p: Convolution): void {
  if (!inFours(p)) throw new VariantUnfit("this program reads channels in vectors of four");
}

export const tiles = directions({
  ...tiledFamily(tilesKernel, lowerProduct, whole),
  filterGradient: filterGradientBy(filterGradientTilesKernel),
});

export const tilesVec4 = directions({
  ...tiledFamily(tilesVec4Kernel, lowerProductVec4, checkFours),
  filterGradient: filterGradientBy(filterGradientTilesVec4Kernel),
});

export const tilesW16 = directions(tiledFamily(tilesW16Kernel, lowerProductW16, checkFours));
/** Forward only: gradients are too small for f16. */
export const { forward: forwardF16 } = directions(
  tiledFamily(tilesF16Kernel, lowerProductF16, checkFours, packedForms),
);
