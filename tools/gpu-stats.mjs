#!/usr/bin/env node
// @ts-nocheck: a tool taken over as it is; its JSON is what it says below
// What a real GPU's compiler makes of a WGSL compute shader, on a machine without that GPU.
//
//   node gpu-stats.mjs [--chips navi21,gfx1100,polaris10] [--isa] [--json] KERNEL.wgsl [NAME=VALUE ...] [-- KERNEL2.wgsl ...]
//
// Way: Dawn (npm package `webgpu`, found from the current folder) compiles the WGSL to SPIR-V on a software adapter and dumps it;
// spirv-as assembles the dump; Mesa's RADV driver compiles that for AMD chips on its null device and reports. NAME=VALUE sets an
// `override`. Needs, from Debian: chromium (its SwiftShader), mesa-vulkan-drivers, libvulkan-dev, spirv-tools, gcc.
// It says nothing about time: memory, caches and scheduling are not run. It does say what limits a kernel before any of that:
// registers, spills, occupancy, and how much of the hot loop is multiply-adds.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const find = (dirs, name) => dirs.map((d) => path.join(d, name)).find((f) => fs.existsSync(f));
const icd = (name, dirs) =>
  find(dirs, name) ?? fail(`${name} not found: install Debian's chromium and mesa-vulkan-drivers`);
function fail(message) {
  console.error(`gpu-stats: ${message}`);
  process.exit(2);
}

/** Compiles WGSL with Dawn in a child process and returns the SPIR-V assembly it dumps. */
function toSpirvAssembly(file, constants) {
  const child = `
    import { create, globals } from ${JSON.stringify(createRequire(path.join(process.cwd(), "x.js")).resolve("webgpu"))};
    Object.assign(globalThis, globals);
    const gpu = create(["enable-dawn-features=dump_shaders,allow_unsafe_apis"]);
    const adapter = await gpu.requestAdapter();
    const device = await adapter.requestDevice({ requiredFeatures: [...adapter.features].filter((f) => f === "subgroups" || f === "shader-f16") });
    const module = device.createShaderModule({ code: ${JSON.stringify(fs.readFileSync(file, "utf8"))} });
    const info = await module.getCompilationInfo();
    for (const m of info.messages) if (m.type === "error") { console.error("wgsl:" + m.lineNum + ": " + m.message); process.exit(3); }
    await device.createComputePipelineAsync({ layout: "auto", compute: { module, constants: ${JSON.stringify(constants)} } });
    console.log("/* end of dump */");
    process.exit(0);`;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", child], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      XDG_RUNTIME_DIR: os.tmpdir(),
      VK_ICD_FILENAMES: icd("vk_swiftshader_icd.json", ["/usr/lib/chromium", "/usr/share/vulkan/icd.d"]),
    },
  });
  const text = run.stdout + run.stderr;
  const start = text.indexOf("/* Dumped SPIRV disassembly */");
  if (start < 0) fail(`${file}: Dawn did not compile it:\n${text.slice(0, 2000)}`);
  return text
    .slice(start)
    .split("\n")
    .slice(1)
    .filter((l) => /^\s*(;|%|Op)/.test(l))
    .join("\n");
}

/** Counts instruction classes in the loop with the most multiply-adds (the whole program when it has no loop). */
function hotLoop(isa) {
  const blocks = []; // [{label, lines}]
  for (const raw of isa.split("\n")) {
    const label = /^(BB\d+):/.exec(raw);
    if (label) blocks.push({ label: label[1], lines: [] });
    else if (blocks.length && /^\s+[a-z]/.test(raw)) blocks.at(-1).lines.push(raw.trim());
  }
  const index = new Map(blocks.map((b, i) => [b.label, i]));
  const regions = [];
  blocks.forEach((b, i) =>
    b.lines.forEach((l) => {
      const target = /^s_c?branch\S*\s+(BB\d+)/.exec(l);
      if (target && index.get(target[1]) <= i) regions.push([index.get(target[1]), i]);
    }),
  );
  const count = ([from, to]) => {
    const c = {
      multiplyAdd: 0,
      otherVector: 0,
      scalar: 0,
      memoryLoad: 0,
      memoryStore: 0,
      workgroupMemory: 0,
      barrier: 0,
      wait: 0,
      instructions: 0,
    };
    for (const b of blocks.slice(from, to + 1))
      for (const l of b.lines) {
        const op = l.split(/\s/)[0];
        c.instructions++;
        if (/^v_(pk_)?(fma|fmac|mad|mac|dot)/.test(op) && !/_[iu](16|24|32|64)/.test(op)) c.multiplyAdd++;
        else if (op.startsWith("v_")) c.otherVector++;
        else if (/^(buffer|global|flat)_load/.test(op)) c.memoryLoad++;
        else if (/^(buffer|global|flat)_(store|atomic)/.test(op)) c.memoryStore++;
        else if (op.startsWith("ds_")) c.workgroupMemory++;
        else if (op === "s_barrier") c.barrier++;
        else if (/^s_waitcnt|^s_nop|^s_clause|^s_delay/.test(op)) c.wait++;
        else c.scalar++;
      }
    return {
      ...c,
      multiplyAddShare:
        c.multiplyAdd /
        Math.max(1, c.multiplyAdd + c.otherVector + c.scalar + c.memoryLoad + c.memoryStore + c.workgroupMemory),
    };
  };
  if (!regions.length) return { loops: 0, ...count([0, blocks.length - 1]) };
  const counted = regions.map((r) => ({ span: r[1] - r[0], ...count(r) }));
  const inner = counted.filter(
    (r, i) =>
      !regions.some(
        (q, j) =>
          j !== i && q[0] >= regions[i][0] && q[1] <= regions[i][1] && counted[j].multiplyAdd > 0.5 * r.multiplyAdd,
      ),
  );
  const best = (inner.length ? inner : counted).toSorted((a, b) => b.multiplyAdd - a.multiplyAdd)[0];
  return { loops: regions.length, ...best };
}

function build() {
  const bin = path.join(os.tmpdir(), "gpu-stats-bin"),
    source = path.join(here, "gpu-stats.c");
  if (!fs.existsSync(bin) || fs.statSync(bin).mtimeMs < fs.statSync(source).mtimeMs)
    execFileSync("gcc", ["-O1", "-o", bin, source, "-lvulkan"]);
  return bin;
}

const args = process.argv.slice(2);
const flag = (name) => args.includes(name) && !!args.splice(args.indexOf(name), 1);
const option = (name, otherwise) => (args.includes(name) ? args.splice(args.indexOf(name), 2)[1] : otherwise);
const chips = option("--chips", "navi21,gfx1100,polaris10").split(","),
  isa = flag("--isa"),
  json = flag("--json");
const kernels = args
  .join("\n")
  .split(/\n--(?:\n|$)/)
  .map((g) => g.split("\n"))
  .filter(([f]) => f)
  .map(([file, ...pairs]) => ({
    file,
    constants: Object.fromEntries(pairs.map((p) => [p.split("=")[0], Number(p.split("=")[1])])),
  }));
if (!kernels.length) fail("no WGSL file given (see the head of this file)");

const bin = build(),
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), "gpu-stats-")),
  rows = [];
for (const { file, constants } of kernels) {
  const spv = path.join(scratch, "kernel.spv"),
    asm = path.join(scratch, "kernel.spvasm");
  fs.writeFileSync(asm, toSpirvAssembly(file, constants));
  execFileSync("spirv-as", ["--target-env", "vulkan1.2", "--preserve-numeric-ids", "-o", spv, asm]);
  for (const chip of chips) {
    const out = execFileSync(bin, [spv, "--isa"], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
      stdio: ["ignore", "pipe", "ignore"],
      env: {
        ...process.env,
        RADV_FORCE_FAMILY: chip,
        VK_ICD_FILENAMES: icd("radeon_icd.x86_64.json", ["/usr/share/vulkan/icd.d"]),
      },
    });
    const split = out.indexOf("\n"),
      s = JSON.parse(out.slice(0, split)),
      code = out.slice(split + 1);
    if (isa) console.log(`; ${file} on ${chip}\n${code}`);
    rows.push({
      kernel: path.basename(file),
      constants,
      chip,
      vgprs: s.VGPRs,
      spills: s["Spilled VGPRs"] + s["Spilled SGPRs"],
      scratch: s["Scratch size"],
      workgroupBytes: s["LDS size"],
      wavesPerSimd: s["Subgroups per SIMD"],
      instructions: s.Instructions,
      hot: hotLoop(code),
    });
  }
}
fs.rmSync(scratch, { recursive: true });
if (json) console.log(JSON.stringify(rows, null, 1));
else
  console.table(
    rows.map(({ hot, constants, ...r }) => ({
      ...r,
      hotInstr: hot.instructions,
      hotFma: hot.multiplyAdd,
      fmaShare: hot.multiplyAddShare.toFixed(2),
      hotLoads: hot.memoryLoad,
      hotLds: hot.workgroupMemory,
      barriers: hot.barrier,
    })),
  );
