/** What a plan does with frozen weights when it is asked for f16, and what it says of it. */
import { beforeEach, describe, expect, it } from "vitest";
import { roundToHalf } from "../../src/kernels/half/toHalf.reference";
import {
  adam,
  makePlan,
  resetNames,
  sparseCategoricalCrossentropy,
  type AdapterTraits,
  type FrozenPrecision,
  type Plan,
} from "../../src/index";
import { halving } from "../../src/nn/compile/half-weights";
import { packHalves, unpackHalves } from "../support/halves";
import { gpuAdapter, miniMobileNet } from "../support/nets";

const withF16: AdapterTraits = { ...gpuAdapter, features: ["shader-f16"] };

function planOf(
  frozenPrecision: FrozenPrecision,
  adapter: AdapterTraits,
  trainable: readonly string[] = ["head"],
): Plan {
  const model = miniMobileNet();
  for (const l of model.layers) l.trainable = trainable.includes(l.name);
  const loss = sparseCategoricalCrossentropy({ fromLogits: true });
  return makePlan({
    model,
    batchSize: 4,
    mode: "train",
    loss,
    adapter,
    optimizer: adam(),
    halving: halving(frozenPrecision),
  });
}

const variants = (plan: Plan) =>
  Object.fromEntries(
    plan.steps.filter((s) => s.variant.endsWith("16")).map((s) => [`${s.layer} ${s.phase}`, s.variant]),
  );

beforeEach(resetNames);

describe("frozen weights in f16", () => {
  it("are off unless asked for", () => {
    const plan = planOf("float32", withF16);
    expect(variants(plan)).toEqual({});
    expect(String(plan)).not.toContain("f16");
    expect(plan.fields.halved).toMatchObject({ copies: 0, bytes: 0, text: "" });
  });

  it("are copied once in the setup and read by products and convolutions", () => {
    const plan = planOf("float16Weights", withF16);
    expect(variants(plan)).toEqual({
      "expand forward": "tilesW16",
      "project forward": "tilesW16",
      "conv2 forward": "tilesW16",
    });
    const copies = plan.steps.filter((s) => s.op === "toHalf");
    expect(copies.map((s) => [s.phase, s.layer])).toEqual([
      ["setup", "expand"],
      ["setup", "project"],
      ["setup", "conv2"],
    ]);
    // 8 x 16, 16 x 8 and 9 x 8 x 12 values of two bytes; conv1 has three channels.
    expect(plan.fields.halved?.bytes).toBe(2 * (128 + 128 + 864));
    expect(String(plan)).toContain("frozen weights: 3 in f16 (2240 bytes more), multiplied in f32; 1 stay in f32");
  });

  it("are multiplied in f16 where the adapter can, and the plan says where it cannot", () => {
    expect(Object.values(variants(planOf("float16", withF16)))).toEqual(["tilesF16", "tilesF16", "tilesF16"]);
    expect(String(planOf("float16", withF16))).toContain("multiplied in f16 and summed in f32");
    const without = planOf("float16", gpuAdapter);
    expect(Object.values(variants(without))).toEqual(["tilesW16", "tilesW16", "tilesW16"]);
    expect(String(without)).toContain("multiplied in f32, because the adapter has no shader-f16");
  });

  it("serve gradients with respect to the input, from the same copy", () => {
    const plan = planOf("float16Weights", withF16, ["conv1", "head"]);
    expect(variants(plan)).toMatchObject({ "conv2 forward": "tilesW16", "conv2 backward": "tilesW16" });
    expect(plan.steps.filter((s) => s.op === "toHalf")).toHaveLength(3);
    // Gradients are too small to be multiplied in f16.
    const f16 = variants(planOf("float16", withF16, ["conv1", "head"]));
    expect(f16).toMatchObject({
      "conv2 forward": "tilesF16",
      "conv2 backward": "tilesW16",
      "expand backward": "tilesW16",
    });
  });

  it("leave trained weights alone", () => {
    const plan = planOf("float16", withF16, ["conv2", "head"]);
    expect(Object.keys(variants(plan)).some((name) => name.startsWith("conv2"))).toBe(false);
  });
});

describe("f16 on the host", () => {
  it("rounds as IEEE 754 says", () => {
    const pairs: [number, number][] = [
      [1, 1],
      [2049, 2048],
      [2051, 2052],
      [65504, 65504],
      [1e6, 65504],
      [2 ** -24, 2 ** -24],
      [2 ** -26, 0],
      [-0.1, -0.0999755859375],
    ];
    for (const [v, rounded] of pairs) expect(roundToHalf(v)).toBe(rounded);
  });

  it("packs and unpacks", () => {
    const values = [0, 1, -2.5, 65504, 2 ** -24, 2 ** -14, 0.333251953125];
    expect([...packHalves([1, -2])]).toEqual([0xc0003c00]);
    expect([...unpackHalves(packHalves(values), values.length)]).toEqual(values);
  });
});
