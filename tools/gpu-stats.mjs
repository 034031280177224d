#!/usr/bin/env node
// What a real GPU's compiler makes of WGSL compute shaders, on a machine without that GPU.
//
//   node tools/gpu-stats.mjs [--chips navi21,gfx1100,polaris10] [--isa] KERNEL.wgsl [NAME=VALUE ...]
//
// Way: Dawn (npm package `webgpu`) takes Mesa's RADV driver on its null device for the adapter, so that it writes the very SPIR-V that
// it writes for such a GPU, with all its features (shader-f16, subgroups); RADV compiles that and prints assembly and figures. A
// small library in front of the Vulkan loader (null-gpu.c) leaves out the commands, which a null device does not have. NAME=VALUE
// sets an `override`. Needs, from Debian: mesa-vulkan-drivers, libvulkan1, gcc.
//
// It says nothing about time: memory, caches and scheduling are not run. It does say what limits a kernel before any of that:
// registers, spills, occupancy, and how much of the hot loop is multiply-adds.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { blocksOf, hotLoop, loadWidths } from "./isa.mjs";

/**
 * @typedef {{ code: string, constants: Readonly<Record<string, number>> }} Program
 * @typedef {{
 *   vgprs: number, spills: number, scratch: number, workgroupBytes: number, wavesPerSimd: number, instructions: number,
 *   cycles: number, hot: import("./isa.mjs").HotLoop, loads: Record<number, number>, isa: string
 * }} Stats
 */

const here = path.dirname(fileURLToPath(import.meta.url));

/** @param {string} what @param {readonly string[]} places @param {string} remedy */
function find(what, places, remedy) {
  const file = places.find((f) => fs.existsSync(f));
  if (!file) throw new Error(`gpu-stats: no ${what} in ${places.join(", ")}. ${remedy}`);
  return file;
}

/** Builds the stand-in for the loader and returns the environment in which Dawn meets the chip. @param {string} chip */
function environmentFor(chip) {
  const libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];
  const loader = find(
    "Vulkan loader",
    libraries.map((d) => path.join(d, "libvulkan.so.1")),
    "Install libvulkan1.",
  );
  const driver = find(
    "RADV",
    ["/usr/share/vulkan/icd.d/radeon_icd.x86_64.json", "/usr/share/vulkan/icd.d/radeon_icd.json"],
    "Install mesa-vulkan-drivers.",
  );
  const folder = path.join(os.tmpdir(), `thaw-null-gpu-${os.userInfo().uid}`);
  const library = path.join(folder, "libvulkan.so.1");
  const source = path.join(here, "null-gpu.c");
  if (!fs.existsSync(library) || fs.statSync(library).mtimeMs < fs.statSync(source).mtimeMs) {
    fs.mkdirSync(folder, { recursive: true });
    const own = `${library}.${process.pid}`;
    execFileSync("gcc", ["-O1", "-shared", "-fPIC", `-DREAL_LOADER="${loader}"`, "-o", own, source, "-ldl"]);
    fs.renameSync(own, library);
  }
  return {
    ...process.env,
    LD_LIBRARY_PATH: folder,
    VK_ICD_FILENAMES: driver,
    RADV_FORCE_FAMILY: chip,
    RADV_DEBUG: "shaders,shaderstats,nocache",
    XDG_RUNTIME_DIR: os.tmpdir(),
  };
}

/**
 * @param {string} chip as RADV_FORCE_FAMILY names it
 * @param {readonly Program[]} programs
 * @returns {Promise<(Stats | { error: string })[]>} one for each program
 */
export async function gpuStats(chip, programs) {
  const child = spawn(process.execPath, [path.join(here, "gpu-compile.mjs")], { env: environmentFor(chip) });
  child.stdin.end(JSON.stringify(programs));
  /** @type {Buffer[]} */
  const chunks = [];
  child.stderr.on("data", (chunk) => chunks.push(chunk));
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const text = Buffer.concat(chunks).toString("utf8");
  const parts = text.split(/^@@begin \d+$/m).slice(1);
  if (parts.length < programs.length) {
    const last = text.slice(-500);
    throw new Error(`gpu-stats: ${chip}: ${parts.length} of ${programs.length} programs, exit ${code}: ${last}`);
  }
  return parts.map(parse);
}

/** @param {string} text what was printed while one program was compiled @returns {Stats | { error: string }} */
function parse(text) {
  const error = /^@@error (.*)$/m.exec(text);
  if (error) return { error: error[1] };
  if (!/^@@end/m.test(text)) return { error: `the compiler stopped: ${text.trim().slice(-300)}` };
  const stats = text.lastIndexOf("*** SHADER STATS ***");
  const isa = text.slice(0, stats).slice(text.lastIndexOf("\nBB0:") + 1);
  const figure = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name}: (\\d+)`, "m").exec(text.slice(stats))?.[1] ?? Number.NaN);
  const blocks = blocksOf(isa);
  return {
    vgprs: figure("VGPRs"),
    spills: figure("Spilled VGPRs") + figure("Spilled SGPRs"),
    scratch: figure("Scratch size"),
    workgroupBytes: figure("LDS size"),
    wavesPerSimd: figure("Subgroups per SIMD"),
    instructions: figure("Instructions"),
    cycles: figure("Inverse Throughput"),
    hot: hotLoop(blocks),
    loads: loadWidths(blocks),
    isa,
  };
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { chips: { type: "string", default: "navi21,gfx1100" }, isa: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const [file, ...pairs] = positionals;
  if (!file) throw new Error("gpu-stats: no WGSL file; see the head of tools/gpu-stats.mjs");
  const constants = Object.fromEntries(pairs.map((p) => [p.split("=")[0], Number(p.split("=")[1])]));
  const code = fs.readFileSync(file, "utf8");
  for (const chip of values.chips.split(",")) {
    const [result] = await gpuStats(chip, [{ code, constants }]);
    if ("error" in result) throw new Error(`gpu-stats: ${file}: ${result.error}`);
    const { isa, ...rest } = result;
    if (values.isa) console.log(isa);
    console.log(chip, rest);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
