import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { trajectorySuite, variantSuite } from "../support/trajectories";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => gpu.dispose());

trajectorySuite(() => gpu);
variantSuite(() => gpu, ["plain", "vec4", "tiles", "tilesVec4", "quadsVec4", "registers"]);
