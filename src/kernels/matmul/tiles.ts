/**
 * The product through workgroup memory, for GPUs (matmul_tiles_vec4 where rows are whole vectors, matmul_tiles for every
 * shape); sums in parts where y is small and k long.
 */
import { dispatch, foldWorkgroups, type Cost, type Kernel } from "../kernel";
import { VariantUnfit, type AdapterTraits, type Lowering } from "../operation";
import { readingHalves } from "../half/reading";
import { epilogueBindings, epilogueOverrides, epilogueParams, noEpilogue } from "../epilogue";
import { gemmCost, gemmSizes, gemmStrides, type Gemm, type GemmNames } from "./gemm";
import { lowerParts } from "./parts";
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
  type TileForm,
} from "./tile-forms";
import { inVectors, vectorParams } from "./vec4";
import { wgsl } from "../program";

const vec4Program = wgsl("gpu", "matmul_tiles_vec4");

interface Tiled {
  readonly p: Gemm;
  readonly tile: Tile;
  readonly parts: number;
  readonly kEach: number;
}

export const tilesKernel: Kernel<Tiled> = {
  program: wgsl("gpu", "matmul_tiles"),
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
  program: vec4Program,
  params: ({ p, parts, kEach }) => ({
    ...vectorParams({ p, parts, kEach: kEach / 4 }),
    ...epilogueParams(p.epilogue),
  }),
};

/** w in f16: half the words and half the bytes. */
const halfWeights = (kernel: Kernel<Tiled>): Pick<Kernel<Tiled>, "sizes" | "cost"> => ({
  sizes: (q) => {
    const { w, ...rest } = kernel.sizes(q);
    return { ...rest, w: w / 2 };
  },
  cost: (q) => {
    const { flops, bytes } = kernel.cost(q);
    return { flops, bytes: bytes - 2 * q.p.batch * q.p.k * q.p.n };
  },
});

export const tilesW16Kernel: Kernel<Tiled> = {
  ...tilesVec4Kernel,
  ...halfWeights(tilesVec4Kernel),
  program: readingHalves("matmul_tiles_w16", vec4Program),
};

export const tilesF16Kernel: Kernel<Tiled> = {
  ...tilesW16Kernel,
  program: wgsl("f16", "matmul_tiles_f16"),
  constants: ({ tile }) => packedConstants(tile),
};

export const lowerTiles = (p: Gemm, names: GemmNames, adapter: AdapterTraits, form?: TileForm): Lowering =>
  lower(tilesKernel, p, names, adapter, form);

export function lowerTilesVec4(p: Gemm, names: GemmNames, adapter: AdapterTraits, form?: TileForm): Lowering {
  needVectors(p);
  return lower(tilesVec4Kernel, p, names, adapter, form);
}

export function lowerTilesW16(p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering {
  needVectors(p);
  return lower(tilesW16Kernel, p, names, adapter);
}

export function lowerTilesF16(p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering {
  needVectors(p);
  return lower(tilesF16Kernel, p, names, adapter, undefined, packedForms);
}

function needVectors(p: Gemm): void {
  if (!inVectors(p)) throw new VariantUnfit("this program reads rows in vectors of four");
}

function lower(
  kernel: Kernel<Tiled>,
  p: Gemm,
  names: GemmNames,
  adapter: AdapterTraits,
  form?: TileForm,
  forms?: readonly Tile[],
): Lowering {
  const tile = tileOf(form, p.m, p.n, adapter, p.batch, forms);
  if (p.batch > 1) needNoParts(form);
  const { parts, each } =
    p.batch === 1 ? partsOf(form, p.k, workgroupsOf(p.m, p.n, tile), adapter) : { parts: 1, each: p.k };
  const launch = (problem: Gemm, y: string) =>
    dispatch(
      kernel,
      { p: problem, tile, parts, kEach: each },
      { x: names.x, w: names.w, y, ...epilogueBindings(problem.epilogue) },
    );
  if (parts === 1) return { dispatches: [launch(p, names.y)] };
  return lowerParts(launch({ ...p, epilogue: noEpilogue }, "parts"), p.m * p.n, p.n, parts, p.epilogue, names.y);
}
