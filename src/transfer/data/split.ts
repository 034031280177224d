/** Training, validation and test data from one set. */
import { ThawError } from "../../errors";
import type { Dataset, StreamedDataset } from "../../nn/trainer";
import { shuffledOrder } from "../../train/resident";
import { sampleCount } from "./labelled";
import { take } from "./select";

export interface SplitOptions {
  /** Shares of the parts, summing to 1 (or less: the rest is left out), e.g. [0.8, 0.2]. */
  readonly fractions?: readonly number[];
  /** Instead: samples of the parts; -1 in one place for all that are left. */
  readonly counts?: readonly number[];
  /** Default 0. The same seed gives the same parts. */
  readonly seed?: number;
  /** Every part gets each class in the same proportion; default true. Needs class ids. */
  readonly stratify?: boolean;
}

/**
 * Splits a data set into parts that share no sample. Samples keep their order within a part.
 *
 * Stratified with `fractions`, a class of n samples gives each part its share rounded down, and what is left to the parts
 * with the largest remainders (earlier ones first). A class with at least as many samples as there are parts is in every part;
 * one with fewer gives one to each of the first parts: one image is for training, two for training and validation.
 * Stratified with `counts`, the parts have exactly these sizes and classes are as near their share as that allows; a rare
 * class may then be missing from a small part.
 *
 * @throws for shares that are not above 0 or sum to more than 1, a part that would be empty, and missing labels.
 */
export function split<D extends Dataset | StreamedDataset>(data: D, options: SplitOptions): D[] {
  const { seed = 0, stratify = true } = options;
  const count = sampleCount(data);
  const shares = sharesOf(options, count);
  const groups = stratify ? classGroups(data, count) : [Array.from({ length: count }, (_, i) => i)];
  const parts: number[][] = shares.map(() => []);
  const exact = options.counts !== undefined;
  const sizes = exact
    ? wholeCounts(
        groups.map((g) => g.length),
        shares,
        count,
      )
    : undefined;
  groups.forEach((group, g) => {
    const order = shuffledOrder(group.length, seed * 7919 + g + 1);
    let at = 0;
    (sizes?.[g] ?? divide(group.length, shares)).forEach((n, part) => {
      for (let i = 0; i < n; i++) parts[part].push(group[order[at++]]);
    });
  });
  const empty = parts.findIndex((p) => p.length === 0);
  if (empty >= 0)
    throw new ThawError("split", `part ${empty + 1} of ${count} samples would be empty`, "at least one sample a part");
  return parts.map((indices) =>
    take(
      data,
      indices.toSorted((a, b) => a - b),
    ),
  );
}

function sharesOf({ fractions, counts }: SplitOptions, count: number): number[] {
  if ((fractions === undefined) === (counts === undefined))
    throw new ThawError("split", fractions ? "fractions and counts" : "no sizes", "fractions or counts");
  if (fractions) {
    const sum = fractions.reduce((a, b) => a + b, 0);
    if (fractions.length < 2 || fractions.some((f) => !(f > 0)) || sum > 1 + 1e-9)
      throw new ThawError(
        "split",
        `fractions ${fractions.join(", ")} (sum ${sum})`,
        "two or more above 0, sum at most 1",
      );
    return [...fractions];
  }
  const list = counts!;
  const given = list.filter((n) => n !== -1);
  const sum = given.reduce((a, b) => a + b, 0);
  const rest = count - sum;
  const wrong = list.length < 2 || given.some((n) => !Number.isInteger(n) || n < 1) || list.length - given.length > 1;
  if (wrong || rest < 0 || (given.length < list.length && rest < 1))
    throw new ThawError("split", `counts ${list.join(", ")}`, `two or more, at most ${count} samples in all, -1 once`);
  return list.map((n) => (n === -1 ? rest : n) / count);
}

function classGroups({ y }: Pick<Dataset, "y">, count: number): number[][] {
  const list = y && Array.from(y);
  if (!list || list.length !== count || list.some((id) => !Number.isInteger(id) || id < 0))
    throw new ThawError("split", "there are no class ids", "one a sample", "Pass stratify: false.");
  const classes = [...new Set(list)].toSorted((a, b) => a - b);
  return classes.map((id) => [...list.keys()].filter((i) => list[i] === id));
}

/** How many of n samples each part gets: largest remainders, and at least one where there are enough. */
export function divide(n: number, shares: readonly number[]): number[] {
  const total = Math.round(n * shares.reduce((a, b) => a + b, 0));
  const sizes = shares.map((s) => Math.floor(n * s + 1e-9));
  const remainders = shares.map((s, i) => n * s - sizes[i]);
  const order = [...shares.keys()].toSorted((a, b) => remainders[b] - remainders[a] || a - b);
  for (let left = Math.min(total, n) - sizes.reduce((a, b) => a + b, 0), i = 0; left > 0; left--, i++)
    sizes[order[i % order.length]]++;
  if (n < shares.length) return shares.map((_, i) => Number(i < n));
  for (let i = sizes.indexOf(0); i >= 0; i = sizes.indexOf(0)) {
    const used = sizes.reduce((a, b) => a + b, 0);
    if (used >= n) sizes[sizes.indexOf(Math.max(...sizes))]--;
    sizes[i]++;
  }
  return sizes;
}

/** A table of whole numbers whose columns sum to the counts asked for, near each class's share. */
function wholeCounts(groups: readonly number[], shares: readonly number[], count: number): number[][] {
  const wanted = shares.map((s) => Math.round(s * count));
  const sizes = groups.map((n) => shares.map((s) => Math.floor(n * s + 1e-9)));
  wanted.forEach((goal, part) => {
    const sum = () => sizes.reduce((a, row) => a + row[part], 0);
    while (sum() < goal) {
      // The class that is furthest below its share here and has samples left.
      let best = -1;
      let lack = -Infinity;
      sizes.forEach((row, g) => {
        const left = groups[g] - row.reduce((a, b) => a + b, 0);
        const missing = groups[g] * shares[part] - row[part];
        if (left > 0 && missing > lack) [best, lack] = [g, missing];
      });
      sizes[best][part]++;
    }
  });
  return sizes;
}
