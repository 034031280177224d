/** Where a network can be cut by one tensor. */
import { expect, it } from "vitest";
import { freezePoints, lastOfBlocks } from "../../src/nn/freeze-points";
import { Add, Conv2D, Dense, FunctionalModel, GlobalAveragePooling2D, input, resetNames } from "../../src/index";

/** Two blocks, the second with a skip connection round its middle. */
function network(): FunctionalModel {
  resetNames();
  const conv = (name: string, filters = 4) => new Conv2D({ filters, kernelSize: 3, padding: "same", name });
  const x = input([6, 6, 3]);
  const first = conv("block_1_conv").apply(x);
  const wide = conv("block_2_wide", 8).apply(first);
  const narrow = conv("block_2_narrow").apply(wide);
  const sum = new Add({ name: "block_2_add" }).apply([first, narrow]);
  const pooled = new GlobalAveragePooling2D({ name: "pool" }).apply(sum);
  return new FunctionalModel({ inputs: x, outputs: new Dense({ units: 2, name: "head" }).apply(pooled), name: "net" });
}

it("leaves out what a skip connection leads round, and the head", () => {
  const points = freezePoints(network());
  expect(points.map((p) => [p.layer, p.shape])).toEqual([
    ["block_1_conv", [6, 6, 4]],
    ["block_2_add", [6, 6, 4]],
    ["pool", [4]],
  ]);
});

it("counts weights and operations up to there", () => {
  const [first, add, pool] = freezePoints(network());
  const convolution = (inputs: number, filters: number) => 9 * inputs * filters + filters;
  expect(first.frozenParameters).toBe(convolution(3, 4));
  expect(add.frozenParameters).toBe(convolution(3, 4) + convolution(4, 8) + convolution(8, 4));
  expect(pool.frozenParameters).toBe(add.frozenParameters);
  // 36 positions, 9 taps: 12 products in the first, 64 in the others; the rest is little.
  expect(first.shareOfFlops).toBeGreaterThan(0.13);
  expect(first.shareOfFlops).toBeLessThan(12 / 76);
  expect(pool.shareOfFlops).toBeGreaterThan(0.99);
  expect(pool.shareOfFlops).toBeLessThan(1);
});

it("shows the last of each block, where weights are frozen", () => {
  expect(lastOfBlocks(freezePoints(network())).map((p) => p.layer)).toEqual(["block_1_conv", "pool"]);
});
