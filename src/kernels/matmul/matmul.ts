/** Matrix product y = x * w, with transposed factors, batches and a fused epilogue. */
import { formatShape, ThawError } from "../../errors";
import type { Activation } from "../activation/activation";
import { checkEpilogue } from "../convolution";
import { epilogueOf } from "../epilogue";
import { f16Variants, halvesOf, selectHalves, withHalves, type HalfAttrs } from "../half/half";
import { elements, formsOf, operation, type Case, type Shape } from "../operation";
import { lowerPlain, type Gemm } from "./gemm";
import { lowerNarrow } from "./narrow";
import { lowerQuadsVec4 } from "./quads-vec4";
import { lowerRegisters } from "./registers";
import { selectMatmul, unlikelyProducts } from "./select";
import { timedForms, type TileForm } from "./tile-forms";
import { lowerTiles, lowerTilesF16, lowerTilesVec4, lowerTilesW16 } from "./tiles";
import { lowerVec4 } from "./vec4";

export interface MatmulAttrs extends HalfAttrs {
  /** x lies in memory as [..., K, M]. */
  readonly transposeX?: boolean;
  /** w lies in memory as [N, K]. */
  readonly transposeW?: boolean;
  /** Both factors are flattened to [rows, last axis] first; with `transposeX` only: the weight gradient of a batch. */
  readonly flatten?: boolean;
  /** Applied to the output; put there by fusion. */
  readonly activation?: Activation;
}

const who = "matmul";
const names = { x: "x", w: "w", y: "y" };

/** The problem in numbers. Leading axes of x that w does not have are rows like any other. */
export function gemmOf(attrs: MatmulAttrs, shapes: Readonly<Record<string, Shape | undefined>>): Gemm {
  const x = shapes.x!;
  const w = shapes.w!;
  const { transposeX = false, transposeW = false, flatten = false } = attrs;
  const batched = !flatten && w.length > 2;
  const batch = batched ? elements(w.slice(0, -2)) : 1;
  const columns = x.at(-1)!;
  const rows = elements(x) / (batch * columns);
  const wColumns = w.at(-1)!;
  const wRows = elements(w) / (batch * wColumns);
  const [m, k] = transposeX ? [columns, rows] : [rows, columns];
  const [wk, n] = transposeW ? [wColumns, wRows] : [wRows, wColumns];
  if (k !== wk) {
    throw new ThawError(
      who,
      `x ${formatShape(x)} has ${k} terms to sum and w ${formatShape(w)} has ${wk} (transposeX ${transposeX}, transposeW ${transposeW})`,
      "equal numbers",
      "Check that the layer before has as many units, or flatten its output.",
    );
  }
  return { batch, m, n, k, transposeX, transposeW, epilogue: epilogueOf(attrs, shapes) };
}

function outputShape(attrs: MatmulAttrs, shapes: Readonly<Record<string, Shape | undefined>>): Shape {
  const { x, w } = shapes;
  if (!x || !w || x.length < 2 || w.length < 2) {
    throw new ThawError(who, `x has shape ${formatShape(x)} and w ${formatShape(w)}`, "at least two axes each");
  }
  const sameBatch = x.length === w.length && x.slice(0, -2).every((n, i) => n === w[i]);
  const rowsOfMany = w.length === 2 && !attrs.transposeX;
  const flattened = attrs.flatten === true && attrs.transposeX === true && !attrs.transposeW;
  if (!sameBatch && !rowsOfMany && !flattened) {
    throw new ThawError(
      who,
      `x has shape ${formatShape(x)} and w ${formatShape(w)} (transposeX ${attrs.transposeX ?? false})`,
      "equal leading axes, or a matrix w for an x that is not transposed",
      "To sum over all leading axes (a weight gradient), set flatten and transposeX.",
    );
  }
  const { m, n } = gemmOf(attrs, shapes);
  if (attrs.flatten) return [m, n];
  return attrs.transposeX ? [...x.slice(0, -2), m, n] : [...x.slice(0, -1), n];
}

export const matmul = operation<MatmulAttrs>({
  name: who,
  inputs: ["x", "w", "b?", "scale?", "residual?"],
  outputs: ["y"],
  shapes: (attrs, inputs) => {
    const y = outputShape(attrs, inputs);
    checkEpilogue(who, y, inputs);
    return { y };
  },
  gradients: {
    // y = X W with X, W the factors as multiplied: dX = dy W', dW = X' dy; for a factor that is stored transposed, the
    // transpose of that. Which factor comes first and which are read transposed is all that changes.
    x: {
      op: who,
      from: { x: "dy", w: "w" },
      alternative: (a) => (a.transposeX ? { x: "w", w: "dy" } : undefined),
      attrs: (a): MatmulAttrs =>
        a.transposeX ? { transposeX: a.transposeW ?? false, transposeW: true } : { transposeW: !a.transposeW },
    },
    w: {
      op: who,
      from: { x: "x", w: "dy" },
      alternative: (a) => (a.transposeW ? { x: "dy", w: "x" } : undefined),
      attrs: (a, { x, w }): MatmulAttrs => {
        if (a.transposeX) return a.transposeW ? { transposeX: true, transposeW: true } : {};
        return { transposeX: true, ...(x!.length > w!.length && { flatten: true }) };
      },
    },
    b: { op: "sumRows", from: { x: "dy" }, attrs: () => ({}) },
  },
  constants: ["scale", "residual"], // put there by fusion, which runs after gradients are taken
  epilogue: true,
  halves: halvesOf,
  f16Variants,
  variants: withHalves<MatmulAttrs>(
    {
      plain: (attrs, shapes) => lowerPlain(gemmOf(attrs, shapes), names),
      narrow: (attrs, shapes, adapter) => lowerNarrow(gemmOf(attrs, shapes), names, adapter),
      vec4: (attrs, shapes, adapter) => lowerVec4(gemmOf(attrs, shapes), names, adapter),
      ...formsOf<MatmulAttrs, TileForm>(
        "tiles",
        timedForms,
        (form) => (attrs, shapes, adapter) => lowerTiles(gemmOf(attrs, shapes), names, adapter, form),
      ),
      ...formsOf<MatmulAttrs, TileForm>(
        "tilesVec4",
        timedForms,
        (form) => (attrs, shapes, adapter) => lowerTilesVec4(gemmOf(attrs, shapes), names, adapter, form),
      ),
      quadsVec4: (attrs, shapes, adapter) => lowerQuadsVec4(gemmOf(attrs, shapes), names, adapter),
      registers: (attrs, shapes, adapter) => lowerRegisters(gemmOf(attrs, shapes), names, adapter),
    },
    {
      tilesW16: (attrs, shapes, adapter) => lowerTilesW16(gemmOf(attrs, shapes), names, adapter),
      tilesF16: (attrs, shapes, adapter) => lowerTilesF16(gemmOf(attrs, shapes), names, adapter),
    },
  ),
  select: (attrs, shapes, adapter) => selectHalves(attrs, adapter) ?? selectMatmul(gemmOf(attrs, shapes), adapter),
  unlikely: unlikelyProducts,
  cases: cases(),
});

function cases(): Case<MatmulAttrs>[] {
  const n: MatmulAttrs = {};
  const tx: MatmulAttrs = { transposeX: true };
  const tw: MatmulAttrs = { transposeW: true };
  const both: MatmulAttrs = { transposeX: true, transposeW: true };
  return [
    { attrs: n, inputs: { x: [1, 1], w: [1, 1] } },
    { attrs: n, inputs: { x: [5, 7], w: [7, 3], b: [3] } },
    { attrs: tx, inputs: { x: [7, 5], w: [7, 3], b: [3] } },
    { attrs: tw, inputs: { x: [5, 7], w: [3, 7] } },
    { attrs: both, inputs: { x: [7, 5], w: [3, 7] } },
    { attrs: n, inputs: { x: [2, 3, 4], w: [4, 8], b: [8] } },
    { attrs: tw, inputs: { x: [2, 3, 4], w: [8, 4] } },
    { attrs: n, inputs: { x: [2, 3, 4], w: [2, 4, 5] } },
    { attrs: tx, inputs: { x: [2, 4, 3], w: [2, 4, 5] } },
    { attrs: tw, inputs: { x: [2, 3, 4], w: [2, 5, 4] } },
    { attrs: both, inputs: { x: [3, 4, 3], w: [3, 5, 4] } },
    { attrs: { transposeX: true, flatten: true }, inputs: { x: [2, 3, 4], w: [2, 3, 5] } },
    { attrs: n, inputs: { x: [2, 3, 5, 7], w: [2, 3, 7, 4] } }, // attention: values of several heads
    { attrs: tw, inputs: { x: [2, 3, 5, 4], w: [2, 3, 6, 4] } }, // and their scores
    { attrs: tx, inputs: { x: [2, 2, 5, 4], w: [2, 2, 5, 8] } },
    { attrs: n, inputs: { x: [64, 16], w: [16, 64], b: [64] }, large: true },
    { attrs: n, inputs: { x: [65, 17], w: [17, 65] }, large: true },
    { attrs: n, inputs: { x: [66, 20], w: [20, 68] }, large: true },
    { attrs: tx, inputs: { x: [20, 68], w: [20, 72] }, large: true },
    { attrs: tw, inputs: { x: [68, 36], w: [72, 36] }, large: true },
    { attrs: both, inputs: { x: [36, 68], w: [72, 36] }, large: true },
    { attrs: tx, inputs: { x: [20, 67], w: [20, 71] }, large: true },
    { attrs: tw, inputs: { x: [67, 37], w: [71, 37] }, large: true },
    { attrs: n, inputs: { x: [130, 100], w: [100, 132], b: [132] }, large: true },
    { attrs: { transposeX: true, flatten: true }, inputs: { x: [2, 700, 24], w: [2, 700, 20] }, large: true }, // few sums, long ones
    { attrs: { transposeX: true, flatten: true }, inputs: { x: [3, 333, 5], w: [3, 333, 3] }, large: true },
    { attrs: n, inputs: { x: [3, 1030], w: [1030, 20], b: [20] }, large: true },
    { attrs: n, inputs: { x: [8, 1280], w: [1280, 5], b: [5] }, large: true }, // a head, and the gradient of its weights
    { attrs: tx, inputs: { x: [8, 1280], w: [8, 5] }, large: true },
    {
      attrs: { activation: { kind: "relu", maxValue: 6 } },
      inputs: { x: [9, 12], w: [12, 20], b: [20], scale: [20], residual: [9, 20] },
      fused: true,
    },
    { attrs: { activation: { kind: "silu" } }, inputs: { x: [9, 13], w: [13, 19], b: [19] }, fused: true },
    {
      attrs: { activation: { kind: "hardSilu" } },
      inputs: { x: [3, 2, 8], w: [8, 4], residual: [3, 2, 4] },
      fused: true,
    },
    {
      attrs: { activation: { kind: "sigmoid" } },
      inputs: { x: [4, 900], w: [900, 8], b: [8], scale: [8] },
      fused: true,
    }, // after split sums
    {
      attrs: { activation: { kind: "relu", slope: 0.1 } },
      inputs: { x: [70, 8], w: [8, 70], scale: [70], residual: [70, 70] },
      fused: true,
    },
    {
      attrs: { activation: { kind: "silu" } },
      inputs: { x: [130, 64], w: [64, 132], b: [132], scale: [132], residual: [130, 132] },
      fused: true,
      large: true,
      traits: { busyWorkgroups: 2 },
    },
    ...largeTiles([
      [n, 250, 36, 252],
      [tw, 250, 35, 251],
      [tx, 252, 20, 60],
      [n, 250, 20, 20],
      [n, 120, 20, 60],
      [n, 120, 20, 20],
      [n, 130, 100, 132], // and of 64 x 32 by quads
      [tw, 190, 68, 100],
      [tx, 132, 64, 132],
    ]),
    ...halfCases(),
  ];
}

/** Weights in f16, which the plan puts there after gradients are taken. */
function halfCases(): Case<MatmulAttrs>[] {
  const problems: Case<MatmulAttrs>[] = [
    { attrs: {}, inputs: { x: [5, 8], w: [8, 4] } },
    { attrs: { transposeW: true }, inputs: { x: [2, 7, 12], w: [20, 12] } },
    { attrs: { activation: { kind: "silu" } }, inputs: { x: [66, 100], w: [100, 68], b: [68], scale: [68] } },
    { attrs: { transposeW: true }, inputs: { x: [3, 1032], w: [20, 1032], residual: [3, 20] } },
    ...largeTiles([
      [{}, 250, 36, 252],
      [{ transposeW: true }, 250, 20, 60],
      [{}, 250, 20, 20],
      [{}, 120, 20, 60],
      [{}, 120, 20, 20],
    ]),
  ];
  return (["weights", "arithmetic"] as const).flatMap((half) =>
    problems.map((problem) => ({ ...problem, attrs: { ...problem.attrs, half }, fused: true }) as const),
  );
}

/** Problems m x k x n for tiles of 128 x 128, 128 x 64, 128 x 32, 64 x 64 and 64 x 32: as if two workgroups kept the adapter busy. */
function largeTiles(problems: readonly [MatmulAttrs, number, number, number][]): Case<MatmulAttrs>[] {
  return problems.map(([attrs, m, k, n]) => ({
    attrs,
    inputs: { x: attrs.transposeX ? [k, m] : [m, k], w: attrs.transposeW ? [n, k] : [k, n], b: [n] },
    large: true,
    traits: { busyWorkgroups: 2 },
  }));
}
