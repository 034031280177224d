/** Training by windows gives the weights of training at once. */
import { describe, expect, it } from "vitest";
import {
  adam,
  Dense,
  Dropout,
  Flatten,
  Sequential,
  type Callback,
  type FitOptions,
  type Gpu,
  type KeptWeights,
} from "../../src/index";
import { fitStream } from "../../src/transfer/data/stream";
import { datasetFromTensors } from "../../src/transfer/data/labelled";
import { take } from "../../src/transfer/data/select";
import { uniform } from "./random";

const random = uniform(5);
const bytes = Uint8Array.from({ length: 37 * 12 }, () => Math.floor(256 * random()));
const data = datasetFromTensors(
  bytes,
  Array.from({ length: 37 }, (_, i) => i % 3),
  { shape: [2, 2, 3] },
);

async function compiled(gpu: Gpu): Promise<Sequential> {
  const layers = [
    new Flatten(),
    new Dense({ units: 8, activation: "relu" }),
    new Dropout({ name: "drop", rate: 0.3 }),
    new Dense({ units: 3 }),
  ];
  const model = new Sequential(layers, { inputShape: [2, 2, 3] });
  const random = uniform(3);
  for (const p of model.allParameters()) p.value = p.value.map(() => (random() - 0.5) / 10);
  await model.compile({
    gpu,
    optimizer: adam(0.01),
    loss: "sparseCategoricalCrossentropy",
    metrics: ["accuracy"],
  });
  return model;
}

async function weightsOf(model: Sequential): Promise<number[]> {
  await model.readWeights();
  return model.allParameters().flatMap((p) => Array.from(p.value));
}

export function streamSuite(getGpu: () => Gpu): void {
  describe("fitStream", () => {
    const options: FitOptions = { epochs: 2, batchSize: 5, seed: 7, validationData: data };

    it("trains the same bits as fit, reading ahead by one window", async () => {
      const whole = await compiled(getGpu());
      const expected = await whole.fit(data, { ...options, cacheFeatures: false });
      const model = await compiled(getGpu());
      const asked: number[] = [];
      const events: string[] = [];
      const source = {
        count: 37,
        shape: data.shape,
        read: async (indices: Uint32Array) => {
          asked.push(indices.length);
          events.push("read");
          return await Promise.resolve(take(data, indices));
        },
      };
      const callbacks = [
        {
          onEpochBegin: (epoch: number) => void events.push(`begin ${epoch}`),
          onBatchEnd: () => void events.push("step"),
          onEpochEnd: (epoch: number) => void events.push(`end ${epoch}`),
        },
      ];
      // Of numbers that may be f32: 48 bytes a sample, so that two batches of five are a window.
      const streamed = await fitStream(model, source, { ...options, windowBytes: 500, callbacks });
      expect(await weightsOf(model)).toEqual(await weightsOf(whole));
      expect(asked).toEqual([10, 10, 10, 7, 10, 10, 10, 7]);
      expect(events.slice(0, 4)).toEqual(["read", "begin 0", "read", "step"]);
      expect(events.filter((e) => e === "step").length).toBe(16);
      expect([streamed.steps, streamed.epochs, streamed.ended]).toEqual([16, 2, "finished"]);
      for (const [name, values] of Object.entries(expected.history))
        values.forEach((v, i) => expect(streamed.history[name][i], name).toBeCloseTo(v, 5));
      for (const m of [whole, model]) m.dispose();
    });

    it("takes data sets, own orders and an optimizer, in less memory on the GPU", async () => {
      const { memory } = getGpu();
      const many = Array.from({ length: 4000 }, (_, i) => i % 37);
      const large = take(data, many);
      const more: FitOptions = {
        epochs: 1,
        batchSize: 500,
        optimizer: adam(0.1),
        shuffle: () => many.map((_, i) => many.length - 1 - i),
      };
      const peaks: number[] = [];
      const weights: number[][] = [];
      for (const streamed of [false, true]) {
        const model = await compiled(getGpu());
        memory.resetPeak();
        if (streamed) await fitStream(model, large, { ...more, windowBytes: 6001 });
        else await model.fit(large, { ...more, cacheFeatures: false });
        peaks.push(memory.counters.peakBytes);
        weights.push(await weightsOf(model));
        model.dispose();
      }
      expect(weights[1]).toEqual(weights[0]);
      expect(peaks[0] - peaks[1]).toBeGreaterThan(3000 * 12);
    });

    it("gives callbacks their context: rates, and weights that are kept and put back", async () => {
      const model = await compiled(getGpu());
      const after: number[][] = [];
      let kept: KeptWeights | undefined;
      const keeper: Callback = {
        onTrainBegin: (context) => {
          expect([context.epochs, context.stepsPerEpoch]).toEqual([2, 8]);
          expect(context.logNames).toEqual(["loss", "accuracy", "valLoss", "valAccuracy"]);
        },
        onEpochEnd: async (_, logs, context) => {
          expect(Object.keys(logs).toSorted()).toEqual(context.logNames.toSorted());
          after.push(await weightsOf(model));
          kept ??= context.keepWeights();
          context.learningRate = 0.02;
        },
        onTrainEnd: (_, context) => {
          expect(context.learningRate).toBeCloseTo(0.02, 6);
          context.restoreWeights(kept!);
          kept!.dispose();
          expect(() => context.restoreWeights(kept!)).toThrow("these weights were freed");
        },
      };
      await fitStream(model, data, { ...options, windowBytes: 10 * 12, callbacks: [keeper] });
      expect(after[1]).not.toEqual(after[0]);
      expect(await weightsOf(model)).toEqual(after[0]);
      model.dispose();
    });

    it("weighs classes, also those that a window has no samples of", async () => {
      const byClass = Array.from({ length: 37 }, (_, i) => i).toSorted((a, b) => (a % 3) - (b % 3));
      const more: FitOptions = { batchSize: 5, classWeight: { 0: 2, 1: 0.5, 2: 3 }, shuffle: () => byClass };
      const weights: number[][] = [];
      for (const streamed of [false, true]) {
        const model = await compiled(getGpu());
        if (streamed) await fitStream(model, data, { ...more, windowBytes: 5 * 12 });
        else await model.fit(data, { ...more, cacheFeatures: false });
        weights.push(await weightsOf(model));
        model.dispose();
      }
      expect(weights[1]).toEqual(weights[0]);
    });

    it("stops for callbacks and signals, and says what is wrong", async () => {
      const model = await compiled(getGpu());
      const stop = { onEpochEnd: () => "stop" as const };
      const history = await fitStream(model, data, { ...options, epochs: 5, callbacks: [stop] });
      expect([history.ended, history.epochs]).toEqual(["callback", 1]);
      const small = await fitStream(model, data, { batchSize: 5, windowBytes: 35 * 12 }); // two samples are left for the last
      expect([small.steps, small.ended]).toEqual([8, "finished"]);
      const signal = AbortSignal.abort();
      expect((await fitStream(model, data, { ...options, signal })).ended).toBe("aborted");
      await expect(fitStream(model, data, { windowBytes: 0 })).rejects.toThrow("windowBytes 0");
      await expect(fitStream(model, data, { batchSize: 38 })).rejects.toThrow("batches of 38");
      await expect(fitStream(model, data, { shuffle: () => [1] })).rejects.toThrow("an order of 1 samples");
      const source = { count: 37, shape: data.shape, read: () => take(data, [0]) };
      await expect(fitStream(model, source, options)).rejects.toThrow("12 values for 37 samples were read");
      const broken = { ...source, read: () => Promise.reject(new Error("the disk is gone")) };
      await expect(fitStream(model, broken, options)).rejects.toThrow("the disk is gone");
      model.dispose();
    });
  });
}
