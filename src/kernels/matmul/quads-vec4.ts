/** The product by quads with vector loads (matmul_quads_vec4, matmul_quads_tall); sums in parts where y is small and k long. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { AdapterLacks, VariantUnfit, type AdapterTraits, type Lowering } from "../operation";
import { epilogueBindings, epilogueOverrides, epilogueParams, likeRelu, noEpilogue } from "../epilogue";
import type { Gemm, GemmNames } from "./gemm";
import { lowerParts, partsFor } from "./parts";
import { inVectors, vec4Kernel, vectorParams, type VectorProduct } from "./vec4";
import { wgsl } from "../program";

interface Quads extends VectorProduct {
  /** Vectors of columns in a tile. */
  readonly vectors: 4 | 8;
}

/** Vectors of columns in a tile for n columns; the narrow one computes less for nothing where n is small, but reuses less. */
export const vectorsFor = (n: number): 4 | 8 => (ceilDiv(n, 32) <= ceilDiv(n, 16) * 0.65 ? 8 : 4);

const tiles = (p: Gemm, vectors: number, rows = 32) => ceilDiv(p.m, rows) * ceilDiv(p.n / 4, vectors);

export const quadsVec4Kernel: Kernel<Quads> = {
  program: wgsl("software", "matmul_quads_vec4"),
  constants: ({ vectors }) => ({ VECTORS: vectors }),
  overrides: ({ p }) => ({
    TRANSPOSE_X: p.transposeX,
    TRANSPOSE_W: p.transposeW,
    ...epilogueOverrides(likeRelu(p.epilogue)),
  }),
  params: (q) => ({ ...vectorParams(q), ...epilogueParams(likeRelu(q.p.epilogue)) }),
  workgroups: ({ p, vectors, parts }) => {
    const [x, y] = foldWorkgroups(tiles(p, vectors));
    return [x, y, p.batch * parts];
  },
  sizes: (q) => vec4Kernel.sizes({ ...q, rows: 8 }),
  cost: (q) => vec4Kernel.cost({ ...q, rows: 8 }),
};

const tallKernel: Kernel<Quads> = {
  ...quadsVec4Kernel,
  program: wgsl("software", "matmul_quads_tall"),
  constants: () => ({}),
  workgroups: ({ p, vectors, parts }) => {
    const [x, y] = foldWorkgroups(tiles(p, vectors, 64));
    return [x, y, p.batch * parts];
  },
};

/** Whether twice the rows in a tile, and a quarter fewer loads, outweigh the longer compilation: many tiles, and sums that are not short. */
const prefersTall = (p: Gemm, vectors: number, { busyWorkgroups = 128 }: AdapterTraits): boolean =>
  vectors === 8 && p.k >= 64 && p.batch * tiles(p, vectors, 64) >= busyWorkgroups;

export function lowerQuadsVec4(p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering {
  if (!adapter.features.includes("subgroups")) throw new AdapterLacks("subgroups");
  if (!inVectors(p)) throw new VariantUnfit("matmul_quads_vec4 reads rows in vectors of four");
  const vectors = vectorsFor(p.n);
  const tall = prefersTall(p, vectors, adapter);
  const count = tiles(p, vectors, tall ? 64 : 32);
  const { parts, each } = p.batch === 1 ? partsFor(p.k, count, 4, adapter) : { parts: 1, each: p.k };
  const launch = (problem: Gemm, y: string) =>
    dispatch(
      tall ? tallKernel : quadsVec4Kernel,
      { p: problem, vectors, parts, kEach: each / 4 },
      { x: names.x, w: names.w, y, ...epilogueBindings(problem.epilogue) },
    );
  if (parts === 1) return { dispatches: [launch(p, names.y)] };
  return lowerParts(launch({ ...p, epilogue: noEpilogue }, "parts"), p.m * p.n, p.n, parts, p.epilogue, names.y);
}
