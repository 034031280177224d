/** What an optimizer's options do on the GPU, in whole training steps; the same suite in the browser and in Node. */
import { describe, expect, it } from "vitest";
import { adam, Dense, Sequential, sgd, type Gpu, type Optimizer } from "../../src/index";
import { meanSquaredError } from "../../src/nn/objectives";
import { swapAveragedWeights, useAveragedWeights } from "../../src/transfer/index";

const x = Float32Array.from({ length: 20 }, (_, i) => Math.sin(i + 1));
const y = Float32Array.from({ length: 12 }, (_, i) => Math.cos(3 * i));

async function compiled(gpu: Gpu, optimizer: Optimizer) {
  const model = new Sequential([new Dense({ units: 7, name: "hidden" }), new Dense({ units: 3, name: "head" })], {
    inputShape: [5],
  });
  let salt = 0;
  for (const p of model.allParameters()) p.value = p.value.map((_, i) => Math.sin(12.9 * i + 78.2 * ++salt) / 2);
  await model.compile({ gpu, optimizer, loss: meanSquaredError() });
  return model;
}

type Model = Awaited<ReturnType<typeof compiled>>;

async function weights(model: Model): Promise<number[][]> {
  await model.readWeights();
  return model.allParameters().map((p) => [...p.value]);
}

export function optimizerOptionsSuite(getGpu: () => Gpu): void {
  const dispatches = (model: Model) => model.plan({ batchSize: 4 }).dispatches;

  describe("options of optimizers", () => {
    it("cost dispatches only where they are given", async () => {
      const counts: number[] = [];
      const options = [{}, { amsgrad: true }, { useEma: true }, { clipnorm: 1 }, { gradientAccumulationSteps: 2 }];
      for (const given of [...options, { useEma: true, gradientAccumulationSteps: 2 }]) {
        const model = await compiled(getGpu(), adam(0.01, given));
        counts.push(dispatches(model));
        model.dispose();
      }
      expect(counts.map((n) => n - counts[0])).toEqual([0, 0, 1, 1, 2, 2]);
    });

    it("two accumulated steps on the same batch are one step", async () => {
      const one = await compiled(getGpu(), sgd(0.1));
      const two = await compiled(getGpu(), sgd(0.1, { gradientAccumulationSteps: 2 }));
      const before = await weights(two);
      await one.trainOnBatch(x, y);
      await two.trainOnBatch(x, y);
      expect(await weights(two)).toEqual(before);
      await two.trainOnBatch(x, y);
      expect(await weights(two)).toEqual(await weights(one));
      one.dispose();
      two.dispose();
    });

    it("a layer with factor 0 stays, and only that", async () => {
      const model = await compiled(getGpu(), sgd(0.1, { learningRateMultipliers: { "hid*": 0 } }));
      const before = await weights(model);
      await model.trainOnBatch(x, y);
      const after = await weights(model);
      expect(after.map((w, i) => JSON.stringify(w) === JSON.stringify(before[i]))).toEqual([true, true, false, false]);
      model.dispose();
    });

    it("averages are swapped in and out bit for bit, and go with the training state", async () => {
      const model = await compiled(getGpu(), sgd(0.1, { useEma: true, emaMomentum: 0.5 }));
      for (let i = 0; i < 3; i++) await model.trainOnBatch(x, y);
      const trained = await weights(model);
      await swapAveragedWeights(model);
      const averaged = await weights(model);
      expect(averaged).not.toEqual(trained);
      await swapAveragedWeights(model);
      expect(await weights(model)).toEqual(trained);
      await useAveragedWeights(model);
      expect(await weights(model)).toEqual(averaged);
      model.dispose();
    });

    it("refuses patterns without a layer and values out of range", async () => {
      const model = await compiled(getGpu(), sgd(0.1, { learningRateMultipliers: { nothing: 2 } }));
      await expect(model.trainOnBatch(x, y)).rejects.toThrow(/no layer is named like nothing/);
      model.dispose();
      await expect(compiled(getGpu(), sgd(0.1, { gradientAccumulationSteps: 0 }))).rejects.toThrow(/whole number/);
      await expect(compiled(getGpu(), sgd(0.1, { clipnorm: 1, clipvalue: 1 }))).rejects.toThrow(/as in Keras/);
    });
  });
}
