/** `thaw info`: the adapter that commands run on. */
import { adapterName, requestGpu } from "../index";
import type { Io } from "./io";

const limits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const;

export async function infoCommand(options: { json?: boolean }, io: Io): Promise<void> {
  const gpu = await requestGpu();
  const { adapter } = gpu;
  const values = limits.map((name) => [name, gpu.device.limits[name]] as const);
  gpu.dispose();
  if (options.json) {
    io.out(`${JSON.stringify({ adapter, limits: Object.fromEntries(values), node: process.version }, null, 2)}\n`);
    return;
  }
  const row = (name: string, value: string) => io.out(`${name.padEnd(36)} ${value}\n`);
  row("adapter", adapterName(adapter));
  row("kind", adapter.software ? "software: a processor behind the WebGPU interface" : "GPU");
  row("features", adapter.features.join(", "));
  for (const [name, value] of values) row(name, value.toLocaleString("en"));
  row("Node", process.version);
}
