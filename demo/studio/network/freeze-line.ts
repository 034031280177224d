/** Where the freeze line is: pure functions over blocks and the names of frozen layers. */
import type { BlockInfo } from "../../worker/protocol";

export type BlockState = "frozen" | "trainable" | "mixed";

export function stateOf({ layers }: BlockInfo, frozen: ReadonlySet<string>): BlockState {
  const count = layers.filter(({ name }) => frozen.has(name)).length;
  return count === layers.length ? "frozen" : count === 0 ? "trainable" : "mixed";
}

/** How many blocks lie below the line: those that are frozen from the input up without a gap. */
export function lineAt(blocks: readonly BlockInfo[], frozen: ReadonlySet<string>): number {
  const first = blocks.findIndex((block) => stateOf(block, frozen) !== "frozen");
  return first < 0 ? blocks.length : first;
}

/** Whether all above the line is thawed: the line alone says what is frozen. */
export const isLine = (blocks: readonly BlockInfo[], frozen: ReadonlySet<string>): boolean =>
  blocks.slice(lineAt(blocks, frozen)).every((block) => stateOf(block, frozen) === "trainable");

/** The layers below a line. */
export const below = (blocks: readonly BlockInfo[], line: number): Set<string> =>
  new Set(blocks.slice(0, line).flatMap(({ layers }) => layers.map(({ name }) => name)));

/** With these layers the other way round: all frozen, or all thawed where all of them were. */
export function toggled(frozen: ReadonlySet<string>, layers: readonly string[]): Set<string> {
  const result = new Set(frozen);
  const all = layers.every((name) => frozen.has(name));
  for (const name of layers) {
    if (all) result.delete(name);
    else result.add(name);
  }
  return result;
}
