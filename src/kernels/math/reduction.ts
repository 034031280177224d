/** How the programs that reduce axes walk a tensor: kept axes choose a result, reduced ones the terms behind it. */
import { formatShape, ThawError } from "../../errors";
import { stridesOf } from "../arrange/strided_copy";
import { ceilDiv, foldWorkgroups } from "../kernel";
import { elements, type AdapterTraits, type Shape } from "../operation";

interface Axis {
  readonly size: number;
  readonly stride: number;
}

export interface Walk {
  readonly kept: readonly Axis[];
  readonly reduced: readonly Axis[];
  readonly results: number;
  readonly terms: number;
  /** The innermost axis is kept, so neighbouring results lie beside each other. */
  readonly across: boolean;
}

/** Axes of each sort that the programs peel off. */
const most = 3;

/** @throws where axes are not sorted numbers of axes of x, or kept and reduced ones alternate too often. */
export function walkOf(who: string, x: Shape, axes: readonly number[]): Walk {
  if (axes.some((a, i) => !Number.isInteger(a) || a < 0 || a >= x.length || (i > 0 && a <= axes[i - 1])))
    throw new ThawError(
      who,
      `received axes ${formatShape(axes)} for x of shape ${formatShape(x)}`,
      `numbers from 0 to ${x.length - 1} in ascending order`,
    );
  const strides = stridesOf(x);
  const joined: { size: number; stride: number; isReduced: boolean }[] = [];
  for (const [a, size] of x.entries()) {
    if (size === 1) continue;
    const isReduced = axes.includes(a);
    const last = joined.at(-1);
    if (last?.isReduced === isReduced) Object.assign(last, { size: last.size * size, stride: strides[a] });
    else joined.push({ size, stride: strides[a], isReduced });
  }
  const [kept, reduced] = [false, true].map((which) => joined.filter(({ isReduced }) => isReduced === which));
  if (kept.length > most || reduced.length > most)
    throw new ThawError(
      who,
      `axes ${formatShape(axes)} of x of shape ${formatShape(x)} alternate with kept ones too often`,
      `at most ${most} runs of each`,
      "Transpose x first, or reduce in two steps.",
    );
  const terms = elements(reduced.map(({ size }) => size));
  return { kept, reduced, terms, results: elements(x) / terms, across: joined.at(-1)?.isReduced === false };
}

/** Shape without the axes, or with ones in their place. */
export const reducedShape = (x: Shape, axes: readonly number[], keepDims: boolean): Shape =>
  x.flatMap((n, a) => (axes.includes(a) ? (keepDims ? [1] : []) : [n]));

/** What all these programs have in common: `lanes` invocations share a result. */
export interface Reduction extends Walk {
  readonly lanes: number;
}

const workgroup = ({ lanes }: Reduction) => Math.max(64, lanes);

export const reductionOverrides = (p: Reduction) => ({
  WORKGROUP: workgroup(p),
  LANES: p.lanes,
  ACROSS: p.across,
  KEPT: p.kept.length,
  REDUCED: p.reduced.length,
});

export function reductionParams({ kept, reduced, results, terms }: Reduction): Record<string, number> {
  const fields: Record<string, number> = { results, terms };
  for (const [axes, size, stride] of [
    [kept, "k", "keptStride"],
    [reduced, "r", "reducedStride"],
  ] as const) {
    // The outermost in slot 0, the others at the right end: the programs peel them off from slot 2 on.
    const slots = Array.from({ length: most }, (_, i) =>
      i === 0 ? axes[0] : i > most - axes.length ? axes[i - most + axes.length] : undefined,
    );
    slots.forEach((axis, i) => {
      if (i > 0) fields[`${size}${i}`] = axis?.size ?? 1;
      fields[`${stride}${i}`] = axis?.stride ?? 0;
    });
  }
  return fields;
}

export const reductionWorkgroups = (p: Reduction) => foldWorkgroups(ceilDiv(p.results * p.lanes, workgroup(p)));

const powerOfTwo = (n: number) => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

/** So many that each has some terms; where results lie beside each other, no more than an adapter needs to be busy. */
export function lanesOf({ terms, results, across }: Walk): number {
  const lanes = Math.min(256, powerOfTwo(terms / 4));
  return across ? Math.min(lanes, powerOfTwo(16384 / results)) : lanes;
}

/** On a CPU barriers are dear, and few results keep it busy. */
export const selectReduction = (walk: Walk, { software }: AdapterTraits): string =>
  lanesOf(walk) === 1 || (software && (walk.results >= 4 || walk.terms < 4096)) ? "plain" : "lanes";
