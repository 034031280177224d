import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/gpu/device";
import { contractSuite } from "../support/contract";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => gpu.dispose());

contractSuite(() => gpu, { forms: true });
