import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { pretrainedSuite } from "../support/pretrained";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => gpu.dispose());

pretrainedSuite(() => gpu);
