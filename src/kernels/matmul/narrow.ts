/** The product where y is narrow (matmul_narrow): few classes of a classifier, behind a software adapter. */
import { ceilDiv, dispatch, foldWorkgroups, type Cost, type Kernel } from "../kernel";
import { VariantUnfit, type AdapterTraits, type Lowering } from "../operation";
import { epilogueBindings, epilogueOverrides, epilogueParams, noEpilogue } from "../epilogue";
import { gemmCost, gemmSizes, gemmStrides, type Gemm, type GemmNames } from "./gemm";
import { lowerParts, partsFor } from "./parts";
import { wgsl } from "../program";

interface Narrow {
  readonly p: Gemm;
  /** Computes the transposed product, because y has fewer rows than columns. */
  readonly swapped: boolean;
  readonly columns: number;
  readonly parts: number;
  readonly kEach: number;
}

const sidesOf = (p: Gemm, swapped: boolean) => (swapped ? { m: p.n, n: p.m } : { m: p.m, n: p.n });

/** Tiles of four rows. */
const tilesOf = (p: Gemm, swapped: boolean, columns: number): number => {
  const { m, n } = sidesOf(p, swapped);
  return ceilDiv(m, 4) * ceilDiv(n, columns);
};

export const narrowKernel: Kernel<Narrow> = {
  program: wgsl("software", "matmul_narrow"),
  constants: ({ columns }) => ({ COLUMNS: columns }),
  overrides: ({ p }) => epilogueOverrides(p.epilogue),
  params: ({ p, swapped, parts, kEach }) => {
    const s = gemmStrides(p);
    const x = { row: s.xRow, step: s.xStep };
    const w = { row: s.wColumn, step: s.wStep };
    const [rows, columns] = swapped ? [w, x] : [x, w];
    return {
      ...sidesOf(p, swapped),
      k: p.k,
      kEach,
      parts,
      xRow: rows.row,
      xStep: rows.step,
      wStep: columns.step,
      wColumn: columns.row,
      yRow: swapped ? 1 : p.n,
      yColumn: swapped ? p.n : 1,
      swapped: Number(swapped),
      ...epilogueParams(p.epilogue),
    };
  },
  workgroups: ({ p, swapped, columns, parts }) => foldWorkgroups(ceilDiv(tilesOf(p, swapped, columns) * parts, 4)),
  sizes: ({ p, swapped, parts }) => {
    const { x, w, y, ...rest } = gemmSizes(p);
    return { x: swapped ? w : x, w: swapped ? x : w, y: y * parts, ...rest };
  },
  cost: ({ p, parts }): Cost => {
    const { flops, bytes } = gemmCost(p);
    return { flops, bytes: bytes + 4 * (parts - 1) * p.m * p.n };
  },
};

export function lowerNarrow(p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering {
  if (p.batch > 1) throw new VariantUnfit("matmul_narrow computes one product");
  const swapped = p.m < p.n;
  const { n } = sidesOf(p, swapped);
  const columns = ceilDiv(n, ceilDiv(n, 8)); // ten columns are two tiles of five
  // A part is one invocation, four of them a workgroup.
  const { parts, each } = partsFor(p.k, ceilDiv(tilesOf(p, swapped, columns), 4), 1, adapter);
  const launch = (problem: Gemm, y: string) => {
    const factors = { x: swapped ? names.w : names.x, w: swapped ? names.x : names.w, y };
    const narrow = { p: problem, swapped, columns, parts, kEach: each };
    return dispatch(narrowKernel, narrow, { ...factors, ...epilogueBindings(problem.epilogue) });
  };
  if (parts === 1) return { dispatches: [launch(p, names.y)] };
  return lowerParts(launch({ ...p, epilogue: noEpilogue }, "parts"), p.m * p.n, p.n, parts, p.epilogue, names.y);
}
