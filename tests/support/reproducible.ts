/** Two trainings with one seed end with the same weights, bit for bit, by whichever variants they run. */
import { describe, expect, it } from "vitest";
import {
  adam,
  BatchNormalization,
  Conv2D,
  Dense,
  DepthwiseConv2D,
  Dropout,
  Flatten,
  MaxPooling2D,
  ReLU,
  requestGpu,
  Sequential,
  SpatialDropout2D,
  type Dataset,
  type Gpu,
} from "../../src/index";
import { forcedVariant, lackingEverywhere, skip, trainedVariants } from "./forced";
import { normal, uniform } from "./random";
import { adapterTraits } from "../../src/nn/adapter-traits";

/** Everything that draws numbers or adds up in parts: shuffling, both dropouts, normalization, filters in fours and not. */
const network = () =>
  new Sequential(
    [
      new Conv2D({ name: "conv", filters: 8, kernelSize: 3, padding: "same", useBias: false, seed: 1 }),
      new BatchNormalization({ name: "norm" }),
      new ReLU({ name: "relu" }),
      new DepthwiseConv2D({ name: "depthwise", kernelSize: 3, padding: "same", seed: 2 }),
      new SpatialDropout2D({ name: "maps", rate: 0.2 }),
      new Conv2D({ name: "wide", filters: 12, kernelSize: 3, strides: 2, activation: "relu", seed: 3 }),
      new Conv2D({ name: "deep", filters: 8, kernelSize: 3, padding: "same", seed: 5 }),
      new MaxPooling2D({ name: "pool", poolSize: 2 }),
      new Flatten({ name: "flatten" }),
      new Dropout({ name: "units", rate: 0.3 }),
      new Dense({ name: "head", units: 3, seed: 4 }),
    ],
    { inputShape: [12, 12, 3], name: "reproducible" },
  );

function noise(count: number): Dataset {
  const random = uniform(5);
  const x = Float32Array.from({ length: count * 12 * 12 * 3 }, () => normal(random));
  return { x, y: Array.from({ length: count }, (_, i) => i % 3), shape: [12, 12, 3] };
}

/** The bytes of all weights and moving statistics after three epochs with a partial last batch. */
async function train(gpu: Gpu, seed: number): Promise<Uint8Array> {
  const model = network();
  await model.compile({ gpu, optimizer: adam(3e-3), loss: "sparseCategoricalCrossentropy" });
  try {
    await model.fit(noise(22), { epochs: 3, batchSize: 8, seed });
    await model.readWeights();
    const weights = model.allParameters().flatMap((p) => [...p.value]);
    expect(weights.every(Number.isFinite)).toBe(true);
    return new Uint8Array(Float32Array.from(weights).buffer);
  } finally {
    model.dispose();
  }
}

export function reproducibleSuite(getGpu: () => Gpu): void {
  describe("two trainings with one seed end with the same bits", () => {
    it("by the variants that this adapter gets, also on another device; and not with another seed", async () => {
      const other = await requestGpu();
      other.forceVariant = forcedVariant;
      try {
        const first = await train(getGpu(), 3);
        expect(await train(getGpu(), 3)).toEqual(first);
        expect(await train(other, 3)).toEqual(first);
        expect(await train(getGpu(), 4)).not.toEqual(first);
      } finally {
        other.dispose();
      }
    });

    for (const variant of forcedVariant ? [] : trainedVariants()) {
      it(`by the variant ${variant} wherever there is one`, async (context) => {
        const gpu = getGpu();
        const reason = lackingEverywhere(variant, adapterTraits(gpu));
        if (reason) skip(context, `${variant}, twice`, reason);
        gpu.forceVariant = variant;
        try {
          expect(await train(gpu, 3)).toEqual(await train(gpu, 3));
        } finally {
          gpu.forceVariant = undefined;
        }
      });
    }
  });
}
