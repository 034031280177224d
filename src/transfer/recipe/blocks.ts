/** A base in blocks: what is thawed together, or learns at the same rate. */
import { blockOf, freezePoints, lastOfBlocks } from "../../nn/freeze-points";
import type { Layer } from "../../nn/layer";
import type { Container } from "../../nn/model";

export interface Block {
  /** What its layers' names have in common, e.g. "block_3". */
  readonly name: string;
  readonly layers: readonly Layer[];
}

/**
 * The blocks of a network from its input up: each ends where a single tensor leads on (behind a residual sum, not inside it),
 * and has weights. Layers behind the last such place are the last block.
 */
export function blocksOf(model: Container): Block[] {
  const layers = model.flatLayers();
  const ends = lastOfBlocks(freezePoints(model)).map(({ layer }) => layers.findIndex((l) => l.name === layer));
  const bounds = [...new Set([...ends.filter((i) => i >= 0), layers.length - 1])].toSorted((a, b) => a - b);
  const blocks: Block[] = [];
  let from = 0;
  for (const end of bounds) {
    const own = layers.slice(from, end + 1);
    from = end + 1;
    const weighty = own.filter((l) => l.parameters.length > 0);
    const last = blocks.at(-1);
    const name = blockOf((weighty.at(-1) ?? own.at(-1)!).name);
    // What has no weights goes with the block below, and so does what has its name.
    if (last && (weighty.length === 0 || last.name === name))
      blocks[blocks.length - 1] = { ...last, layers: [...last.layers, ...own] };
    else blocks.push({ name, layers: own });
  }
  return blocks;
}
