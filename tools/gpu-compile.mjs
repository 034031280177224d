// Compiles WGSL programs with Dawn on whatever adapter the environment names. tools/gpu-stats.mjs runs it with RADV's null device
// and reads what the driver prints; the lines that begin with @@ say which program that is of.
// stdin: [{ "code": WGSL, "constants": { NAME: number } }, ...]
import fs from "node:fs";
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
const programs = JSON.parse(fs.readFileSync(0, "utf8"));
const say = (/** @type {string} */ line) => fs.writeSync(2, `\n@@${line}\n`);

const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error("gpu-compile: no adapter");
/** @type {GPUFeatureName[]} */
const features = ["shader-f16", "subgroups"];
const device = await adapter.requestDevice({
  requiredFeatures: features.filter((f) => adapter.features.has(f)),
  requiredLimits: {
    maxComputeWorkgroupStorageSize: adapter.limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: adapter.limits.maxComputeInvocationsPerWorkgroup,
  },
});
for (const [index, { code, constants }] of programs.entries()) {
  say(`begin ${index}`);
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const wrong = messages.find((m) => m.type === "error");
  if (wrong) {
    say(`error line ${wrong.lineNum}: ${wrong.message.split("\n")[0]}`);
    continue;
  }
  try {
    await device.createComputePipelineAsync({ layout: "auto", compute: { module, constants } });
    say(`end ${index}`);
  } catch (error) {
    say(`error ${String(error).split("\n")[0]}`);
  }
}
// Mentioned here, because the package stops working once this object is collected.
process.exit(gpu ? 0 : 1);
