/**
 * The matrix product as a problem of plain numbers, and its kernels. `matmul` lowers to it, and so do convolutions with
 * a 1x1 filter in all three directions.
 */
import { ceilDiv, dispatch, foldWorkgroups, type Cost, type Kernel } from "../kernel";
import type { Lowering } from "../operation";
import {
  epilogueBindings,
  epilogueCost,
  epilogueOverrides,
  epilogueParams,
  epilogueSizes,
  type Epilogue,
} from "../epilogue";
import { wgsl } from "../program";

/** y[p] = f(x[p] * w[p]) with y of m x n; a transposed factor lies in memory as k x m or n x k. */
export interface Gemm {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeX: boolean;
  readonly transposeW: boolean;
  readonly epilogue: Epilogue;
}

/** Names of the values behind x, w and y. */
export interface GemmNames {
  readonly x: string;
  readonly w: string;
  readonly y: string;
}

export const gemmStrides = (p: Gemm) => ({
  xRow: p.transposeX ? 1 : p.k,
  xStep: p.transposeX ? p.m : 1,
  wStep: p.transposeW ? 1 : p.n,
  wColumn: p.transposeW ? p.k : 1,
});

export const gemmSizes = (p: Gemm) => ({
  x: p.batch * p.m * p.k,
  w: p.batch * p.k * p.n,
  y: p.batch * p.m * p.n,
  ...epilogueSizes(p.epilogue, p.n, p.batch * p.m * p.n),
});

export function gemmCost(p: Gemm): Cost {
  const after = epilogueCost(p.epilogue, p.n, p.batch * p.m * p.n);
  return {
    flops: 2 * p.batch * p.m * p.n * p.k + after.flops,
    bytes: 4 * p.batch * (p.m * p.k + p.k * p.n + p.m * p.n) + after.bytes,
  };
}

export const plainKernel: Kernel<Gemm> = {
  program: wgsl("plain", "matmul_plain"),
  overrides: (p) => epilogueOverrides(p.epilogue),
  params: (p) => ({ m: p.m, n: p.n, k: p.k, ...gemmStrides(p), wBatch: p.k * p.n, ...epilogueParams(p.epilogue) }),
  workgroups: (p) => {
    const [x, y] = foldWorkgroups(ceilDiv(p.m * p.n, 64));
    return [x, y, p.batch];
  },
  sizes: gemmSizes,
  cost: gemmCost,
};

export function lowerPlain(p: Gemm, names: GemmNames): Lowering {
  return { dispatches: [dispatch(plainKernel, p, { ...names, ...epilogueBindings(p.epilogue) })] };
}
