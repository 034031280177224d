/** What callbacks may do of a training on the GPU: weights kept and put back to the bit, the rate, and stopping. */
import { describe, expect, it } from "vitest";
import {
  BatchNormalization,
  Dense,
  ReLU,
  Sequential,
  sgd,
  sparseCategoricalCrossentropy,
  type Callback,
  type Dataset,
  type FitOptions,
  type Gpu,
  type TrainingContext,
} from "../../src/index";
import { earlyStopping, modelCheckpoint, reduceLROnPlateau } from "../../src/transfer/index";
import { normal, uniform } from "./random";

function toyData(count: number, seed: number): Dataset {
  const random = uniform(seed);
  const y = Array.from({ length: count }, (_, i) => i % 3);
  const x = Float32Array.from({ length: count * 5 }, (_, i) => normal(random) + y[Math.floor(i / 5)] * (i % 2));
  return { x, y, shape: [5] };
}

/** Two layers with a normalization whose statistics move; with a frozen beginning, its outputs can be cached. */
async function compiled(gpu: Gpu, frozen: boolean, rate = 1.5): Promise<Sequential> {
  const model = new Sequential(
    [
      new Dense({ units: 7, name: "first", seed: 1 }),
      new ReLU(),
      new Dense({ units: 6, name: "middle", seed: 2 }),
      new BatchNormalization({ name: "norm" }),
      new Dense({ units: 3, name: "head", seed: 3 }),
    ],
    { inputShape: [5] },
  );
  if (frozen) model.freezeUpTo("first");
  await model.compile({
    gpu,
    // High enough to make validation worse after some epochs.
    optimizer: sgd(rate),
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ["accuracy"],
  });
  return model;
}

const bits = (model: Sequential) =>
  model.allParameters().map((p) => [p.path, [...new Uint32Array(p.value.buffer.slice(0))]]);

export function callbackSuite(getGpu: () => Gpu): void {
  describe("callbacks on the GPU", () => {
    const train = toyData(22, 1);
    const validationData = toyData(9, 2);

    for (const cacheFeatures of [false, true]) {
      it(`restoreBestWeights gives the best epoch's weights to the bit${cacheFeatures ? ", on cached features" : ""}`, async () => {
        const gpu = getGpu();
        const model = await compiled(gpu, cacheFeatures);
        try {
          const saved: unknown[] = [];
          const stopping = earlyStopping({ patience: 3, restoreBestWeights: true });
          const keep = modelCheckpoint({ save: () => saved.push(bits(model)) });
          const options: FitOptions = { batchSize: 8, epochs: 30, validationData, cacheFeatures };
          const { history, ended, reason } = await model.fit(train, { ...options, callbacks: [stopping, keep] });
          expect(ended).toBe("callback");
          expect(reason).toMatch(/valLoss did not improve for 3 epochs/);
          const losses = history.valLoss;
          expect(stopping.bestEpoch).toBe(losses.indexOf(Math.min(...losses)));
          expect(losses).toHaveLength(stopping.bestEpoch + 4);
          await model.readWeights();
          expect(bits(model)).toEqual(saved[stopping.bestEpoch]);
          expect(bits(model)).not.toEqual(saved.at(-1));
          // The GPU computes with them too: what is folded from weights and statistics is made anew.
          const evaluated = await model.evaluate(validationData, { batchSize: 8 });
          expect(evaluated.loss).toBe(losses[stopping.bestEpoch]);
        } finally {
          model.dispose();
        }
        expect(gpu.memory.counters.liveBytes).toBe(0);
      });
    }

    it("going on from restored weights is the same to the bit as from weights written by the host", async () => {
      const results: unknown[] = [];
      for (const byHost of [false, true]) {
        const model = await compiled(getGpu(), false, 0.1);
        try {
          let start: Float32Array[] = [];
          let kept: ReturnType<TrainingContext["keepWeights"]> | undefined;
          const callback: Callback = {
            async onTrainBegin(context) {
              await context.readWeights();
              start = model.allParameters().map((p) => p.value.slice());
              kept = context.keepWeights();
            },
            onEpochEnd(epoch, _, context) {
              if (epoch !== 0) return;
              if (!byHost) return context.restoreWeights(kept!);
              model.allParameters().forEach((p, i) => (p.value = start[i]));
              model.writeWeights();
            },
          };
          const { history } = await model.fit(train, {
            batchSize: 8,
            epochs: 2,
            validationData,
            callbacks: [callback],
          });
          await model.readWeights();
          results.push([history, bits(model)]);
        } finally {
          model.dispose();
        }
      }
      expect(results[0]).toEqual(results[1]);
    });

    it("features cached below restored layers are made anew for the next training", async () => {
      const gpu = getGpu();
      const results: unknown[] = [];
      for (const cacheFeatures of [false, true]) {
        const model = await compiled(gpu, false, 0.1);
        try {
          const restore: Callback = {
            onTrainBegin(context) {
              const kept = context.keepWeights();
              Object.assign(restore, { onTrainEnd: () => context.restoreWeights(kept) });
            },
          };
          await model.fit(train, { batchSize: 8, callbacks: [restore] });
          model.freezeUpTo("middle");
          let filled = 0;
          const onFeatures = () => void filled++;
          const options = { batchSize: 8, epochs: 2, cacheFeatures };
          const first = await model.fit(train, { ...options, callbacks: [{ onFeatures }] });
          model.trainable = true;
          await model.fit(train, { batchSize: 8, callbacks: [restore] });
          model.freezeUpTo("middle");
          const second = await model.fit(train, { ...options, callbacks: [{ onFeatures }] });
          await model.readWeights();
          results.push([first.history, second.history, bits(model)]);
          expect(filled).toBe(cacheFeatures ? 6 : 0);
        } finally {
          model.dispose();
        }
      }
      expect(results[0]).toEqual(results[1]);
    });

    it("kept weights take what changes, and end with the call", async () => {
      const gpu = getGpu();
      const model = await compiled(gpu, false);
      model.freezeUpTo("norm");
      try {
        let context: TrainingContext | undefined;
        let kept: ReturnType<TrainingContext["keepWeights"]> | undefined;
        const before = gpu.memory.counters.liveBytes;
        const onTrainBegin = (c: TrainingContext) => {
          context = c;
          kept = c.keepWeights();
          expect(c.keepWeights(kept)).toBe(kept);
          const other = c.keepWeights();
          other.dispose();
          expect(() => c.restoreWeights(other)).toThrow(/restoreWeights: these weights were freed/);
        };
        await model.fit(train, { batchSize: 8, cacheFeatures: false, callbacks: [{ onTrainBegin }] });
        expect(kept!.bytes).toBe(256 + 12); // the head: 18 weights in a block of their own, 3 biases
        expect(context!.stepsPerEpoch).toBe(3);
        expect(context!.logNames).toEqual(["loss", "accuracy"]);
        const arenas = gpu.memory.counters.liveBytes - before;
        await model.fit(train, { batchSize: 8, cacheFeatures: false, callbacks: [{ onTrainBegin }] });
        expect(gpu.memory.counters.liveBytes - before).toBe(arenas);
        const other = await compiled(gpu, false);
        const old = kept!;
        const use = (c: TrainingContext) => c.restoreWeights(old);
        await expect(other.fit(train, { callbacks: [{ onTrainBegin: use }], batchSize: 8 })).rejects.toThrow(
          /kept in another call of fit/,
        );
        other.dispose();
      } finally {
        model.dispose();
      }
    });

    it("sets the rate for the next step, and another optimizer begins with its own", async () => {
      const weightsAfter = async (rate: number, callbacks: Callback[], options: FitOptions = {}) => {
        const model = await compiled(getGpu(), false, rate);
        try {
          await model.fit(train, { batchSize: 8, epochs: 2, callbacks });
          if (options.optimizer) await model.fit(train, { batchSize: 8, ...options });
          await model.readWeights();
          return bits(model);
        } finally {
          model.dispose();
        }
      };
      const rates: number[] = [];
      const set: Callback = {
        onTrainBegin(context) {
          expect(context.learningRate).toBe(0.5);
          context.learningRate = 0.25;
          expect(context.learningRate).toBe(0.25);
          expect(() => (context.learningRate = -1)).toThrow(/learningRate: -1; expected a finite number/);
        },
        onEpochEnd: (_, __, context) => void rates.push(context.learningRate),
      };
      expect(await weightsAfter(0.5, [set])).toEqual(await weightsAfter(0.25, []));
      expect(rates).toEqual([0.25, 0.25]);
      const optimizer = sgd(0.125);
      expect(await weightsAfter(0.5, [set], { optimizer })).toEqual(await weightsAfter(0.25, [], { optimizer }));
    });

    it("reduceLROnPlateau trains on at the lower rate, which is in the history", async () => {
      const model = await compiled(getGpu(), false, 0.5);
      try {
        const callbacks = [reduceLROnPlateau({ monitor: "valAccuracy", minDelta: 2, patience: 1, factor: 0.5 })];
        const { history } = await model.fit(train, { batchSize: 8, epochs: 3, validationData, callbacks });
        expect(history.learningRate).toEqual([0.5, 0.5, 0.25]);
        const again = await model.fit(train, { batchSize: 8, callbacks: [{ onTrainBegin: () => {} }] });
        expect(again.ended).toBe("finished");
      } finally {
        model.dispose();
      }
    });

    it("stops in the middle of an epoch, with validation and the end of the epoch", async () => {
      const model = await compiled(getGpu(), false, 0.1);
      try {
        const events: string[] = [];
        const callback: Callback = {
          onBatchEnd: (step, _, context) => void (step === 1 && context.stop("enough")),
          onEpochEnd: (epoch, logs) => void events.push(`${epoch} ${Object.keys(logs).join()}`),
          onTrainEnd: ({ ended, reason }) => void events.push(`${ended} ${reason}`),
        };
        const many = toyData(400, 3);
        const result = await model.fit(many, { batchSize: 2, epochs: 3, validationData, callbacks: [callback] });
        expect(events).toEqual(["0 loss,accuracy,valLoss,valAccuracy", "callback enough"]);
        expect(result.epochs).toBe(1);
        expect(result.steps).toBeLessThan(200);
        const atOnce = { onTrainBegin: (context: TrainingContext) => context.stop() };
        expect((await model.fit(many, { callbacks: [atOnce] })).steps).toBe(0);
      } finally {
        model.dispose();
      }
    });

    it("an unknown monitor is an error before the first step, and nothing is left allocated", async () => {
      const model = await compiled(getGpu(), false);
      try {
        const live = getGpu().memory.counters.liveBytes;
        await model.fit(train, { batchSize: 8 });
        const trained = getGpu().memory.counters.liveBytes;
        await expect(model.fit(train, { batchSize: 8, callbacks: [earlyStopping()] })).rejects.toThrow(
          "earlyStopping: there is no valLoss to monitor; expected one of loss, accuracy. Pass validationData to fit.",
        );
        expect(getGpu().memory.counters.liveBytes).toBe(trained);
        expect(trained).toBeGreaterThan(live);
      } finally {
        model.dispose();
      }
    });
  });
}
