import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { trajectorySuite } from "../support/trajectories";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => gpu.dispose());

trajectorySuite(() => gpu);
