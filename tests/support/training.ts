/** What running a plan does to memory, weights and gradients; the same suite in the browser and in Node. */
import { describe, expect, it } from "vitest";
import {
  adam,
  BatchNormalization,
  Conv2D,
  Dense,
  Flatten,
  ReLU,
  Sequential,
  sgd,
  sparseCategoricalCrossentropy,
  type Dataset,
  type FunctionalModel,
  type Gpu,
} from "../../src/index";
import { miniMobileNet } from "./nets";
import { normal, uniform } from "./random";

const loss = () => sparseCategoricalCrossentropy({ fromLogits: true });

/** Three kinds of noise that differ in their mean: a few steps learn it. */
function toyData(count: number, seed = 1, shape: readonly number[] = [8, 8, 3]): Dataset {
  const random = uniform(seed);
  const sample = shape.reduce((a, b) => a * b, 1);
  const y = Array.from({ length: count }, (_, i) => i % 3);
  const x = Float32Array.from(
    { length: count * sample },
    (_, i) => normal(random) + (y[Math.floor(i / sample)] - 1) * ((i % 3) - 1),
  );
  return { x, y, shape };
}

async function compiled(gpu: Gpu, model: FunctionalModel = miniMobileNet()): Promise<FunctionalModel> {
  await model.compile({ gpu, optimizer: adam(3e-3), loss: loss(), metrics: ["accuracy"] });
  return model;
}

const bytesOf = (v: Float32Array) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength).slice();

export function trainingSuite(getGpu: () => Gpu): void {
  describe("memory", () => {
    for (const cut of [null, "add", "pool"]) {
      it(`a step allocates what the plan predicts, frozen up to ${cut}`, async () => {
        const gpu = getGpu();
        const start = gpu.memory.counters.liveBytes;
        const model = miniMobileNet();
        model.freezeUpTo(cut);
        await compiled(gpu, model);
        const data = toyData(4);
        await model.trainOnBatch(data.x as Float32Array, data.y!);
        expect(gpu.memory.counters.liveBytes - start).toBe(model.plan({ batchSize: 4 }).peakBytes);
        model.dispose();
        expect(gpu.memory.counters.liveBytes).toBe(start);
      });
    }

    it("200 steps allocate nothing, take one submit each and end with the bytes they began with", async () => {
      const gpu = getGpu();
      const start = gpu.memory.counters.liveBytes;
      const model = await compiled(gpu);
      const data = toyData(40);
      let atFirst: { buffers: number; live: number; submits: number } | undefined;
      let steps = 0;
      let atLast = { buffers: 0, live: 0, submits: 0 };
      const now = () => ({
        buffers: gpu.memory.counters.buffersCreated,
        live: gpu.memory.counters.liveBytes,
        submits: gpu.submits,
      });
      const callbacks = [
        {
          onEpochBegin: () => void (atFirst ??= now()),
          onEpochEnd: () => {
            steps += 10;
            atLast = now();
          },
        },
      ];
      await model.fit(data, { epochs: 20, batchSize: 4, callbacks });
      expect(steps).toBe(200);
      expect(atLast.buffers).toBe(atFirst!.buffers);
      expect(atLast.live).toBe(atFirst!.live);
      // Results are copied out once an epoch of ten steps: that copy is the only other submit.
      expect(atLast.submits - atFirst!.submits).toBe(200 + 20);
      model.dispose();
      expect(gpu.memory.counters.liveBytes).toBe(start);
    });

    it("fit gives back everything but weights and optimizer", async () => {
      const gpu = getGpu();
      const model = await compiled(gpu);
      await model.fit(toyData(10), { epochs: 1, batchSize: 4, validationData: toyData(7, 2) });
      const after = gpu.memory.counters.liveBytes;
      await model.fit(toyData(10), { epochs: 1, batchSize: 4, validationData: toyData(7, 2) });
      expect(gpu.memory.counters.liveBytes).toBe(after);
      model.dispose();
    });
  });

  describe("gradients", () => {
    it("of what stays trainable equal those of the unpruned plan", async () => {
      const gpu = getGpu();
      const data = toyData(5);
      const read = async (cut: string | null) => {
        const model = miniMobileNet();
        // Batch normalization is frozen in both, so that both compute the same function.
        model.setTrainable("*bn*", false);
        for (const layer of model.flatLayers()) if (cut && layer.name === "conv1") layer.trainable = false;
        if (cut) for (const name of ["conv1", "expand", "depthwise"]) model.getLayer(name).trainable = false;
        await model.compile({ gpu, optimizer: sgd(0), loss: loss() });
        await model.trainOnBatch(data.x as Float32Array, data.y!);
        const gradients = new Map([...(await model.readGradients())].map(([p, g]) => [p.path, g]));
        model.dispose();
        return gradients;
      };
      const [full, pruned] = [await read(null), await read("cut")];
      expect([...pruned.keys()].toSorted()).toEqual([
        "conv2/bias",
        "conv2/kernel",
        "head/bias",
        "head/kernel",
        "project/kernel",
      ]);
      for (const [path, gradient] of pruned) {
        const other = full.get(path)!;
        gradient.forEach((v, i) =>
          expect(Math.abs(v - other[i]), `${path}[${i}]`).toBeLessThan(1e-5 + 1e-4 * Math.abs(v)),
        );
      }
    });
  });

  describe("fit", () => {
    it("learns, reports means over all rows with a partial last batch, and is reproducible to the bit", async () => {
      const gpu = getGpu();
      const run = async () => {
        const model = await compiled(gpu);
        const history = await model.fit(toyData(50), {
          epochs: 6,
          batchSize: 16,
          seed: 3,
          validationData: toyData(25, 9),
        });
        await model.readWeights();
        const weights = model.allParameters().map((p) => bytesOf(p.value));
        const evaluated = await model.evaluate(toyData(25, 9), { batchSize: 10 });
        model.dispose();
        return { history: history.history, weights, evaluated };
      };
      const [a, b] = [await run(), await run()];
      expect(a.history.loss.at(-1)).toBeLessThan(0.6 * a.history.loss[0]);
      expect(Object.keys(a.history).toSorted()).toEqual(["accuracy", "loss", "valAccuracy", "valLoss"]);
      expect(a.history.accuracy.every((v) => v >= 0 && v <= 1)).toBe(true);
      expect(a.evaluated.loss).toBeCloseTo(a.history.valLoss.at(-1)!, 4);
      expect(b.history).toEqual(a.history);
      expect(b.weights).toEqual(a.weights);
    });

    it("by Winograd's convolutions as by their definition", async () => {
      const gpu = getGpu();
      const { forceVariant } = gpu;
      const data = toyData(6);
      const train = async (variant: string) => {
        gpu.forceVariant = variant;
        const conv = (name: string, seed: number) =>
          new Conv2D({ name, filters: 8, kernelSize: 3, padding: "same", activation: "relu", seed });
        const layers = [conv("a", 1), conv("b", 2), conv("c", 3), new Flatten(), new Dense({ units: 3, seed: 4 })];
        const model = new Sequential(layers, { inputShape: [8, 8, 3] });
        await model.compile({ gpu, optimizer: sgd(0.02), loss: loss() });
        const kernels = model.plan({ batchSize: 6 }).steps.map((step) => step.kernel);
        const losses: number[] = [];
        for (let i = 0; i < 5; i++) losses.push((await model.trainOnBatch(data.x as Float32Array, data.y!)).loss);
        model.dispose();
        return { kernels, losses };
      };
      try {
        const [expected, actual] = [await train("plain"), await train("winograd")];
        // Forward in b and c, and the gradient with respect to what they read.
        expect(actual.kernels.filter((name) => name === "winograd_output").length).toBe(4);
        expect(actual.losses[4]).toBeLessThan(actual.losses[0]);
        for (const [i, value] of actual.losses.entries()) expect(value).toBeCloseTo(expected.losses[i], 5);
      } finally {
        gpu.forceVariant = forceVariant;
      }
    });

    it("keeps frozen bytes and frozen moving statistics, and changes the rest", async () => {
      const gpu = getGpu();
      const model = miniMobileNet();
      model.freezeUpTo("add");
      await compiled(gpu, model);
      const before = model.allParameters().map((p) => bytesOf(p.value));
      await model.fit(toyData(12), { epochs: 2, batchSize: 4 });
      await model.readWeights();
      for (const [i, p] of model.allParameters().entries()) {
        if (p.trainable) expect(bytesOf(p.value), p.path).not.toEqual(before[i]);
        else expect(bytesOf(p.value), p.path).toEqual(before[i]);
      }
      model.dispose();
    });

    it("goes on with another plan when a layer is thawed, keeping weights", async () => {
      const gpu = getGpu();
      const model = miniMobileNet();
      model.freezeUpTo("pool");
      await compiled(gpu, model);
      const data = toyData(24);
      const first = await model.fit(data, { epochs: 3, batchSize: 8 });
      model.trainable = true;
      model.setTrainable("*bn*", false);
      const second = await model.fit(data, { epochs: 3, batchSize: 8, optimizer: adam(1e-3) });
      expect(second.history.loss[0]).toBeLessThan(first.history.loss[0]);
      model.dispose();
    });

    it("stops at an abort signal and at a callback's word", async () => {
      const gpu = getGpu();
      const model = await compiled(gpu);
      const controller = new AbortController();
      const aborted = await model.fit(toyData(40), {
        epochs: 50,
        batchSize: 4,
        signal: controller.signal,
        callbacks: [{ onEpochEnd: (epoch) => void (epoch === 1 && controller.abort()) }],
      });
      expect(aborted).toMatchObject({ ended: "aborted", epochs: 2 });
      const stopped = await model.fit(toyData(8), {
        epochs: 50,
        batchSize: 4,
        callbacks: [{ onEpochEnd: () => "stop" }],
      });
      expect(stopped).toMatchObject({ ended: "callback", epochs: 1 });
      model.dispose();
    });

    it("trains on bytes as on the same numbers", async () => {
      const gpu = getGpu();
      const bytes = Uint8Array.from({ length: 6 * 192 }, (_, i) => (i * 37) % 251);
      const y = [0, 1, 2, 0, 1, 2];
      const run = async (x: Uint8Array | Float32Array) => {
        const model = await compiled(gpu);
        const { history } = await model.fit({ x, y, shape: [8, 8, 3] }, { epochs: 2, batchSize: 3 });
        model.dispose();
        return history;
      };
      expect(await run(bytes)).toEqual(await run(Float32Array.from(bytes)));
    });
  });

  describe("a loss that is not finite", () => {
    it("stops training with step and layer, and keeps the last good weights", async () => {
      const gpu = getGpu();
      const make = () =>
        new Sequential(
          [
            new Conv2D({ name: "conv", filters: 4, kernelSize: 3, seed: 1 }),
            new BatchNormalization({ name: "norm" }),
            new ReLU({ name: "relu" }),
            new Flatten({ name: "flatten" }),
            new Dense({ name: "head", units: 3, seed: 2 }),
          ],
          { inputShape: [8, 8, 3], name: "blowup" },
        );
      const model = make();
      const kernel = model.getLayer("head").parameters[0];
      kernel.assign(kernel.value.map(() => 3e38));
      await model.compile({ gpu, optimizer: sgd(0.1), loss: loss() });
      const before = model
        .allParameters()
        .map((p) => [p.path, p.kind === "weight" ? bytesOf(p.value) : undefined] as const);
      const live = gpu.memory.counters.liveBytes;
      await expect(model.fit(toyData(12), { epochs: 2, batchSize: 4 })).rejects.toThrow(
        /fit: step 1 \(epoch 1\): loss .*head was the first/,
      );
      await model.readWeights();
      expect(model.allParameters().map((p) => [p.path, p.kind === "weight" ? bytesOf(p.value) : undefined])).toEqual(
        before,
      );
      for (const p of model.allParameters()) expect(p.value.every(Number.isFinite), p.path).toBe(true);
      expect(gpu.memory.counters.liveBytes - live).toBeLessThan(64 * 1024); // optimizer table and gradients stay for the next fit
      model.dispose();
    });
  });

  describe("bad input is refused before anything is allocated", () => {
    const cases: [string, Partial<Dataset>, object, RegExp][] = [
      ["wrong shape", { shape: [4, 4, 3] }, {}, /fit: samples of shape \[4, 4, 3\]; expected \[8, 8, 3\]/],
      ["empty", { x: new Float32Array(0), y: [] }, {}, /fit: the data set is empty; expected at least one sample/],
      ["label out of range", { y: [0, 1, 2, 3] }, {}, /fit: label 3 of sample 3; expected a class id from 0 to 2/],
      ["too few labels", { y: [0] }, {}, /fit: 1 label values for 4 samples; expected 4/],
      [
        "NaN in data",
        { x: new Float32Array(4 * 192).fill(Number.NaN) },
        {},
        /fit: sample 0 holds NaN; expected finite numbers/,
      ],
      ["batch larger than the data", {}, { batchSize: 5 }, /fit: batch size 5 with 4 samples; expected at most 4/],
      ["epochs that are none", {}, { epochs: 0 }, /fit: epochs 0; expected a whole number above 0/],
    ];
    for (const [name, data, options, message] of cases) {
      it(name, async () => {
        const gpu = getGpu();
        const model = await compiled(gpu);
        const live = gpu.memory.counters.liveBytes;
        await expect(model.fit({ ...toyData(4), ...data }, { batchSize: 4, ...options })).rejects.toThrow(message);
        expect(gpu.memory.counters.liveBytes).toBe(live);
        model.dispose();
      });
    }

    it("everything frozen, and a model that is not compiled", async () => {
      const model = await compiled(getGpu());
      model.trainable = false;
      await expect(model.fit(toyData(4), { batchSize: 4 })).rejects.toThrow(/every layer of mini is frozen/);
      model.dispose();
      await expect(model.fit(toyData(4))).rejects.toThrow(/mini: is not compiled/);
    });
  });

  describe("predict", () => {
    it("gives the outputs of all samples, with a partial last batch, before and after training", async () => {
      const gpu = getGpu();
      const model = await compiled(gpu);
      const data = toyData(10);
      const whole = await model.predict(data.x, { batchSize: 10 });
      const parts = await model.predict(data.x, { batchSize: 4 });
      expect(whole.length).toBe(30);
      whole.forEach((v, i) => expect(parts[i]).toBeCloseTo(v, 4));
      await model.fit(data, { epochs: 1, batchSize: 5 });
      const later = await model.predict(data.x, { batchSize: 10 });
      expect(later.some((v, i) => Math.abs(v - whole[i]) > 1e-3)).toBe(true);
      model.dispose();
    });
  });
}
