/** The device of a test file. */
import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { forcedVariant } from "./forced";

/** Requests a device before the tests of a file and frees it behind them; the function gives it to a test. */
export function testGpu(): () => Gpu {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await requestGpu({ tuning: "off" });
    gpu.forceVariant = forcedVariant;
  });
  afterAll(() => gpu.dispose());
  return () => gpu;
}
