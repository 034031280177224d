/** Streamed data trains the bits that resident data trains, however slowly it comes and whatever goes wrong. */
import { describe, expect, it } from "vitest";
import {
  adam,
  Dense,
  Dropout,
  Flatten,
  Sequential,
  type Callback,
  type Dataset,
  type FitOptions,
  type Gpu,
  type StreamedDataset,
} from "../../src/index";
import { datasetFromFiles } from "../../src/transfer/data/files";
import { datasetFromTensors } from "../../src/transfer/data/labelled";
import { take } from "../../src/transfer/data/select";
import { split } from "../../src/transfer/data/split";
import { streamFromFiles } from "../../src/transfer/data/stream-files";
import { balanced, classWeights } from "../../src/transfer/data/weights";
import { precision } from "../../src/transfer/metrics";
import { decode, named, picture } from "./image-files";
import { uniform } from "./random";

const shape = [1, 1, 3]; // so that a sample is no whole number of words
const random = uniform(5);
const count = 37;
const data = datasetFromTensors(
  Uint8Array.from({ length: count * 3 }, () => Math.floor(256 * random())),
  Array.from({ length: count }, (_, i) => i % 3),
  { shape },
);
const weights = Array.from({ length: count }, (_, i) => 0.5 + (i % 5) / 4);

interface Net {
  readonly frozen?: boolean;
  readonly labels?: 1 | 3;
  readonly inputShape?: readonly number[];
}

async function compiled(gpu: Gpu, { frozen = false, labels = 3, inputShape = shape }: Net = {}): Promise<Sequential> {
  const base = new Dense({ name: "base", units: 8, activation: "relu" });
  const layers = [
    new Flatten({ name: "flatten" }),
    base,
    new Dropout({ name: "drop", rate: 0.3 }),
    new Dense({ name: "head", units: labels }),
  ];
  const model = new Sequential(layers, { inputShape });
  base.trainable = !frozen;
  const draw = uniform(3);
  for (const p of model.allParameters()) p.value = p.value.map(() => (draw() - 0.5) / 10);
  await model.compile({
    gpu,
    optimizer: adam(0.01),
    loss: labels === 3 ? "sparseCategoricalCrossentropy" : "meanSquaredError",
    metrics: labels === 3 ? ["accuracy", precision({ classId: 1 })] : [],
  });
  return model;
}

async function weightsOf(model: Sequential): Promise<number[]> {
  await model.readWeights();
  return model.allParameters().flatMap((p) => Array.from(p.value));
}

/** What a training came to: weights, the history, and what callbacks were told. */
async function trained(gpu: Gpu, set: Dataset | StreamedDataset, options: FitOptions, net?: Net) {
  const model = await compiled(gpu, net);
  const events: unknown[] = [];
  const callback: Callback = {
    onBatchEnd: (step, logs) => void events.push([step, { ...logs }]),
    onEpochEnd: (epoch, logs) => void events.push([epoch, { ...logs }]),
  };
  const { history, epochs, steps, ended, streamed } = await model.fit(set, { ...options, callbacks: [callback] });
  const result = { weights: await weightsOf(model), history, epochs, steps, ended, events };
  model.dispose();
  return { result, streamed };
}

/** Samples of a set in memory, with the calls that were made. */
function streamOf(set: Dataset, whenAsked: (indices: Uint32Array, call: number) => unknown = () => {}) {
  const calls: number[][] = [];
  const stream: StreamedDataset = {
    count: set.x.length / set.shape.reduce((a, b) => a * b),
    shape: set.shape,
    format: set.x instanceof Float32Array ? "float32" : "uint8",
    ...(set.weights && { weights: set.weights }),
    read: async (indices) => {
      calls.push(Array.from(indices));
      await whenAsked(indices, calls.length - 1);
      const { x, y } = take(set, indices);
      return { x, ...(y && { y }) };
    },
  };
  return { stream, calls };
}

const pause = async () => await new Promise((go) => setTimeout(go, 1));

export function streamSuite(getGpu: () => Gpu): void {
  describe("streamed data", () => {
    // Windows of ten samples: two batches.
    const dataBudget = 60;
    const options: FitOptions = { epochs: 3, batchSize: 5, seed: 7, cacheFeatures: false };

    it("trains the same bits as resident data, in memory or from a reader, and says that it is streamed", async () => {
      const settings: FitOptions = {
        ...options,
        validationBatchSize: 4,
        validationData: take(data, [...data.y.keys()].slice(0, 25)),
        classWeight: { 0: 2, 1: 0.5, 2: 3 },
      };
      const weighed = { ...data, weights };
      const whole = await trained(getGpu(), weighed, settings);
      expect(whole.streamed).toBeUndefined();
      expect(whole.result.steps).toBe(24);
      const large = await trained(getGpu(), weighed, { ...settings, dataBudget });
      expect(large.result).toEqual(whole.result);
      expect(large.streamed?.map((text) => text.split(":")[0])).toEqual(["fit", "validationData"]);
      expect(large.streamed![0]).toContain("dataBudget");
      const { stream, calls } = streamOf(weighed);
      const validationData = streamOf(settings.validationData as Dataset);
      const read = await trained(getGpu(), stream, { ...settings, validationData: validationData.stream, dataBudget });
      expect(read.result).toEqual(whole.result);
      // The order is that of the whole set, and an epoch's first window is read in the one before.
      expect(calls.map((c) => c.length)).toEqual([10, 10, 10, 7, 10, 10, 10, 7, 10, 10, 10, 7]);
      for (const epoch of [0, 1, 2]) {
        const order = calls.slice(4 * epoch, 4 * epoch + 4).flat();
        expect(order.toSorted((a, b) => a - b)).toEqual([...data.y.keys()]);
        expect(Math.max(...order.slice(0, 10))).toBeGreaterThan(20);
      }
    });

    it("takes numbers, own orders, labels that are no classes, and one window for all", async () => {
      const numbers: Dataset = { shape, x: Float32Array.from(data.x, (v) => v / 255), y: Float32Array.from(data.y) };
      const backwards = { ...options, shuffle: () => Array.from({ length: count }, (_, i) => count - 1 - i) };
      const unordered = { ...options, shuffle: false, validationData: numbers };
      for (const settings of [backwards, unordered]) {
        const whole = await trained(getGpu(), numbers, settings, { labels: 1 });
        for (const budget of [240, 1e6]) {
          const { stream } = streamOf(numbers);
          const read = await trained(getGpu(), stream, { ...settings, dataBudget: budget }, { labels: 1 });
          expect(read.result).toEqual(whole.result);
        }
      }
      const shuffle = balanced(data);
      const even = await trained(getGpu(), data, { ...options, shuffle });
      expect((await trained(getGpu(), streamOf(data).stream, { ...options, shuffle, dataBudget })).result).toEqual(
        even.result,
      );
    });

    it("reads a window while the one before is trained on", async () => {
      const gpu = getGpu();
      const waits: string[] = [];
      const begun: number[] = [];
      const steps = [2, 2, 2, 2];
      // A reader so slow that it is done with a window only when the steps on the one before have been submitted.
      const { stream } = streamOf(data, async (_, call) => {
        begun.push(call);
        if (call === 0) return;
        const before = gpu.submits;
        const until = Date.now() + 5000;
        while (gpu.submits < before + steps[call - 1] && Date.now() < until) await pause();
        waits.push(gpu.submits < before + steps[call - 1] ? "in vain" : "until trained");
      });
      const { result } = await trained(gpu, stream, { ...options, epochs: 1, dataBudget });
      expect(begun).toEqual([0, 1, 2, 3]);
      expect(waits).toEqual(["until trained", "until trained", "until trained"]);
      expect(result.weights).toEqual((await trained(gpu, data, { ...options, epochs: 1 })).result.weights);
    });

    it("computes features of frozen layers once, and keeps them for the next call", async () => {
      const settings: FitOptions = { ...options, cacheFeatures: "auto", dataBudget, classWeight: { 1: 3 } };
      const weighed = { ...data, weights };
      const expected = await trained(getGpu(), weighed, { ...settings, dataBudget: 1e6 }, { frozen: true });
      expect((await trained(getGpu(), weighed, settings, { frozen: true })).result).toEqual(expected.result);
      const { stream, calls } = streamOf(weighed);
      expect((await trained(getGpu(), stream, settings, { frozen: true })).result).toEqual(expected.result);
      expect(calls.flat()).toEqual([...data.y.keys()]);
      const model = await compiled(getGpu(), { frozen: true });
      calls.length = 0;
      await model.fit(stream, settings);
      await model.fit(stream, settings);
      expect(calls.length).toBe(1);
      await model.fit({ ...stream }, settings); // may hold other samples
      expect(calls.length).toBe(2);
      await model.fit(stream, { ...settings, cacheFeatures: false, epochs: 1 });
      expect(calls.length).toBe(6);
      model.dispose();
      const trainable = await compiled(getGpu());
      await expect(trainable.fit(stream, { ...settings, cacheFeatures: true })).rejects.toThrow("cannot be cached");
      trainable.dispose();
    });

    it("evaluates and predicts the same, in less memory", async () => {
      const { memory } = getGpu();
      const many = take(
        data,
        Array.from({ length: 2000 }, (_, i) => i % count),
      );
      const model = await compiled(getGpu());
      const peaks: number[] = [];
      const logs = [];
      for (const budget of [1e6, 600]) {
        memory.resetPeak();
        logs.push(await model.evaluate(many, { batchSize: 100, dataBudget: budget }));
        peaks.push(memory.counters.peakBytes);
      }
      expect(logs[1]).toEqual(logs[0]);
      expect(peaks[0] - peaks[1]).toBeGreaterThan(2000 * 7 - 3000);
      const { stream } = streamOf(many);
      expect(await model.evaluate(stream, { batchSize: 100, dataBudget: 600 })).toEqual(logs[0]);
      const { y: _, ...unlabelled } = many;
      const outputs = await model.predict(streamOf(unlabelled).stream, { batchSize: 100 });
      expect(outputs).toEqual(await model.predict(many.x, { batchSize: 100 }));
      model.dispose();
    });

    it("stops where a sample cannot be read, with the weights of the batches before, and leaves no buffers", async () => {
      const gpu = getGpu();
      const before = gpu.memory.counters.liveBytes;
      const settings = { ...options, epochs: 1, shuffle: false, dataBudget };
      const { stream } = streamOf(data, (indices) => {
        if (indices.includes(23)) throw new Error("the disk is gone");
      });
      const model = await compiled(gpu);
      const message = "fit: sample 23 could not be read (the disk is gone)";
      await expect(model.fit(stream, settings)).rejects.toThrow(message);
      const rest = await trained(gpu, take(data, [...data.y.keys()].slice(0, 20)), settings);
      expect(await weightsOf(model)).toEqual(rest.result.weights);
      // Training goes on with the same model.
      expect((await model.fit(data, settings)).ended).toBe("finished");
      await expect(model.evaluate(stream, { batchSize: 5, dataBudget })).rejects.toThrow("evaluate: sample 23");
      await expect(model.predict(stream, { batchSize: 5 })).rejects.toThrow("predict: sample 23");
      await expect(model.fit(data, { ...settings, validationData: stream })).rejects.toThrow(
        "validationData: sample 23",
      );
      model.dispose();
      const frozen = await compiled(gpu, { frozen: true });
      await expect(frozen.fit(stream, { ...settings, cacheFeatures: true })).rejects.toThrow("sample 23");
      frozen.dispose();
      expect(gpu.memory.counters.liveBytes).toBe(before);
      gpu.throwErrors();
    });

    it("says where a loss was not finite, as with resident data", async () => {
      const x = Float32Array.from(data.x, (v) => v / 255);
      const y = Float32Array.from(data.y);
      y[12] = 3e38; // in the third step
      const messages: string[] = [];
      for (const budget of [1e6, 240]) {
        const model = await compiled(getGpu(), { labels: 1 });
        const settings = { ...options, shuffle: false, dataBudget: budget };
        messages.push(await model.fit({ shape, x, y }, settings).then(String, (error: Error) => error.message));
        expect((await model.fit({ ...data, x }, settings)).ended).toBe("finished"); // the weights are those before the step
        model.dispose();
      }
      expect(messages[0]).toContain("step 3 (epoch 1)");
      expect(messages[1]).toBe(messages[0]);
    });

    it("is aborted while it waits for a reader, and tells the reader", async () => {
      const gpu = getGpu();
      for (const frozen of [false, true]) {
        const model = await compiled(gpu, { frozen });
        const before = gpu.memory.counters.liveBytes;
        const control = new AbortController();
        let told = false;
        const stream: StreamedDataset = {
          count,
          shape,
          read: async (indices, signal) => {
            if (indices.length === 10 && !frozen && !asked.has(0)) {
              asked.add(0);
              return take(data, indices);
            }
            setTimeout(() => control.abort(), 5);
            return await new Promise((_, fail) =>
              signal.addEventListener("abort", () => {
                told = true;
                fail(new Error("aborted"));
              }),
            );
          },
        };
        const asked = new Set<number>();
        const history = await model.fit(stream, {
          ...options,
          cacheFeatures: frozen,
          dataBudget,
          signal: control.signal,
        });
        expect([history.ended, history.steps, told]).toEqual(["aborted", frozen ? 0 : 2, true]);
        expect(gpu.memory.counters.liveBytes).toBeLessThanOrEqual(before + 4096); // gradients and slots stay
        model.dispose();
      }
    });

    it("says what is wrong before or when it is read", async () => {
      const model = await compiled(getGpu());
      const { stream } = streamOf(data);
      const fails = async (wrong: Partial<StreamedDataset>, text: string, more: FitOptions = {}) =>
        await expect(model.fit({ ...stream, ...wrong }, { batchSize: 5, ...more })).rejects.toThrow(text);
      await fails({ count: 0 }, "fit: 0 samples");
      await fails({ shape: [2, 2, 3] }, "samples of shape [2, 2, 3]; expected [1, 1, 3]");
      await fails({ format: "int8" as "uint8" }, "format int8");
      await fails({ y: [0, 1] }, "2 label values for 37 samples");
      await fails({ y: data.y.map(() => 3) }, "label 3 of sample 0; expected a class id from 0 to 2");
      await fails({ weights: [1] }, "1 for 37 samples");
      await fails({ weights: weights.map(() => -1) }, "-1 for sample 0");
      await fails({ y: data.y }, "class 5, which no sample has", { classWeight: { 5: 1 } });
      await fails({}, "dataBudget NaN", { dataBudget: Number.NaN });
      await fails({}, "batch size 38", { batchSize: 38 });
      await fails({}, "an order of 1 for 37", { shuffle: () => [0] });
      const gives = (x: Dataset["x"], y?: Dataset["y"]) => ({ read: () => ({ x, ...(y && { y }) }) });
      await fails(gives(new Uint8Array(2), data.y), "2 values for");
      await fails(gives(new Float32Array(111), data.y), "numbers; expected uint8");
      await fails({ read: (indices) => ({ x: take(data, indices).x }) }, "there are no labels");
      await fails(
        { ...gives(new Float32Array(3).fill(Number.NaN)), y: data.y, format: "float32" },
        "sample 0 holds NaN",
      );
      const nan = Promise.resolve(data).then(() => model.fit(data, { dataBudget: Number.NaN }));
      await expect(nan).rejects.toThrow("dataBudget NaN");
      model.dispose();
    });

    it("streams files as the data set of the same files trains, skipping those that do not decode", async () => {
      const many: Record<string, Uint8Array<ArrayBuffer>> = {};
      for (let i = 0; i < 12; i++)
        for (const [c, name] of ["ant", "bee", "cow"].entries())
          many[`zoo/${name}/${i + 10}.png`] = picture(20 * i + c, 80 * c);
      many["zoo/bee/13.png"] = Uint8Array.of(33);
      const gpu = getGpu();
      const loading = { size: [2, 3] as const, decode };
      const eager = await datasetFromFiles(gpu, named(many), loading);
      const late = await streamFromFiles(gpu, named(many), loading);
      expect([late.count, late.names, late.skipped]).toEqual([35, eager.names, eager.skipped]);
      expect(classWeights(late)).toEqual(classWeights(eager));
      const [train, val] = split(eager, { fractions: [0.8, 0.2] });
      const [lateTrain, lateVal] = split(late, { fractions: [0.8, 0.2] });
      const net = { inputShape: [2, 3, 3] };
      const settings = { ...options, dataBudget: 400 };
      const expected = await trained(gpu, train, { ...options, validationData: val }, net);
      const streamed = await trained(gpu, lateTrain, { ...settings, validationData: lateVal }, net);
      expect(streamed.result).toEqual(expected.result);

      const unchecked = await streamFromFiles(gpu, named(many), { ...loading, check: false });
      expect([unchecked.count, unchecked.skipped]).toEqual([36, []]);
      const model = await compiled(gpu, net);
      await expect(model.fit(unchecked, settings)).rejects.toThrow("zoo/bee/13.png: not four bytes");
      model.dispose();
      const none = streamFromFiles(gpu, named({ "a/1.png": many["zoo/bee/13.png"], "b/1.png": picture(1) }), loading);
      await expect(none).rejects.toThrow('no image of the class "a" decodes');
    });
  });
}
