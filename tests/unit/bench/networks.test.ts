import { expect, test } from "vitest";
import { makePlan, sparseCategoricalCrossentropy, adam } from "../../../src/index";
import { largeNetworks, smallNetwork } from "../../../bench/src/networks";
import { assembleThaw, buildThaw, freeze } from "../../../bench/src/systems/thaw";

const networks = [smallNetwork, ...largeNetworks];

test.each([
  // what keras.applications counts without the top, and a head of five classes
  ["mobilenetv2-0.35-96", 410_208 + 1280 * 5 + 5],
  ["mobilenetv2-1.0-224", 2_257_984 + 1280 * 5 + 5],
  ["resnet50-224", 23_587_712 + 2048 * 5 + 5],
])("%s has as many weights as Keras's, %d, and can be trained as a whole and in part", (name, count) => {
  const model = assembleThaw(networks.find((network) => network.name === name)!);
  expect(model.allParameters().reduce((sum, p) => sum + p.count, 0)).toBe(count);
  const steps = (frozen: number) => {
    freeze(model, frozen);
    return makePlan({
      model,
      batchSize: 1,
      mode: "train",
      loss: sparseCategoricalCrossentropy({ fromLogits: true }),
      metrics: [],
      optimizer: adam(1e-3),
      adapter: { software: true, features: [], maxWorkgroupStorage: 16384, maxInvocations: 256 },
    }).steps.length;
  };
  const [all, some, head] = [steps(0), steps(100), steps(model.layers.length - 1)];
  expect(all).toBeGreaterThan(some);
  expect(some).toBeGreaterThan(head);
});

test("weights are the same every time", () => {
  const [a, b] = [buildThaw(smallNetwork), buildThaw(smallNetwork)];
  expect(a.getLayer("Conv1").parameters[0].value).toEqual(b.getLayer("Conv1").parameters[0].value);
});
