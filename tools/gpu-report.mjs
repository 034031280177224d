// npm run gpu-report: what AMD's compiler makes of every program that `select` can choose for a GPU, with the constants and
// overrides that it would choose. A table, and out/gpu-report.json. Arguments: [--chips navi21,gfx1100] [--only NAME]
//
// Needs what tools/gpu-stats.mjs needs (its head says it); no GPU. It says nothing of time.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createServer, isRunnableDevEnvironment } from "vite";

const { values } = parseArgs({
  options: {
    chips: { type: "string", default: "navi21,gfx1100" },
    only: { type: "string", default: "" },
    json: { type: "string", default: "out/gpu-report.json" },
  },
});
const root = fileURLToPath(new URL("..", import.meta.url));

const server = await createServer({
  configFile: false,
  root,
  appType: "custom",
  logLevel: "error",
  optimizeDeps: { noDiscovery: true, include: [] },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
const environment = server.environments.ssr;
if (!isRunnableDevEnvironment(environment)) throw new Error("gpu-report: this Vite cannot run modules");
const { gpuPrograms } = await environment.runner.import(path.join(root, "tools/gpu-programs.ts"));
/** @type {{ name: string, code: string, constants: Record<string, number>, intensity: number }[]} */
const programs = gpuPrograms(values.only);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gpu-report-"));
const rows = [];
for (const { name, code, constants, intensity } of programs) {
  const file = path.join(folder, `${name}.wgsl`);
  fs.writeFileSync(file, code);
  const pairs = Object.entries(constants).map(([key, value]) => `${key}=${value}`);
  const args = [path.join(root, "tools/gpu-stats.mjs"), "--chips", values.chips, "--json", file, ...pairs];
  const text = execFileSync(process.execPath, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
  for (const row of JSON.parse(text)) {
    rows.push({ ...row, kernel: name, intensity });
    const { chip, vgprs, spills, wavesPerSimd, workgroupBytes, hot } = row;
    console.log(
      `${name.padEnd(44)} ${chip.padEnd(8)} registers ${String(vgprs).padStart(3)}  spills ${spills}  waves ${String(wavesPerSimd).padStart(2)}  ` +
        `workgroup ${String(workgroupBytes).padStart(5)} B  multiply-adds ${(100 * hot.multiplyAddShare).toFixed(0).padStart(3)} %  ` +
        `${intensity.toFixed(1)} multiply-adds a byte`,
    );
  }
}
fs.rmSync(folder, { recursive: true });
fs.mkdirSync(path.dirname(values.json), { recursive: true });
fs.writeFileSync(values.json, `${JSON.stringify(rows, null, 1)}\n`);
console.log(`\n${rows.length} rows: ${values.json}`);
await server.close();
process.exit(0);
