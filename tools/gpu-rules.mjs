// What a program for a GPU has to keep, as far as a compiler can tell; and what the chips can do.

/**
 * From AMD's product pages: RX 6900 XT (navi21) and RX 7900 XTX (gfx1100). The second figure for gfx1100 counts two multiply-adds
 * a cycle, which the compiler has to pair (v_dual_fmac_f32) and which Mesa 22.3 does not do: half of it is the bound to compare with.
 * @type {Record<string, { teraflops: number, gigabytes: number }>}
 */
export const chips = {
  navi21: { teraflops: 23, gigabytes: 512 },
  gfx1100: { teraflops: 61, gigabytes: 960 },
};

/** Multiply-adds a byte above which arithmetic is the limit and not memory. @param {string} chip */
export function balance(chip) {
  const known = chips[chip];
  return known ? (1000 * known.teraflops) / 2 / known.gigabytes : Number.NaN;
}

/** Multiply-adds for each byte that a workgroup brings to its tile. @param {{ rows: number, columns: number }} tile @param {number} wBytes a value of w */
export const tileIntensity = ({ rows, columns }, wBytes) => (rows * columns) / (4 * rows + wBytes * columns);

const tiled = /^(matmul|conv2d|conv2d_filter_gradient)_tiles/;

/**
 * @param {string} kernel
 * @param {import("./gpu-stats.mjs").Stats} stats
 * @returns {Record<string, boolean>} by rule; rules that do not apply are absent
 */
export function judge(kernel, stats) {
  const { hot, loads } = stats;
  const halves = /_(w16|f16)$/.test(kernel);
  const widest = Number(Object.keys(loads).at(-1) ?? 0);
  return {
    noSpills: stats.spills === 0 && stats.scratch === 0,
    ...(tiled.test(kernel) && { waves: stats.wavesPerSimd >= 8 }),
    ...(tiled.test(kernel) && !kernel.endsWith("_f16") && { multiplyAdds: hot.share >= 0.8 }),
    // Four values of f32 or, of halves, four in eight bytes; where channels do not come in fours there is no whole vector.
    ...(tiled.test(kernel) &&
      /_(vec4|w16|f16)$/.test(kernel) && {
        wideLoads: widest === 16 && Object.keys(loads).every((b) => Number(b) === 16 || (halves && Number(b) === 8)),
      }),
    // The rest adds the runs in f16 to the sums in f32.
    ...(kernel.endsWith("_f16") && { packed: hot.packed >= 0.85 * hot.multiplyAdds }),
  };
}
