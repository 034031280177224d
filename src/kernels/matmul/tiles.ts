/**
 * The product through workgroup memory, for GPUs (matmul_tiles_vec4 where rows are whole vectors, matmul_tiles for every
 * shape); sums in parts where y is small and k long.
 */
import { ceilDiv, dispatch, foldWorkgroups, type Constants, type Cost, type Kernel } from "../kernel";
import { VariantUnfit, type AdapterTraits, type Lowering } from "../operation";
import { epilogueBindings, epilogueOverrides, epilogueParams, noEpilogue } from "../epilogue";
import { gemmCost, gemmSizes, gemmStrides, type Gemm, type GemmNames } from "./gemm";
import { lowerParts, partsFor } from "./parts";
import source from "./matmul_tiles.wgsl?raw";
import vec4Source from "./matmul_tiles_vec4.wgsl?raw";
import { inVectors, vectorParams } from "./vec4";

/** Rows and columns of a workgroup's tile. */
export interface Tile {
  readonly rows: 32 | 64 | 128;
  readonly columns: 32 | 64;
}

export const tileConstants = (tile: Tile): Constants => ({ TILE_ROWS: tile.rows, TILE_COLUMNS: tile.columns });

export const tilesOf = (m: number, n: number, tile: Tile): number => ceilDiv(m, tile.rows) * ceilDiv(n, tile.columns);

/** Terms of the sum that a workgroup holds at a time. */
export const stepsOfTile = 16;

/** Workgroups below which tiles are halved, so that a GPU's cores all get some. */
const fewTiles = 128;

/** A tile of 64 x 64 or 128 x 32, 64 invocations; half as many rows where they would be empty or tiles would be few. */
export function tileFor(m: number, n: number, groups = 1): Tile {
  const columns = n <= 32 ? 32 : 64;
  const rows = columns === 32 ? 128 : 64;
  const half = columns === 32 ? 64 : 32;
  const few = groups * tilesOf(m, n, { rows, columns }) < fewTiles;
  return { rows: few || m <= half ? half : rows, columns };
}

interface Tiled {
  readonly p: Gemm;
  readonly tile: Tile;
  readonly parts: number;
  readonly kEach: number;
}

export const tilesKernel: Kernel<Tiled> = {
  name: "matmul_tiles",
  source,
  constants: ({ tile }) => tileConstants(tile),
  overrides: ({ p }) => ({ X_TURNED: p.transposeX, W_TURNED: p.transposeW, ...epilogueOverrides(p.epilogue) }),
  params: ({ p, parts, kEach }) => {
    const { xRow, xStep, wStep, wColumn } = gemmStrides(p);
    const split = parts > 1;
    return {
      m: p.m,
      n: p.n,
      k: p.k,
      kEach,
      kFirst: split ? kEach : 0,
      xRow,
      xStep,
      xPart: split ? 0 : p.m * p.k,
      wStep,
      wColumn,
      wPart: split ? 0 : p.k * p.n,
      ...epilogueParams(p.epilogue),
    };
  },
  workgroups: ({ p, tile, parts }) => {
    const [x, y] = foldWorkgroups(tilesOf(p.m, p.n, tile));
    return [x, y, p.batch * parts];
  },
  sizes: ({ p, parts }) => {
    const { y, ...rest } = gemmSizes(p);
    return { ...rest, y: y * parts };
  },
  cost: ({ p, parts }): Cost => {
    const { flops, bytes } = gemmCost(p);
    return { flops, bytes: bytes + 4 * (parts - 1) * p.m * p.n };
  },
};

export const tilesVec4Kernel: Kernel<Tiled> = {
  ...tilesKernel,
  name: "matmul_tiles_vec4",
  source: vec4Source,
  params: ({ p, parts, kEach }) => ({
    ...vectorParams({ p, parts, kEach: kEach / 4 }),
    ...epilogueParams(p.epilogue),
  }),
};

export const lowerTiles = (p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering =>
  lower(tilesKernel, p, names, adapter);

export function lowerTilesVec4(p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering {
  if (!inVectors(p)) throw new VariantUnfit("matmul_tiles_vec4 reads rows in vectors of four");
  return lower(tilesVec4Kernel, p, names, adapter);
}

function lower(kernel: Kernel<Tiled>, p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering {
  const tile = tileFor(p.m, p.n, p.batch);
  const tiles = tilesOf(p.m, p.n, tile);
  const { parts, each } = p.batch === 1 ? partsFor(p.k, tiles, stepsOfTile, adapter) : { parts: 1, each: p.k };
  const launch = (problem: Gemm, y: string) =>
    dispatch(
      kernel,
      { p: problem, tile, parts, kEach: each },
      { x: names.x, w: names.w, y, ...epilogueBindings(problem.epilogue) },
    );
  if (parts === 1) return { dispatches: [launch(p, names.y)] };
  return lowerParts(launch({ ...p, epilogue: noEpilogue }, "parts"), p.m * p.n, p.n, parts, p.epilogue, names.y);
}
