/** The product in registers with vector loads (matmul_vec4); sums in parts where y is small and k long. */
import { ceilDiv, dispatch, foldWorkgroups, type Cost, type Kernel } from "../kernel";
import { VariantUnfit, type AdapterTraits, type Lowering } from "../operation";
import { epilogueBindings, epilogueOverrides, epilogueParams, noEpilogue } from "../epilogue";
import { gemmCost, gemmSizes, type Gemm, type GemmNames } from "./gemm";
import { lowerParts, partsFor } from "./parts";
import { wgsl } from "../program";

export interface VectorProduct {
  readonly p: Gemm;
  readonly parts: number;
  /** Vectors of k in a part. */
  readonly kEach: number;
}

interface Vec4 extends VectorProduct {
  /** Rows of one invocation. */
  readonly rows: 4 | 8;
}

const workgroup = 64;

const invocations = (p: Gemm, rows: number) => ceilDiv(p.m, rows) * (p.n / 4);

/** Lengths in vectors, but for m. */
export const vectorParams = ({ p, parts, kEach }: VectorProduct) => ({
  m: p.m,
  n: p.n / 4,
  k: p.k / 4,
  kEach,
  kFirst: parts > 1 ? kEach : 0,
  xPart: parts > 1 ? 0 : (p.m * p.k) / 4,
  wPart: parts > 1 ? 0 : (p.k * p.n) / 4,
});

export const vec4Kernel: Kernel<Vec4> = {
  program: wgsl("plain", "matmul_vec4"),
  constants: ({ rows }) => ({ ROWS: rows }),
  overrides: ({ p }) => ({
    TRANSPOSE_X: p.transposeX,
    TRANSPOSE_W: p.transposeW,
    ...epilogueOverrides(p.epilogue),
  }),
  params: (q) => ({ ...vectorParams(q), ...epilogueParams(q.p.epilogue) }),
  workgroups: ({ p, rows, parts }) => {
    const [x, y] = foldWorkgroups(ceilDiv(invocations(p, rows), workgroup));
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

/** Whether every row of every matrix is a whole number of vectors. */
export const inVectors = (p: Gemm): boolean => p.n % 4 === 0 && p.k % 4 === 0 && (!p.transposeX || p.m % 4 === 0);

export function lowerVec4(p: Gemm, names: GemmNames, adapter: AdapterTraits): Lowering {
  if (!inVectors(p)) throw new VariantUnfit("matmul_vec4 reads rows in vectors of four");
  const rows = invocations(p, 8) >= (adapter.software ? 64 : 16384) ? 8 : 4;
  const tiles = ceilDiv(invocations(p, rows), workgroup);
  const { parts, each } = p.batch === 1 ? partsFor(p.k, tiles, 4, adapter) : { parts: 1, each: p.k };
  const launch = (problem: Gemm, y: string) =>
    dispatch(
      vec4Kernel,
      { p: problem, rows, parts, kEach: each / 4 },
      { x: names.x, w: names.w, y, ...epilogueBindings(problem.epilogue) },
    );
  if (parts === 1) return { dispatches: [launch(p, names.y)] };
  return lowerParts(launch({ ...p, epilogue: noEpilogue }, "parts"), p.m * p.n, p.n, parts, p.epilogue, names.y);
}
