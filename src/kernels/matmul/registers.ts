/** The product in registers (matmul_quads), with sums in parts where y is small and k long. */
import { ceilDiv, dispatch, foldWorkgroups, type Cost, type Kernel } from "../kernel";
import { AdapterLacks, type AdapterTraits, type Lowering } from "../operation";
import { epilogueBindings, epilogueOverrides, epilogueParams, likeRelu, noEpilogue } from "../epilogue";
import { gemmCost, gemmSizes, gemmStrides, type Gemm, type GemmNames } from "./gemm";
import { lowerParts, partsFor } from "./parts";
import { wgsl } from "../program";

interface Quads {
  readonly p: Gemm;
  readonly tile: 16 | 32;
  /** Computes the transposed product, because y has more columns than rows to give to the lanes. */
  readonly swapped: boolean;
  readonly parts: number;
  readonly kEach: number;
}

const rowsOfTile = 32;

/** The tile's width for n columns; the narrow one computes less for nothing where n is small, but reuses less. */
export function tileFor(n: number): { tile: 16 | 32; cost: number } {
  const wide = ceilDiv(n, 32);
  const narrow = ceilDiv(n, 16) * 0.65;
  return wide <= narrow ? { tile: 32, cost: wide } : { tile: 16, cost: narrow };
}

export const tilesOf = (m: number, n: number, tile: number): number => ceilDiv(m, rowsOfTile) * ceilDiv(n, tile);

export const quadsKernel: Kernel<Quads> = {
  program: wgsl("software", "matmul_quads"),
  constants: ({ tile }) => ({ TILE: tile }),
  overrides: ({ p }) => epilogueOverrides(likeRelu(p.epilogue)),
  params: ({ p, swapped, parts, kEach }) => {
    const s = gemmStrides(p);
    const split = parts > 1;
    const x = { row: s.xRow, step: s.xStep, part: split ? kEach * s.xStep : p.m * p.k };
    const w = { row: s.wColumn, step: s.wStep, part: split ? kEach * s.wStep : p.k * p.n };
    const [rows, columns] = swapped ? [w, x] : [x, w];
    return {
      m: swapped ? p.n : p.m,
      n: swapped ? p.m : p.n,
      kEach,
      kEnd: split ? p.k : 0xffffffff,
      xRow: rows.row,
      xStep: rows.step,
      xPart: rows.part,
      wStep: columns.step,
      wColumn: columns.row,
      wPart: columns.part,
      yRow: swapped ? 1 : p.n,
      yColumn: swapped ? p.n : 1,
      swapped: Number(swapped),
      ...epilogueParams(likeRelu(p.epilogue)),
    };
  },
  workgroups: ({ p, tile, swapped, parts }) => {
    const [x, y] = foldWorkgroups(swapped ? tilesOf(p.n, p.m, tile) : tilesOf(p.m, p.n, tile));
    return [x, y, p.batch * parts];
  },
  sizes: ({ p, swapped, parts }) => {
    const { x, w, y, ...rest } = gemmSizes(p);
    return { x: swapped ? w : x, w: swapped ? x : w, y: y * parts, ...rest };
  },
  cost: ({ p, parts }): Cost => {
    const { flops, bytes } = gemmCost(p);
    return { flops, bytes: bytes + 4 * (parts - 1) * p.m * p.n };
  },
};

export function lowerRegisters(p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering {
  if (!adapter.features.includes("subgroups")) throw new AdapterLacks("subgroups");
  const straight = tileFor(p.n);
  const turned = tileFor(p.m);
  const swapped = ceilDiv(p.n, rowsOfTile) * turned.cost < ceilDiv(p.m, rowsOfTile) * straight.cost;
  const { tile } = swapped ? turned : straight;
  const tiles = swapped ? tilesOf(p.n, p.m, tile) : tilesOf(p.m, p.n, tile);
  const { parts, each: kEach } = p.batch === 1 ? partsFor(p.k, tiles, 4, adapter) : { parts: 1, each: p.k };
  const launch = (problem: Gemm, y: string) => {
    const bind = {
      x: swapped ? names.w : names.x,
      w: swapped ? names.x : names.w,
      y,
      ...epilogueBindings(problem.epilogue),
    };
    return dispatch(quadsKernel, { p: problem, tile, swapped, parts, kEach }, bind);
  };
  if (parts === 1) return { dispatches: [launch(p, names.y)] };
  return lowerParts(launch({ ...p, epilogue: noEpilogue }, "parts"), p.m * p.n, p.n, parts, p.epilogue, names.y);
}
