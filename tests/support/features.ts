/** Training on cached features: the same bits as without, kept as long as they are good, and lean. */
import { describe, expect, it } from "vitest";
import {
  adam,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  sgd,
  Sequential,
  sparseCategoricalCrossentropy,
  type Container,
  type Dataset,
  type FitOptions,
  type Gpu,
} from "../../src/index";
import { miniMobileNet } from "./nets";
import { normal, uniform } from "./random";

function toyData(count: number, seed = 1): Dataset {
  const random = uniform(seed);
  const y = Array.from({ length: count }, (_, i) => i % 3);
  const x = Float32Array.from(
    { length: count * 192 },
    (_, i) => normal(random) + (y[Math.floor(i / 192)] - 1) * (i % 2),
  );
  return { x, y, shape: [8, 8, 3] };
}

/** Frozen up to a layer, and not yet compiled. */
function frozenNet(upTo: string): Container {
  const model = miniMobileNet();
  model.freezeUpTo(upTo);
  return model;
}

const compileOptions = (gpu: Gpu) => ({
  gpu,
  optimizer: adam(3e-3),
  loss: sparseCategoricalCrossentropy({ fromLogits: true }),
  metrics: ["accuracy"],
});

/** One call of fit after the other on one model, with changes between; what came of it, and how often samples were cached. */
async function runs(
  gpu: Gpu,
  model: Container,
  calls: readonly { data: Dataset; options: FitOptions; before?: () => void | Promise<void> }[],
  cacheFeatures: FitOptions["cacheFeatures"],
) {
  await model.compile(compileOptions(gpu));
  const histories: unknown[] = [];
  const cached: number[] = [];
  try {
    for (const { data, options, before } of calls) {
      await before?.();
      let samples = 0;
      let last = 0;
      const onFeatures = (done: number) => {
        samples += done > last ? done - last : done;
        last = done;
      };
      const result = await model.fit(data, { batchSize: 8, ...options, cacheFeatures, callbacks: [{ onFeatures }] });
      histories.push(result.history);
      cached.push(samples);
    }
    await model.readWeights();
  } finally {
    model.dispose();
  }
  const weights = model.allParameters().map((p) => [p.path, [...new Uint32Array(p.value.buffer.slice(0))]]);
  return { histories, weights, cached };
}

export function featureSuite(getGpu: () => Gpu): void {
  describe("cached features", () => {
    // 22 samples in batches of 8 end with a batch of 6; two values cross the second cut.
    for (const cut of ["pool", "expand_relu", "conv1"]) {
      it(`give the same losses and weights to the bit, frozen up to ${cut}`, async () => {
        const calls = [
          {
            data: toyData(22),
            options: { epochs: 3, seed: 5, validationData: toyData(10, 9), validationBatchSize: 4 },
          },
        ];
        const plain = await runs(getGpu(), frozenNet(cut), calls, false);
        const cached = await runs(getGpu(), frozenNet(cut), calls, "auto");
        expect([plain.cached, cached.cached]).toEqual([[0], [32]]);
        expect(cached.histories).toEqual(plain.histories);
        expect(cached.weights).toEqual(plain.weights);
      });
    }

    it("give the same bits below a dropout, and from bytes", async () => {
      const build = () =>
        new Sequential(
          [
            new Conv2D({
              name: "conv",
              filters: 3,
              kernelSize: 3,
              strides: 2,
              activation: "relu",
              seed: 1,
              trainable: false,
            }),
            new Flatten({ name: "flatten" }),
            new Dropout({ name: "drop", rate: 0.4 }),
            new Dense({ name: "head", units: 3, seed: 2 }),
          ],
          { inputShape: [8, 8, 3], name: "net" },
        );
      const x = Uint8Array.from({ length: 13 * 192 }, (_, i) => (i * 37) % 251);
      const data = { x, y: Array.from({ length: 13 }, (_, i) => i % 3), shape: [8, 8, 3] };
      const calls = [{ data, options: { epochs: 2, batchSize: 5 } }];
      const plain = await runs(getGpu(), build(), calls, false);
      const cached = await runs(getGpu(), build(), calls, true);
      expect(cached.cached).toEqual([13]);
      expect(cached.histories).toEqual(plain.histories);
      expect(cached.weights).toEqual(plain.weights);
    });

    it("as float16 give nearly the same", async () => {
      const calls = [{ data: toyData(24), options: { epochs: 4, validationData: toyData(9, 3) } }];
      const [plain, half] = [
        await runs(getGpu(), frozenNet("relu1"), calls, false),
        await runs(getGpu(), frozenNet("relu1"), calls, "float16"),
      ];
      expect(half.cached).toEqual([33]);
      const losses = ({ histories }: typeof plain) => histories[0] as { loss: number[]; valLoss: number[] };
      for (const name of ["loss", "valLoss"] as const) {
        losses(half)[name].forEach((v, i) => expect(Math.abs(v - losses(plain)[name][i])).toBeLessThan(2e-3));
        expect(losses(half)[name]).not.toEqual(losses(plain)[name]);
      }
    });
  });

  describe("kept from one call of fit to the next", () => {
    const data = toyData(16);
    const validationData = toyData(6, 4);
    const first = { data, options: { epochs: 2 } };

    it("while weights, flags and data are the same", async () => {
      const head = { epochs: 1, optimizer: sgd(0.01), validationData };
      const calls = [
        { data, options: { epochs: 2, validationData } },
        // A copy of the data is the same data; a single epoch uses what is there.
        { data: { ...data, x: (data.x as Float32Array).slice() }, options: head },
      ];
      const plain = await runs(getGpu(), frozenNet("pool"), calls, false);
      const cached = await runs(getGpu(), frozenNet("pool"), calls, "auto");
      expect(cached.cached).toEqual([22, 0]);
      expect({ ...cached, cached: [] }).toEqual({ ...plain, cached: [] });
    });

    const changes: [string, (model: Container, data: Dataset) => void | Promise<void>, Partial<FitOptions>?][] = [
      [
        "weights are written",
        async (model) => {
          await model.readWeights();
          const [kernel] = model.getLayer("conv1").parameters;
          kernel.assign(kernel.value.map((v) => 1.5 * v));
          model.writeWeights();
        },
      ],
      ["the cut moves", (model) => model.freezeUpTo("relu1")],
      [
        "a frozen layer was trained meanwhile",
        async (model) => {
          model.trainable = true;
          await model.fit(toyData(8, 7), { batchSize: 8 });
          model.freezeUpTo("pool");
        },
      ],
      [
        "a frozen layer was trained by a batch meanwhile",
        async (model) => {
          model.trainable = true;
          await model.trainOnBatch(toyData(8, 7).x as Float32Array, toyData(8, 7).y!);
          model.freezeUpTo("pool");
        },
      ],
      ["samples change in place", (_, own) => void ((own.x as Float32Array)[5] += 1)],
      ["batches have another size", () => {}, { batchSize: 4 }],
    ];
    for (const [what, change, options] of changes) {
      it(`made anew when ${what}`, async () => {
        const run = async (cacheFeatures: FitOptions["cacheFeatures"]) => {
          const model = frozenNet("pool");
          const own = toyData(16);
          const calls = [
            { ...first, data: own },
            { data: own, options: { epochs: 2, ...options }, before: () => change(model, own) },
          ];
          return await runs(getGpu(), model, calls, cacheFeatures);
        };
        const [plain, cached] = [await run(false), await run("auto")];
        expect(cached.cached).toEqual([16, 16]);
        expect({ ...cached, cached: [] }).toEqual({ ...plain, cached: [] });
      });
    }

    it("freed when they no longer apply, when not wanted, and with the model", async () => {
      const gpu = getGpu();
      const live = () => gpu.memory.counters.liveBytes;
      const start = live();
      const model = frozenNet("pool");
      await model.compile(compileOptions(gpu));
      await model.fit(data, { epochs: 1, batchSize: 8 });
      const without = live();
      const kept = async (options: FitOptions) => {
        await model.fit(data, { batchSize: 8, ...options });
        return live() - without;
      };
      expect(await kept({ epochs: 2, validationData })).toBe(768 + 512); // 16 and 6 samples of 12 floats
      expect(await kept({ epochs: 1 })).toBe(768);
      expect(await kept({ cacheFeatures: "float16" })).toBe(512);
      expect(await kept({ epochs: 1, cacheFeatures: false })).toBe(0);
      await kept({ epochs: 2 });
      model.writeWeights();
      expect(live()).toBe(without);
      await kept({ epochs: 2 });
      model.dispose();
      expect(live()).toBe(start);
    });
  });

  describe("a step on cached features", () => {
    it("creates no buffer, is one submit, and needs the bytes that the plan says", async () => {
      const gpu = getGpu();
      const start = gpu.memory.counters.liveBytes;
      const model = frozenNet("pool");
      await model.compile(compileOptions(gpu));
      const data = toyData(40);
      const plan = model.plan({ batchSize: 4, data });
      expect(String(plan)).toContain("cached: everything up to pool is frozen");
      const seen: { buffers: number; live: number; submits: number }[] = [];
      const onEpochBegin = () =>
        void seen.push({
          buffers: gpu.memory.counters.buffersCreated,
          live: gpu.memory.counters.liveBytes - start,
          submits: gpu.submits,
        });
      await model.fit(data, { epochs: 4, batchSize: 4, callbacks: [{ onEpochBegin }] });
      model.dispose();
      expect(seen).toHaveLength(4);
      for (const s of seen) {
        expect(s.live).toBe(plan.peakBytes);
        expect(s.buffers).toBe(seen[0].buffers);
      }
      // Ten steps an epoch, and the copy of their results.
      expect(seen[3].submits - seen[0].submits).toBe(3 * (10 + 1));
    });
  });

  describe("features that cannot be cached", () => {
    const refusals: [string, () => Container, FitOptions, RegExp][] = [
      [
        "nothing is frozen",
        () => miniMobileNet(),
        { cacheFeatures: true },
        /fit: features cannot be cached: conv1 is trainable, and nothing frozen lies below it; expected frozen layers/,
      ],
      [
        "dropout lies below",
        () => {
          const head = new Dense({ name: "head", units: 3 });
          const conv = new Conv2D({ name: "conv", filters: 2, kernelSize: 3, trainable: false });
          const drop = new Dropout({ name: "drop", rate: 0.5 });
          return new Sequential([drop, conv, new Flatten(), head], { inputShape: [8, 8, 3] });
        },
        { cacheFeatures: "float16" },
        /fit: features cannot be cached: drop is random, and nothing frozen lies below it/,
      ],
      [
        "the word is another",
        () => miniMobileNet(),
        { cacheFeatures: "float64" as never },
        /fit: cacheFeatures float64; expected "auto", true, false or "float16"/,
      ],
    ];
    for (const [when, build, options, message] of refusals) {
      it(`are refused when asked for and ${when}`, async () => {
        const gpu = getGpu();
        const model = build();
        await model.compile(compileOptions(gpu));
        const live = gpu.memory.counters.liveBytes;
        await expect(model.fit(toyData(8), { batchSize: 4, epochs: 2, ...options })).rejects.toThrow(message);
        expect(gpu.memory.counters.liveBytes).toBe(live);
        model.dispose();
      });
    }

    it("are not, by default, in a single epoch or where nothing is frozen; the plan says why", async () => {
      const model = frozenNet("pool");
      await model.compile(compileOptions(getGpu()));
      const say = (options: object) => String(model.plan({ batchSize: 4, data: toyData(8), ...options }));
      expect(say({ epochs: 1 })).toContain("not cached: in a single epoch each sample is needed once");
      expect(say({ cacheFeatures: false })).toContain("not cached: cacheFeatures is false");
      model.trainable = true;
      expect(say({})).toContain("not cached: conv1 is trainable, and nothing frozen lies below it");
      model.dispose();
    });

    it("are given up when training is aborted meanwhile", async () => {
      const gpu = getGpu();
      const model = frozenNet("pool");
      await model.compile(compileOptions(gpu));
      const controller = new AbortController();
      const options = { batchSize: 4, epochs: 2, signal: controller.signal };
      const live = gpu.memory.counters.liveBytes;
      const onFeatures = (done: number) => void (done >= 8 && controller.abort());
      const result = await model.fit(toyData(20), { ...options, callbacks: [{ onFeatures }] });
      expect(result).toMatchObject({ ended: "aborted", epochs: 0, steps: 0 });
      const left = gpu.memory.counters.liveBytes - live;
      expect(left).toBe(
        model.plan({ batchSize: 4 }).fields.memory.gradients + model.plan({ batchSize: 4 }).fields.memory.optimizer,
      );
      model.dispose();
    });

    it("or are not finite are told by the layer that they come from", async () => {
      const model = frozenNet("pool");
      model.getLayer("conv2").parameters[0].value.fill(3e38);
      await model.compile(compileOptions(getGpu()));
      await expect(model.fit(toyData(8), { batchSize: 4, epochs: 2 })).rejects.toThrow(
        /fit: step 1 \(epoch 1\): loss .*the output of pool was the first that was not finite/,
      );
      model.dispose();
    });

    it("are told by weights that are not finite, also where an activation hides them", async () => {
      const model = frozenNet("pool");
      model.trainable = true;
      model.getLayer("conv2").parameters[0].value[1] = Number.NaN;
      await model.compile(compileOptions(getGpu()));
      await expect(model.fit(toyData(8), { batchSize: 4, epochs: 1 })).rejects.toThrow(
        /fit: step 1 \(epoch 1\): .*; conv2\/kernel was not finite before it \(element 1 is NaN\)/,
      );
      model.dispose();
    });
  });
}
