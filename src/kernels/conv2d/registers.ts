/** Convolutions in registers (conv2d_quads, conv2d_filter_gradient_quads), any strides, dilation, pads and groups. */
import { dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { AdapterLacks, type AdapterTraits } from "../operation";
import {
  epilogueBindings,
  epilogueSizes,
  epilogueOverrides,
  epilogueParams,
  likeRelu,
  noEpilogue,
  type Epilogue,
} from "../epilogue";
import { lowerParts, partsFor } from "../matmul/parts";
import { lowerRegisters as lowerProduct, tileFor, tilesOf } from "../matmul/registers";
import { directions, type Family } from "./directions";
import type { Gather } from "./gather";
import { convolutionCost, filterCount, inputCount, outputCount, type Convolution } from "./problem";
import { wgsl } from "../program";

interface Quads {
  readonly gather: Gather;
  readonly tile: 16 | 32;
  readonly epilogue: Epilogue;
}

export const quadsKernel: Kernel<Quads> = {
  program: wgsl("software", "conv2d_quads"),
  constants: ({ tile }) => ({ TILE: tile }),
  overrides: ({ epilogue }) => epilogueOverrides(likeRelu(epilogue)),
  params: ({ gather, epilogue }) => ({ ...gather.params, ...epilogueParams(likeRelu(epilogue)) }),
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

export interface FilterQuads {
  readonly p: Convolution;
  readonly tile: 16 | 32;
  readonly parts: number;
  readonly rowsEach: number;
}

const filterRows = (p: Convolution) => p.filterRows * p.filterColumns * p.depth;

export const filterGradientQuadsKernel: Kernel<FilterQuads> = {
  program: wgsl("software", "conv2d_filter_gradient_quads"),
  constants: ({ tile }) => ({ TILE: tile }),
  params: ({ p, rowsEach }) => ({
    m: filterRows(p),
    n: p.filtersEach,
    rowsEach,
    rowsEnd: p.batch * p.outRows,
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
    const [x, y] = foldWorkgroups((p.filters / p.filtersEach) * tilesOf(filterRows(p), p.filtersEach, tile));
    return [x, y, parts];
  },
  sizes: ({ p, parts }) => ({ x: inputCount(p), dy: outputCount(p), dw: parts * filterCount(p) }),
  cost: ({ p, parts }) => {
    const { flops, bytes } = convolutionCost(p);
    return { flops, bytes: bytes + 4 * (parts - 1) * filterCount(p) };
  },
};

export function needSubgroups(adapter: AdapterTraits): void {
  if (!adapter.features.includes("subgroups")) throw new AdapterLacks("subgroups");
}

/** Sums of dw in parts where there are few tiles. */
export const filterGradientBy =
  (kernel: Kernel<FilterQuads>): NonNullable<Family["filterGradient"]> =>
  (p, adapter) => {
    const { tile } = tileFor(p.filtersEach);
    const tiles = (p.filters / p.filtersEach) * tilesOf(filterRows(p), p.filtersEach, tile);
    const { parts, each } = partsFor(p.batch * p.outRows, tiles, 1, adapter, p.outColumns);
    const launch = (dw: string) => dispatch(kernel, { p, tile, parts, rowsEach: each }, { x: "x", dy: "dy", dw });
    if (parts === 1) return { dispatches: [launch("dw")] };
    return lowerParts(launch("parts"), filterCount(p), p.filters, parts, noEpilogue, "dw");
  };

export const registers = directions({
  product: lowerProduct,
  check: (_, adapter) => needSubgroups(adapter),
  launch: (gather, epilogue, bind) =>
    dispatch(
      quadsKernel,
      { gather, tile: tileFor(gather.params.n).tile, epilogue },
      { ...bind, ...epilogueBindings(epilogue) },
    ),
  filterGradient: filterGradientBy(filterGradientQuadsKernel),
});
