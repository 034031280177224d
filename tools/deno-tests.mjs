// node tools/deno-tests.mjs [OPERATIONS [NAME]]: the contract of kernels and the suite of f16 in Deno, whose WebGPU is wgpu and naga.
// With Mesa's llvmpipe (Debian: mesa-vulkan-drivers) it has shader-f16, which no adapter of Chromium without a GPU has: programs
// in f16 are checked here. OPERATIONS: with commas between; default: those with programs in f16. NAME: only tests that have it in their name.
//
// Deno: DENO_PATH, or the path's own; `npm install --prefix DIR deno` puts one to DIR/node_modules/.bin/deno.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const outDir = path.join(root, "out/deno");
const only = process.argv[2] ?? "toHalf,matmul,conv2d,conv2dInputGradient";

await build({
  configFile: false,
  root,
  logLevel: "error",
  publicDir: false,
  define: { "import.meta.env.THAW_ONLY": JSON.stringify(only) },
  resolve: { alias: { vitest: path.join(root, "tests/deno/vitest.ts") } },
  ssr: { noExternal: true, external: ["webgpu"] },
  build: { ssr: path.join(root, "tests/deno/main.ts"), outDir, emptyOutDir: true, target: "node20", minify: false },
});

const llvmpipe = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";
const deno = process.env.DENO_PATH ?? "deno";
const { status, error } = spawnSync(
  deno,
  ["run", "--unstable-webgpu", "-A", path.join(outDir, "main.js"), process.argv[3] ?? ""],
  {
    stdio: "inherit",
    env: { ...(fs.existsSync(llvmpipe) && { VK_ICD_FILENAMES: llvmpipe }), XDG_RUNTIME_DIR: "/tmp", ...process.env },
  },
);
if (error)
  throw new Error(`deno-tests: no Deno (${error.message}). Name one in DENO_PATH; the head of this file says how.`);
process.exit(status ?? 1);
