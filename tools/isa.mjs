// Reads the assembly that RADV prints for a compute shader: its hot loop, and how wide its loads are.

/**
 * @typedef {{ label: string, lines: string[] }} Block
 * @typedef {{
 *   instructions: number, multiplyAdds: number, packed: number, otherVector: number, scalar: number, loads: number,
 *   stores: number, workgroup: number, barriers: number, waits: number
 * }} Counts
 * @typedef {Counts & { loops: number, share: number }} HotLoop
 */

/** @param {string} text @returns {Block[]} */
export function blocksOf(text) {
  /** @type {Block[]} */
  const blocks = [];
  for (const raw of text.split("\n")) {
    const label = /^(BB\d+):/.exec(raw);
    if (label) blocks.push({ label: label[1], lines: [] });
    else if (blocks.length > 0 && /^\s+[a-z]/.test(raw)) blocks.at(-1)?.lines.push(raw.trim());
  }
  return blocks;
}

/** @param {readonly Block[]} blocks @returns {Counts} */
function count(blocks) {
  const c = {
    instructions: 0,
    multiplyAdds: 0,
    packed: 0,
    otherVector: 0,
    scalar: 0,
    loads: 0,
    stores: 0,
    workgroup: 0,
    barriers: 0,
    waits: 0,
  };
  for (const line of blocks.flatMap((b) => b.lines)) {
    // A pair that is issued at once (v_dual_fmac_f32 ... :: v_dual_fmac_f32 ...) is two instructions.
    for (const half of line.split("::")) {
      const op = half.trim().split(/\s/)[0];
      c.instructions++;
      if (/^v_(dual_)?(pk_)?(fma|fmac|fmaak|fmamk|mad|mac|dot)/.test(op) && !/_[iu](16|24|32|64)/.test(op)) {
        c.multiplyAdds++;
        if (op.startsWith("v_pk_")) c.packed++;
      } else if (op.startsWith("v_")) c.otherVector++;
      else if (/^(buffer|global|flat)_load/.test(op)) c.loads++;
      else if (/^(buffer|global|flat)_(store|atomic)/.test(op)) c.stores++;
      else if (op.startsWith("ds_")) c.workgroup++;
      else if (op === "s_barrier") c.barriers++;
      else if (/^s_(waitcnt|nop|clause|delay)/.test(op)) c.waits++;
      else c.scalar++;
    }
  }
  return c;
}

/**
 * The straight run of instructions, without branch or barrier, that has the most multiply-adds. It is the loop itself, unless
 * that was unrolled into the loop around it, which also brings the tiles to workgroup memory.
 * @param {readonly Block[]} blocks @returns {Counts}
 */
function longestRun(blocks) {
  /** @type {string[][]} */
  const runs = [];
  for (const block of blocks) {
    runs.push([]);
    for (const line of block.lines) {
      if (line.startsWith("s_barrier")) runs.push([]);
      else runs.at(-1)?.push(line);
    }
  }
  const counts = runs.map((lines) => count([{ label: "", lines }]));
  return counts.toSorted((a, b) => b.multiplyAdds - a.multiplyAdds)[0];
}

/** Multiply-adds among the instructions that do something: waits and barriers are not counted. @param {Counts} c */
const shareOf = (c) => c.multiplyAdds / Math.max(1, c.instructions - c.waits - c.barriers);

/**
 * The innermost loop with the most multiply-adds; the whole program when it has no loop.
 * @param {readonly Block[]} blocks @returns {HotLoop}
 */
export function hotLoop(blocks) {
  const index = new Map(blocks.map((b, i) => [b.label, i]));
  /** @type {[number, number][]} */
  const regions = [];
  for (const [i, block] of blocks.entries()) {
    for (const line of block.lines) {
      const target = index.get(/^s_c?branch\S*\s+(BB\d+)/.exec(line)?.[1] ?? "");
      if (target !== undefined && target <= i) regions.push([target, i]);
    }
  }
  if (regions.length === 0) {
    const whole = count(blocks);
    return { ...whole, loops: 0, share: shareOf(whole) };
  }
  const counted = regions.map((region) => ({ region, counts: count(blocks.slice(region[0], region[1] + 1)) }));
  // A loop around another is left out, unless the inner one has few of its multiply-adds.
  const inner = counted.filter(
    (a) =>
      !counted.some(
        (b) =>
          b !== a &&
          b.region[0] >= a.region[0] &&
          b.region[1] <= a.region[1] &&
          b.counts.multiplyAdds > 0.5 * a.counts.multiplyAdds,
      ),
  );
  const best = (inner.length > 0 ? inner : counted).toSorted(
    (a, b) => b.counts.multiplyAdds - a.counts.multiplyAdds,
  )[0];
  const counts = longestRun(blocks.slice(best.region[0], best.region[1] + 1));
  return { ...counts, loops: regions.length, share: shareOf(counts) };
}

/** @type {Record<string, number>} */
const widths = { dword: 4, dwordx2: 8, dwordx3: 12, dwordx4: 16, b32: 4, b64: 8, b96: 12, b128: 16 };

/**
 * Loads from memory by width in bytes, over the whole program. Those of uniforms through the scalar cache are not counted.
 * @param {readonly Block[]} blocks @returns {Record<number, number>}
 */
export function loadWidths(blocks) {
  /** @type {Record<number, number>} */
  const found = {};
  for (const line of blocks.flatMap((b) => b.lines)) {
    const op = /^(?:buffer|global|flat)_load_(\w+)/.exec(line)?.[1];
    if (!op) continue;
    const bytes = widths[op] ?? (/byte|[iu]8/.test(op) ? 1 : 2);
    found[bytes] = (found[bytes] ?? 0) + 1;
  }
  return found;
}
