// npm run bench: Thaw beside the systems a user might pick instead. A table; with --json FILE also a file.
//
// Arguments: [--quick] [--only PART-OF-AN-ID] [--json FILE] [--runtime node]
// The peers are installed into bench/node_modules on first use; they are dependencies of nothing else.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { vulkanEnvironment } from "../tools/find-browser.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
if (!fs.existsSync(path.join(here, "node_modules/@tensorflow"))) {
  console.log("bench: installing the peers into bench/node_modules");
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" });
}
// One file with everything in it but Node's WebGPU: TF.js's modules do not load in Node as they are, and a machine with a GPU
// and no network can be given it.
const out = path.join(here, "dist");
await build({
  configFile: false,
  root: path.join(here, ".."),
  logLevel: "error",
  publicDir: false,
  ssr: { noExternal: true, external: ["webgpu"] },
  build: { ssr: path.join(here, "src/main.ts"), outDir: out, emptyOutDir: true, target: "node20", minify: false },
});
const { status } = spawnSync(process.execPath, [path.join(out, "main.js"), ...process.argv.slice(2)], {
  cwd: path.join(here, ".."),
  stdio: "inherit",
  env: { ...vulkanEnvironment({ only: false }), ...process.env },
});
process.exit(status ?? 1);
