import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { lossSuite } from "../support/losses";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => gpu.dispose());

await lossSuite(() => gpu);
