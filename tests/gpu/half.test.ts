import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { halfSuite } from "../support/half";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu();
});
afterAll(() => gpu.dispose());

halfSuite(() => gpu);
