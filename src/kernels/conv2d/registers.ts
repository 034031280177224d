/** Convolutions in registers (conv2d_quads, conv2d_filter_gradient_quads), any strides, dilation, pads and groups. */
import { dispatch, type Kernel } from "../kernel";
import { AdapterLacks, type AdapterTraits } from "../operation";
import { epilogueBindings, epilogueOverrides, epilogueParams, likeRelu, noEpilogue, type Epilogue } from "../epilogue";
import { lowerParts, partsFor } from "../matmul/parts";
import { lowerRegisters as lowerProduct, tileFor, tilesOf } from "../matmul/registers";
import { directions, type Family } from "./directions";
import type { Gather } from "./gather";
import { filterCount, type Convolution } from "./problem";
import { filterGradientParams, filterRows, gathered, groupsOf, summedInParts } from "./shared";
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
  ...gathered((m, n, { tile }) => tilesOf(m, n, tile)),
};

export interface FilterQuads {
  readonly p: Convolution;
  readonly tile: 16 | 32;
  readonly parts: number;
  readonly rowsEach: number;
}

export const filterGradientQuadsKernel: Kernel<FilterQuads> = {
  program: wgsl("software", "conv2d_filter_gradient_quads"),
  constants: ({ tile }) => ({ TILE: tile }),
  params: ({ p, rowsEach }) => ({ ...filterGradientParams(p), rowsEach, rowsEnd: p.batch * p.outRows }),
  ...summedInParts((m, n, { tile }) => tilesOf(m, n, tile)),
};

export function needSubgroups(adapter: AdapterTraits): void {
  if (!adapter.features.includes("subgroups")) throw new AdapterLacks("subgroups");
}

/** Sums of dw in parts where there are few tiles. */
export const filterGradientBy =
  (kernel: Kernel<FilterQuads>): NonNullable<Family["filterGradient"]> =>
  (p, adapter) => {
    const { tile } = tileFor(p.filtersEach);
    const tiles = groupsOf(p) * tilesOf(filterRows(p), p.filtersEach, tile);
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
