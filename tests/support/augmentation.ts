/** Augmentation in training: reproducible, off in evaluation, the same in the preview, with labels that follow mixed samples. */
import { describe, expect, it } from "vitest";
import {
  adam,
  Conv2D,
  Dense,
  Flatten,
  GlobalAveragePooling2D,
  Rescaling,
  sgd,
  Sequential,
  type Dataset,
  type Gpu,
  type Layer,
} from "../../src/index";
import { augmentDrawReference } from "../../src/kernels/augment/draw.reference";
import { augmentMixReference } from "../../src/kernels/augment/mix.reference";
import { augmentPixelsReference } from "../../src/kernels/augment/pixels.reference";
import { exampleStep } from "../../src/kernels/operation";
import { Graph } from "../../src/nn/graph";
import { meanSquaredError } from "../../src/nn/objectives";
import {
  augmentation,
  cutMix,
  defaultAugmentation,
  mixUp,
  previewAugmentation,
  randomErasing,
  randomFlip,
  randomGaussianBlur,
  randomRotation,
  simclrAugmentation,
  strongAugmentation,
} from "../../src/transfer/augmentation";
import { tableOf } from "../../src/transfer/augmentation/table";
import { uniform } from "./random";

const shape = [6, 5, 3] as const;
const size = 90;

function pictures(count: number): Dataset & { readonly x: Uint8Array } {
  const random = uniform(3);
  const x = Uint8Array.from({ length: count * size }, () => Math.floor(256 * random()));
  return { x, y: Array.from({ length: count }, (_, i) => i % 3), shape };
}

const classifier = (...layers: Layer[]) =>
  new Sequential(
    [
      new Rescaling({ name: "scale", scale: 1 / 255 }),
      ...layers,
      new Flatten({ name: "flatten" }),
      new Dense({ name: "head", units: 3, activation: "softmax", seed: 2 }),
    ],
    { inputShape: shape },
  );

async function trained(gpu: Gpu, seed: number, own: number): Promise<Float32Array> {
  const model = classifier();
  await model.compile({ gpu, optimizer: adam(1e-3), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  const list = [...strongAugmentation(), randomGaussianBlur(), mixUp(0.5)];
  const preparation = augmentation(list, { seed: own });
  // The last batch has one sample, which cannot be mixed.
  const { history } = await model.fit(pictures(9), { epochs: 2, batchSize: 4, seed, shuffle: false, preparation });
  expect(history.loss.every(Number.isFinite)).toBe(true);
  await model.readWeights();
  const weights = Float32Array.from(model.allParameters().flatMap((p) => [...p.value]));
  model.dispose();
  return weights;
}

/** A model that gives the mean of each channel. */
function means(): Sequential {
  const model = new Sequential(
    [new GlobalAveragePooling2D({ name: "mean" }), new Dense({ name: "same", units: 3, useBias: false })],
    { inputShape: shape },
  );
  model.allParameters()[0].value.set([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  return model;
}

export function augmentationSuite(getGpu: () => Gpu): void {
  describe("augmentation", () => {
    it("gives the same bits with the same seeds, and others with another one", async () => {
      const first = await trained(getGpu(), 1, 0);
      expect(await trained(getGpu(), 1, 0)).toEqual(first);
      expect(await trained(getGpu(), 2, 0)).not.toEqual(first);
      expect(await trained(getGpu(), 1, 1)).not.toEqual(first);
    });

    it("is in the preview what it is in training", async () => {
      // One sample, one output, weights of zero: after a step the kernel is the sample times the rate and twice the label.
      const model = new Sequential(
        [new Flatten({ name: "flatten" }), new Dense({ name: "head", units: 1, useBias: false })],
        { inputShape: shape },
      );
      model.allParameters()[0].value.fill(0);
      const data = { ...pictures(1), y: [0.5] };
      const preparation = augmentation(simclrAugmentation({ size: 96 }));
      await model.compile({ gpu: getGpu(), optimizer: sgd(2 ** -10), loss: "mse" });
      await model.fit(data, { batchSize: 1, seed: 5, preparation });
      await model.readWeights();
      const seen = model.allParameters()[0].value.map((v) => v * 2 ** 10);
      model.dispose();
      const preview = await previewAugmentation(getGpu(), data, preparation, { seed: 5 });
      preview.forEach((v, i) => expect(Math.abs(v - seen[i])).toBeLessThan(1e-3));
      const others = [{ seed: 5, step: 2 }, { seed: 6 }];
      for (const other of others)
        expect(await previewAugmentation(getGpu(), data, preparation, other)).not.toEqual(preview);
      expect(preview).not.toEqual(Float32Array.from(data.x));
    });

    it("mirrors, erases and pastes exactly as the float64 reference", async () => {
      const list = [randomFlip(), randomErasing(1, { scale: 0.25 }), cutMix()];
      const preparation = augmentation(list, { seed: 3 });
      const { x } = pictures(7);
      const actual = await previewAugmentation(getGpu(), { x, shape }, preparation, { seed: 9, step: 4 });
      const g = new Graph(7);
      const labels = g.input("labels", [7, 1]);
      const batch = { x: g.input("x", [7, ...shape]), labels, loss: meanSquaredError(), metrics: [], output: [7, 1] };
      preparation.apply(g, batch);
      const { salt } = g.nodes.find((n) => n.op === "augmentDraw")!.attrs as { salt: number };
      const { numbers, entries, fill, passes, mixing, moves } = tableOf(list);
      const step = { ...exampleStep, seed: 9, iteration: 4 };
      const shapes = { x: [7, ...shape] };
      const table = Float64Array.from(numbers);
      const { parameters } = augmentDrawReference.run({ entries, salt }, { list: table }, shapes, step);
      const inputs = { x: Float64Array.from(x), list: table, parameters };
      const { y } = augmentPixelsReference.run({ entries, moves, ...fill, ...passes[0] }, inputs, shapes, step);
      const mixed = augmentMixReference.run({ entries, ...mixing! }, { x: y, parameters }, shapes, step);
      expect(actual).toEqual(Float32Array.from(mixed.y));
    });

    it("shows rows that are alike in different views", async () => {
      const { x } = pictures(3);
      const twice = Uint8Array.from([...x, ...x]);
      const preparation = augmentation(defaultAugmentation());
      const views = await previewAugmentation(getGpu(), { x: twice, shape }, preparation);
      for (let n = 0; n < 3; n++) {
        const [a, b] = [n, n + 3].map((row) => views.slice(row * size, (row + 1) * size));
        expect(a).not.toEqual(b);
      }
    });

    it("is off in evaluation", async () => {
      const model = classifier();
      const data = pictures(8);
      await model.compile({ gpu: getGpu(), optimizer: sgd(0), loss: "sparseCategoricalCrossentropy" });
      const plain = await model.evaluate(data);
      const preparation = augmentation([randomRotation([0.25, 0.25])]);
      const { history } = await model.fit(data, { batchSize: 4, preparation, validationData: data });
      expect(history.valLoss[0]).toBeCloseTo(plain.loss, 5);
      expect(Math.abs(history.loss[0] - plain.loss)).toBeGreaterThan(1e-3);
      model.dispose();
    });

    // Images of one value whose label is that value: the mean of a mixed image is its mixed label.
    it.each([mixUp(0.8), cutMix()])("mixes values as it mixes pixels: $name", async (transform) => {
      const values = [10, 200, 60, 120, 250];
      const x = Uint8Array.from(values.flatMap((v) => Array.from({ length: size }, () => v)));
      const y = Float32Array.from(values.flatMap((v) => [v, v, v]));
      const data: Dataset = { x, y, shape };
      const model = means();
      await model.compile({ gpu: getGpu(), optimizer: sgd(0), loss: "mse" });
      const preparation = augmentation([transform]);
      const { history } = await model.fit(data, { epochs: 2, batchSize: 5, preparation });
      for (const loss of history.loss) expect(loss).toBeLessThan(1e-3);
      const preview = await previewAugmentation(getGpu(), data, preparation);
      expect(preview).not.toEqual(Float32Array.from(x));
      model.dispose();
    });

    it("mixes class ids to shares, with the loss and the accuracy that read these", async () => {
      // Each class has a channel of its own, so that channel means are the probabilities of the mixed labels.
      const y = [0, 1, 2, 1, 0];
      const x = Float32Array.from(y.flatMap((id) => Array.from({ length: size }, (_, i) => Number(i % 3 === id))));
      const data: Dataset = { x, y, shape };
      const model = means();
      const options = { gpu: getGpu(), optimizer: sgd(0), loss: "sparseCategoricalCrossentropy" };
      await model.compile({ ...options, metrics: ["accuracy"] });
      const preparation = augmentation([cutMix()]);
      const { history } = await model.fit(data, { epochs: 3, batchSize: 5, shuffle: false, preparation });
      const preview = await previewAugmentation(getGpu(), data, preparation);
      let entropy = 0;
      for (let n = 0; n < 5; n++)
        for (let c = 0; c < 3; c++) {
          const p = preview.slice(n * size, (n + 1) * size).reduce((sum, v, i) => sum + (i % 3 === c ? v : 0), 0) / 30;
          if (p > 0) entropy -= (p * Math.log(p)) / 5;
        }
      expect(entropy).toBeGreaterThan(0.05);
      expect(Math.abs(history.loss[0] - entropy)).toBeLessThan(1e-4);
      expect(history.accuracy).toEqual([1, 1, 1]);
      const weighted = await model.fit(data, {
        batchSize: 5,
        shuffle: false,
        preparation,
        classWeight: { 0: 2, 1: 2, 2: 2 },
      });
      expect(weighted.history.loss[0]).toBeGreaterThan(0.05);
      model.dispose();
    });

    it("keeps features from being cached, and says so", async () => {
      const model = classifier(new Conv2D({ name: "conv", filters: 4, kernelSize: 3, trainable: false }));
      await model.compile({ gpu: getGpu(), optimizer: sgd(0), loss: "sparseCategoricalCrossentropy" });
      const data = pictures(4);
      const preparation = augmentation(defaultAugmentation());
      expect(String(model.plan({ data, preparation }))).toContain("augmentation is random");
      expect(String(model.plan({ data }))).not.toContain("is random");
      const cached = model.fit(data, { batchSize: 4, epochs: 2, preparation, cacheFeatures: true });
      await expect(cached).rejects.toThrow(/features cannot be cached: .*augmentation is random/);
      model.dispose();
    });

    it("says what is wrong with a preview", async () => {
      const { x } = pictures(1);
      const preparation = augmentation([randomFlip()]);
      const preview = (images: Uint8Array, step?: number) =>
        previewAugmentation(getGpu(), { x: images, shape }, preparation, step === undefined ? {} : { step });
      await expect(preview(x.slice(1))).rejects.toThrow("89 values for images of 90; expected one image or more");
      await expect(preview(x.slice(0, 0))).rejects.toThrow("expected one image or more");
      await expect(preview(x, 0)).rejects.toThrow("step 0; expected a whole number above 0");
      expect(await previewAugmentation(getGpu(), { x, shape }, augmentation([]))).toEqual(Float32Array.from(x));
    });
  });
}
