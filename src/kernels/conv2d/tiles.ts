/** Convolutions through workgroup memory (conv2d_tiles, conv2d_filter_gradient_tiles), for GPUs; any attributes. */
import { dispatch, foldWorkgroups, type Kernel } from "../kernel";
import type { AdapterTraits, Lowering } from "../operation";
import {
  epilogueBindings,
  epilogueOverrides,
  epilogueParams,
  epilogueSizes,
  noEpilogue,
  type Epilogue,
} from "../epilogue";
import { lowerParts, partsFor } from "../matmul/parts";
import { lowerTiles as lowerProduct, stepsOfTile, tileConstants, tileFor, tilesOf, type Tile } from "../matmul/tiles";
import filterGradientSource from "./conv2d_filter_gradient_tiles.wgsl?raw";
import source from "./conv2d_tiles.wgsl?raw";
import { forwardGather, inputGradientGathers, type Gather } from "./gather";
import {
  convolutionCost,
  filterCount,
  filterGradientProduct,
  forwardProduct,
  inputCount,
  inputGradientProduct,
  isProduct,
  outputCount,
  type Convolution,
} from "./problem";

interface Tiled {
  readonly gather: Gather;
  readonly tile: Tile;
  readonly epilogue: Epilogue;
}

export const tilesKernel: Kernel<Tiled> = {
  name: "conv2d_tiles",
  source,
  constants: ({ tile }) => tileConstants(tile),
  overrides: ({ gather, epilogue }) => ({ W_TURNED: gather.params.wStep === 1, ...epilogueOverrides(epilogue) }),
  params: ({ gather, epilogue }) => ({ ...gather.params, ...epilogueParams(epilogue) }),
  workgroups: ({ gather, tile }) => {
    const [x, y] = foldWorkgroups(tilesOf(gather.params.m, gather.params.n, tile));
    return [x, y, gather.groups];
  },
  sizes: ({ gather, epilogue }) => ({
    ...gather.sizes,
    ...epilogueSizes(epilogue, gather.params.resultChannels, gather.sizes.y),
  }),
  cost: ({ gather }) => gather.cost,
};

interface FilterTiled {
  readonly p: Convolution;
  readonly tile: Tile;
  readonly parts: number;
  /** Positions of dy in a part. */
  readonly each: number;
}

const filterRows = (p: Convolution) => p.filterRows * p.filterColumns * p.depth;
const groupsOf = (p: Convolution) => p.filters / p.filtersEach;
const positionsOf = (p: Convolution) => p.batch * p.outRows * p.outColumns;

export const filterGradientTilesKernel: Kernel<FilterTiled> = {
  name: "conv2d_filter_gradient_tiles",
  source: filterGradientSource,
  constants: ({ tile }) => tileConstants(tile),
  params: ({ p, each }) => ({
    m: filterRows(p),
    n: p.filtersEach,
    positions: positionsOf(p),
    each,
    inRows: p.inRows,
    inColumns: p.inColumns,
    channels: p.channels,
    outRows: p.outRows,
    outColumns: p.outColumns,
    filters: p.filters,
    depth: p.depth,
    filterColumns: p.filterColumns,
    strideRows: p.strideRows,
    strideColumns: p.strideColumns,
    dilationRows: p.dilationRows,
    dilationColumns: p.dilationColumns,
    top: p.top,
    left: p.left,
  }),
  workgroups: ({ p, tile, parts }) => {
    const [x, y] = foldWorkgroups(groupsOf(p) * tilesOf(filterRows(p), p.filtersEach, tile));
    return [x, y, parts];
  },
  sizes: ({ p, parts }) => ({ x: inputCount(p), dy: outputCount(p), dw: parts * filterCount(p) }),
  cost: ({ p, parts }) => {
    const { flops, bytes } = convolutionCost(p);
    return { flops, bytes: bytes + 4 * (parts - 1) * filterCount(p) };
  },
};

export function lowerTiles(p: Convolution, epilogue: Epilogue, adapter: AdapterTraits): Lowering {
  if (isProduct(p)) return lowerProduct(forwardProduct(p, epilogue), { x: "x", w: "w", y: "y" }, adapter);
  const gather = forwardGather(p);
  const tile = tileFor(gather.params.m, gather.params.n, gather.groups);
  const bind = { x: "x", w: "w", y: "y", ...epilogueBindings(epilogue) };
  return { dispatches: [dispatch(tilesKernel, { gather, tile, epilogue }, bind)] };
}

/** One launch for each phase of the strides: pixels of dx that the same taps reach. */
export function lowerTilesInputGradient(p: Convolution, residual: boolean, adapter: AdapterTraits): Lowering {
  const epilogue: Epilogue = { ...noEpilogue, residual };
  if (isProduct(p)) return lowerProduct(inputGradientProduct(p, epilogue), { x: "dy", w: "w", y: "dx" }, adapter);
  const bind = { x: "dy", w: "w", y: "dx", ...epilogueBindings(epilogue) };
  return {
    dispatches: inputGradientGathers(p).map((gather) => {
      const tile = tileFor(gather.params.m, gather.params.n, gather.groups);
      return dispatch(tilesKernel, { gather, tile, epilogue }, bind);
    }),
  };
}

export function lowerTilesFilterGradient(p: Convolution, adapter: AdapterTraits): Lowering {
  if (isProduct(p)) return lowerProduct(filterGradientProduct(p, noEpilogue), { x: "x", w: "dy", y: "dw" }, adapter);
  const tile = tileFor(filterRows(p), p.filtersEach, groupsOf(p));
  const tiles = groupsOf(p) * tilesOf(filterRows(p), p.filtersEach, tile);
  const { parts, each } = partsFor(positionsOf(p), tiles, stepsOfTile, adapter);
  const launch = (dw: string) =>
    dispatch(filterGradientTilesKernel, { p, tile, parts, each }, { x: "x", dy: "dy", dw });
  if (parts === 1) return { dispatches: [launch("dw")] };
  return lowerParts(launch("parts"), filterCount(p), p.filters, parts, noEpilogue, "dw");
}
