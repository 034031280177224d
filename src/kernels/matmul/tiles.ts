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

/** What may be chosen otherwise than `tileFor` and `partsFor` do. */
export interface TileForm {
  readonly tile?: Tile;
  /** How many workgroups to cut a long sum for, as a share of the default. */
  readonly share?: number;
}

/** Forms to be timed: tiles by name, and other numbers of parts. */
export const tileForms = {
  "64x64": { tile: { rows: 64, columns: 64 } },
  "32x64": { tile: { rows: 32, columns: 64 } },
  "128x64": { tile: { rows: 128, columns: 64 } },
  "128x32": { tile: { rows: 128, columns: 32 } },
  "64x32": { tile: { rows: 64, columns: 32 } },
  moreParts: { share: 4 },
  fewerParts: { share: 1 / 4 },
} as const satisfies Readonly<Record<string, TileForm>>;

/** The tile of a form, or the default. @throws VariantUnfit where half of it would lie outside and there is a smaller one. */
export function tileOf(form: TileForm | undefined, m: number, n: number, groups = 1): Tile {
  const { tile } = form ?? {};
  if (!tile) return tileFor(m, n, groups);
  const leastRows = tile.columns === 32 ? 64 : 32;
  if ((tile.columns > 32 && n <= 32) || (tile.rows > leastRows && m <= tile.rows / 2))
    throw new VariantUnfit(`a tile of ${tile.rows} x ${tile.columns} would be half empty`);
  return tile;
}

/** `partsFor` a form. @throws VariantUnfit where another share changes nothing. */
export function partsOf(
  form: TileForm | undefined,
  steps: number,
  tiles: number,
  adapter: AdapterTraits,
): ReturnType<typeof partsFor> {
  const usual = partsFor(steps, tiles, stepsOfTile, adapter);
  if (form?.share === undefined) return usual;
  const other = partsFor(steps, tiles, stepsOfTile, adapter, 1, form.share);
  if (other.parts === usual.parts) throw new VariantUnfit("the sum would have as many parts as it has anyway");
  return other;
}

/** @throws VariantUnfit for a form that is about parts, where sums are not cut. */
export function needNoParts(form: TileForm | undefined): void {
  if (form?.share !== undefined) throw new VariantUnfit("sums are not cut into parts here");
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

export const lowerTiles = (p: Gemm, names: GemmNames, adapter: AdapterTraits, form?: TileForm): Lowering =>
  lower(tilesKernel, p, names, adapter, form);

export function lowerTilesVec4(p: Gemm, names: GemmNames, adapter: AdapterTraits, form?: TileForm): Lowering {
  if (!inVectors(p)) throw new VariantUnfit("matmul_tiles_vec4 reads rows in vectors of four");
  return lower(tilesVec4Kernel, p, names, adapter, form);
}

function lower(kernel: Kernel<Tiled>, p: Gemm, names: GemmNames, adapter: AdapterTraits, form?: TileForm): Lowering {
  const tile = tileOf(form, p.m, p.n, p.batch);
  if (p.batch > 1) needNoParts(form);
  const { parts, each } =
    p.batch === 1 ? partsOf(form, p.k, tilesOf(p.m, p.n, tile), adapter) : { parts: 1, each: p.k };
  const launch = (problem: Gemm, y: string) =>
    dispatch(
      kernel,
      { p: problem, tile, parts, kEach: each },
      { x: names.x, w: names.w, y, ...epilogueBindings(problem.epilogue) },
    );
  if (parts === 1) return { dispatches: [launch(p, names.y)] };
  return lowerParts(launch({ ...p, epilogue: noEpilogue }, "parts"), p.m * p.n, p.n, parts, p.epilogue, names.y);
}
