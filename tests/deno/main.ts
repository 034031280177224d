/** The contract of kernels and the suite of f16 in Deno: wgpu and naga, and with Mesa's llvmpipe an adapter that has shader-f16. */
import { afterAll, beforeAll } from "vitest";
import { adapterName } from "../../src/gpu/device";
import { requestGpu, type Gpu } from "../../src/index";
import { contractSuite } from "../support/contract";
import { halfSuite } from "../support/half";
import { runTests } from "./vitest";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu();
  console.log(`${adapterName(gpu.adapter)}: ${gpu.adapter.features.join(", ")}\n`);
});
afterAll(() => gpu.dispose());

contractSuite(() => gpu);
halfSuite(() => gpu);

process.exit((await runTests(process.argv[2])) > 0 ? 1 : 0);
