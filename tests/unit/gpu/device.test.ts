/** What is said where WebGPU cannot serve; the providers here are made up. */
import { describe, expect, it } from "vitest";
import { describeAdapter } from "../../../src/gpu/device";
import { adapterName, requestGpu } from "../../../src/index";

const provider = (adapter: object | null) =>
  ({ requestAdapter: async () => await Promise.resolve(adapter) }) as unknown as GPU;

const limits = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBufferBindingSize: 134217728,
};

describe("requestGpu", () => {
  it("says that there is no adapter, and what to do", async () => {
    await expect(requestGpu({ provider: provider(null) })).rejects.toThrow(
      /^requestGpu: WebGPU is there but gave no adapter; expected a GPU or a software adapter\. .*swiftshader.*VK_ICD_FILENAMES/,
    );
  });

  it("names the limits that are too small, with what is needed", async () => {
    const small = { limits: { ...limits, maxStorageBuffersPerShaderStage: 4, maxComputeWorkgroupStorageSize: 8192 } };
    await expect(requestGpu({ provider: provider(small) })).rejects.toThrow(
      /maxStorageBuffersPerShaderStage 4, maxComputeWorkgroupStorageSize 8192\); expected maxStorageBuffersPerShaderStage at least 8, maxComputeWorkgroupStorageSize at least 16384/,
    );
  });
});

describe("describeAdapter", () => {
  const info = (fields: Partial<GPUAdapterInfo>) =>
    ({ vendor: "", architecture: "", device: "", description: "", ...fields }) as GPUAdapterInfo;

  it.each<[string, Parameters<typeof describeAdapter>[0], boolean]>([
    ["Chromium on SwiftShader", { info: info({ vendor: "google", architecture: "swiftshader" }) }, true],
    ["Node on llvmpipe", { info: info({ vendor: "mesa", description: "llvmpipe (LLVM 15.0.6, 256 bits)" }) }, true],
    ["Firefox on llvmpipe, which names nothing", { info: info({ isFallbackAdapter: true }) }, true],
    ["Firefox on a GPU, which names nothing either", { info: info({ isFallbackAdapter: false }) }, false],
    ["an older Chromium's fallback", { info: info({ vendor: "x" }), isFallbackAdapter: true }, true],
    ["a GPU", { info: info({ vendor: "amd", architecture: "rdna-3", isFallbackAdapter: false }) }, false],
    ["a GPU in a browser that knows no fallback", { info: info({ vendor: "nvidia" }) }, false],
  ])("knows whether it is software: %s", (_, adapter, software) => {
    expect(describeAdapter(adapter, new Set(["b", "a"]))).toMatchObject({ software, features: ["a", "b"] });
  });
});

describe("adapterName", () => {
  it("prefers the description, and always says something", () => {
    const nothing = { vendor: "", architecture: "", device: "", description: "", software: false, features: [] };
    expect(adapterName(nothing)).toBe("an adapter without a name");
    expect(adapterName({ ...nothing, vendor: "google", architecture: "swiftshader" })).toBe("google swiftshader");
    expect(adapterName({ ...nothing, vendor: "x", description: "Big GPU" })).toBe("Big GPU");
  });
});
