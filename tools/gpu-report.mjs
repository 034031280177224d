// npm run gpu-report: what AMD's compiler makes of every program that `select` can choose for a GPU, with the constants and
// overrides that it would choose. A table, and out/gpu-report.json.
//   --chips navi21,gfx1100   --only NAME   programs whose name has it   --json FILE
//   --all     every program in the table, not only those of the layers in gpu-shapes.ts and those that break a rule
//   --check   ends with 1 when a rule of gpu-rules.mjs is broken
//
// Needs what tools/gpu-stats.mjs needs (its head says it); no GPU. It says nothing of time.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createServer, isRunnableDevEnvironment } from "vite";
import { balance, chips as known, judge, tileIntensity } from "./gpu-rules.mjs";
import { gpuStats } from "./gpu-stats.mjs";

const { values } = parseArgs({
  options: {
    chips: { type: "string", default: "navi21,gfx1100" },
    only: { type: "string", default: "" },
    json: { type: "string", default: "out/gpu-report.json" },
    all: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});

const programs = await listPrograms(values.only);
const chips = values.chips.split(",");
const results = await Promise.all(chips.map((chip) => gpuStats(chip, programs)));

const rows = programs.flatMap((program, i) =>
  chips.map((chip, c) => {
    const { kernel, name, tile, uses, constants } = program;
    const stats = results[c][i];
    if ("error" in stats)
      return { kernel, name, chip, constants, uses, error: stats.error, meets: { compiles: false } };
    const { isa: _, ...figures } = stats;
    const wBytes = /_(w16|f16)$/.test(kernel) ? 2 : 4;
    return {
      kernel,
      name,
      chip,
      constants,
      ...figures,
      ...(tile && { tile, tileIntensity: tileIntensity(tile, wBytes) }),
      computeBoundFrom: balance(chip),
      uses,
      meets: judge(kernel, stats),
    };
  }),
);
const broken = rows.filter((row) => Object.values(row.meets).includes(false));

for (const row of rows) {
  if (values.all || row.uses.length > 0 || broken.includes(row)) print(row);
}
console.log(
  "\nmultiply-adds: share of the hot loop's instructions. Intensities are multiply-adds a byte: of the tile, from caches to workgroup" +
    "\nmemory; of a layer, from memory, against what makes a chip compute-bound:",
);
for (const chip of chips) {
  const { teraflops, gigabytes } = known[chip] ?? {};
  if (teraflops) console.log(`  ${chip} ${teraflops} TFLOP/s, ${gigabytes} GB/s: ${balance(chip).toFixed(1)}`);
}
fs.mkdirSync(path.dirname(values.json), { recursive: true });
fs.writeFileSync(values.json, `${JSON.stringify(rows, null, 1)}\n`);
console.log(`\n${programs.length} programs, ${rows.length} rows: ${values.json}; ${broken.length} rows break a rule`);
process.exit(values.check && broken.length > 0 ? 1 : 0);

/** @param {typeof rows[number]} row */
function print(row) {
  const title = `${row.name.slice(0, 76).padEnd(76)} ${row.chip.padEnd(8)}`;
  if ("error" in row) return console.log(`${title} does not compile: ${row.error}`);
  const loads = Object.entries(row.loads).map(([bytes, count]) => `${count}x${bytes}`);
  const packed = row.hot.packed > 0 ? " packed" : "";
  const tile = row.tileIntensity ? `  tile ${row.tileIntensity.toFixed(1)}` : "";
  const failed = Object.entries(row.meets).filter(([, kept]) => !kept);
  const broke = failed.length > 0 ? `  BREAKS ${failed.map(([rule]) => rule).join(", ")}` : "";
  console.log(
    `${title} registers ${String(row.vgprs).padStart(3)}  spills ${row.spills}  waves ${String(row.wavesPerSimd).padStart(2)}  ` +
      `workgroup ${String(row.workgroupBytes).padStart(5)} B  multiply-adds ${(100 * row.hot.share).toFixed(0).padStart(2)} %` +
      `${packed}  loads ${loads.join(" ") || "-"}${tile}${broke}`,
  );
  if (row.chip !== chips[0]) return;
  for (const { title: layer, workgroups, intensity } of row.uses)
    console.log(`    ${layer}: ${workgroups} workgroups, ${intensity.toFixed(1)} multiply-adds a byte`);
}

/** @param {string} only @returns {Promise<import("./gpu-programs").GpuProgram[]>} */
async function listPrograms(only) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const server = await createServer({
    configFile: false,
    root,
    appType: "custom",
    logLevel: "error",
    optimizeDeps: { noDiscovery: true, include: [] },
    server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  });
  try {
    const environment = server.environments.ssr;
    if (!isRunnableDevEnvironment(environment)) throw new Error("gpu-report: this Vite cannot run modules");
    const { gpuPrograms } = await environment.runner.import(path.join(root, "tools/gpu-programs.ts"));
    return await gpuPrograms(only);
  } finally {
    await server.close();
  }
}
