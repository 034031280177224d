/** What rare classes get in return. */
import { ThawError } from "../../errors";
import type { Dataset } from "../../nn/trainer";
import { randomSource } from "../../nn/parameter";
import { epochSeed } from "../../train/resident";

/** Samples of each class id from 0 to the largest (or as many as are named). */
export function classCounts(data: Pick<Dataset, "y"> & { readonly classNames?: readonly string[] }): number[] {
  const ids = Array.from(data.y ?? []);
  if (ids.length === 0 || ids.some((id) => !Number.isInteger(id) || id < 0))
    throw new ThawError("classCounts", "there are no class ids", "whole numbers from 0, one a sample");
  const counts = Array.from<number>({ length: data.classNames?.length ?? Math.max(...new Set(ids)) + 1 }).fill(0);
  for (const id of ids) counts[id]++;
  return counts;
}

/**
 * Weights by which every class counts the same in the loss: n / (classes * n_c), the formula of scikit-learn's "balanced".
 *
 * @returns one weight a class id
 * @throws for a class without samples.
 */
export function classWeights(
  data: Pick<Dataset, "y"> & { readonly classNames?: readonly string[] },
  mode: "balanced" = "balanced",
): number[] {
  if (mode !== "balanced") throw new ThawError("classWeights", `mode "${String(mode)}"`, '"balanced"');
  const counts = classCounts(data);
  const none = counts.indexOf(0);
  if (none >= 0) throw new ThawError("classWeights", `class ${none} has no samples`, "at least one of each class");
  const n = counts.reduce((a, b) => a + b, 0);
  return counts.map((c) => n / (counts.length * c));
}

/**
 * For `fit`'s `shuffle`: in each epoch every class is equally frequent, in another order. An epoch has as many samples as the data
 * set: those of rare classes come several times, and of frequent ones each epoch other samples are left out.
 *
 * @param seed default 0; the same seed gives the same orders.
 * @example await model.fit(data, { shuffle: balanced(data), epochs: 10 })
 */
export function balanced(
  { y }: Pick<Dataset, "y">,
  { seed = 0 }: { readonly seed?: number } = {},
): (epoch: number) => Uint32Array {
  const labels = Array.from(y ?? []);
  if (labels.length === 0) throw new ThawError("balanced", "there are no labels", "class ids");
  return (epoch) => balancedOrder(labels, epochSeed(seed, epoch), labels.length);
}

/**
 * An order of samples in which the classes alternate: every round takes one sample of each class in random order. A class
 * that has been gone through starts again in another order, so that none of its samples comes twice before all have come.
 *
 * `take(data, balancedOrder(data.y, seed))` is a data set in which every class is equally frequent.
 *
 * @param labels class ids
 * @param length default: classes times the largest class
 */
export function balancedOrder(labels: ArrayLike<number>, seed: number, length?: number): Uint32Array {
  const groups = new Map<number, number[]>();
  Array.from(labels).forEach((id, i) => {
    const g = groups.get(id);
    if (g) g.push(i);
    else groups.set(id, [i]);
  });
  const random = randomSource(seed);
  const mix = (list: number[]) => {
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  };
  const classes = [...groups.keys()].toSorted((a, b) => a - b);
  if (classes.length === 0) throw new ThawError("balancedOrder", "no labels", "at least one");
  const decks = new Map<number, number[]>(classes.map((id) => [id, []]));
  const most = Math.max(...classes.map((id) => groups.get(id)!.length));
  const order = new Uint32Array(length ?? classes.length * most);
  for (let at = 0; at < order.length;) {
    for (const id of mix([...classes])) {
      if (at === order.length) break;
      let deck = decks.get(id)!;
      if (deck.length === 0) decks.set(id, (deck = mix([...groups.get(id)!])));
      order[at++] = deck.pop()!;
    }
  }
  return order;
}
