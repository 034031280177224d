/** Sample and class weights against Keras, and what `fit` does with an order of one's own. */
import { describe, expect, it } from "vitest";
import { Dense, Sequential, sgd, type Dataset, type FitOptions, type Gpu } from "../../src/index";
import { balanced } from "../../src/transfer/index";
import golden from "../fixtures/weights.json";

const { sampleWeight: weights, classWeight, epochs, batchSize } = golden;
const oneHot = golden.y.flatMap((id) => [0, 1, 2].map((c) => Number(c === id)));
const data = (more: Partial<Dataset> = {}): Dataset => ({
  x: Float32Array.from(golden.x),
  y: golden.y,
  shape: [4],
  ...more,
});

async function compiled(gpu: Gpu, loss: string) {
  const dense = new Dense({ name: "head", units: 3, useBias: false, activation: "softmax" });
  const model = new Sequential([dense], { inputShape: [4] });
  dense.parameters[0].assign(Float32Array.from(golden.kernel));
  await model.compile({ gpu, loss, optimizer: sgd(0.25), metrics: loss === "mse" ? [] : ["accuracy"] });
  return { model, kernel: dense.parameters[0] };
}

const cases: Record<keyof typeof golden.cases, { loss?: string; data: Dataset; options?: FitOptions }> = {
  "sample weights": { data: data({ weights }) },
  "class weights": { data: data(), options: { classWeight } },
  both: { data: data({ weights }), options: { classWeight } },
  "one-hot": { data: data({ y: oneHot }), loss: "categoricalCrossentropy", options: { classWeight } },
  squared: { data: data({ y: oneHot, weights }), loss: "mse" },
};

export function weightsSuite(getGpu: () => Gpu): void {
  describe("weights of samples and classes", () => {
    for (const [name, { data: set, loss = "sparseCategoricalCrossentropy", options }] of Object.entries(cases)) {
      it(`train as Keras's: ${name}`, async () => {
        const { model, kernel } = await compiled(getGpu(), loss);
        const expected = golden.cases[name as keyof typeof golden.cases];
        const { history } = await model.fit(set, { epochs, batchSize, shuffle: false, ...options });
        history.loss.forEach((v, epoch) => expect(Math.abs(v - expected.losses[epoch])).toBeLessThan(2e-6));
        await model.readWeights();
        kernel.value.forEach((v, i) => expect(Math.abs(v - expected.kernel[i])).toBeLessThan(2e-6));
        model.dispose();
      });
    }

    it("count in evaluation where the data has them; class weights do not", async () => {
      const { model } = await compiled(getGpu(), "sparseCategoricalCrossentropy");
      const plain = await model.evaluate(data());
      const double = await model.evaluate(data({ weights: weights.map(() => 2) }));
      expect(double.loss).toBeCloseTo(2 * plain.loss, 5);
      expect(double.accuracy).toBe(plain.accuracy);
      const options = { epochs: 1, batchSize, optimizer: sgd(0), classWeight, validationData: data() };
      const { history } = await model.fit(data(), options);
      expect(history.valLoss[0]).toBeCloseTo(plain.loss, 5);
      expect(history.loss[0]).not.toBeCloseTo(plain.loss, 2);
      model.dispose();
    });

    it("say what is wrong with them", async () => {
      const { model } = await compiled(getGpu(), "sparseCategoricalCrossentropy");
      await expect(model.fit(data({ weights: [1, 2] }), { batchSize })).rejects.toThrow(
        "2 for 10 samples; expected one a sample",
      );
      await expect(model.fit(data({ weights: weights.map((w) => w - 1) }), {})).rejects.toThrow(
        "-0.5 for sample 2; expected finite numbers",
      );
      await expect(model.fit(data(), { batchSize, classWeight: { 0: 1, 7: 2 } })).rejects.toThrow(
        "class 7, which no sample has",
      );
      model.dispose();
    });
  });

  describe("an order of one's own", () => {
    it("is followed: one sample alone trains as a set of copies of it", async () => {
      const one = await compiled(getGpu(), "sparseCategoricalCrossentropy");
      await one.model.fit(data(), { batchSize, shuffle: () => golden.y.map(() => 5) });
      const same = await compiled(getGpu(), "sparseCategoricalCrossentropy");
      const row = golden.x.slice(20, 24);
      const copies = { x: Float32Array.from(golden.y.flatMap(() => row)), y: golden.y.map(() => golden.y[5]) };
      await same.model.fit(data(copies), { batchSize });
      await Promise.all([one.model.readWeights(), same.model.readWeights()]);
      expect(one.kernel.value).toEqual(same.kernel.value);
      one.model.dispose();
      same.model.dispose();
    });

    it("may be balanced, and has to fit the data", async () => {
      const { model } = await compiled(getGpu(), "sparseCategoricalCrossentropy");
      const { history } = await model.fit(data(), { batchSize, epochs: 2, shuffle: balanced(data(), { seed: 1 }) });
      expect(history.loss.every(Number.isFinite)).toBe(true);
      await expect(model.fit(data(), { batchSize, shuffle: () => [1, 2] })).rejects.toThrow(
        "an order of 2 for 10 samples",
      );
      await expect(model.fit(data(), { batchSize, shuffle: () => golden.y.map(() => 10) })).rejects.toThrow("index 10");
      model.dispose();
    });
  });
}
