/** Tuning on a real device: what is timed and kept, and that nothing is where it is off or pinned; in the browser and in Node. */
import { describe, expect, it, vi } from "vitest";
import {
  adam,
  Conv2D,
  Dense,
  GlobalAveragePooling2D,
  ReLU,
  requestGpu,
  Sequential,
  sparseCategoricalCrossentropy,
  type Gpu,
  type GpuOptions,
  type Plan,
  type TuningStore,
} from "../../src/index";
import type { Answers } from "../../src/gpu/tuning-store";
import { Profiler } from "../../src/gpu/profiler";
import { dispatch, type Kernel } from "../../src/kernels/kernel";
import { Program } from "../../src/kernels/program";
import type { Candidate } from "../../src/kernels/tuning";
import { GpuCandidateTimer } from "../../src/nn/candidate-timer";
import { normal, uniform } from "./random";

/** A convolution that is a matrix product and a dense layer: few kernels to compile, several variants each. */
function network(): Sequential {
  const layers = [
    new Conv2D({ name: "conv", filters: 8, kernelSize: 1, seed: 1 }),
    new ReLU({ name: "relu" }),
    new GlobalAveragePooling2D({ name: "pool" }),
    new Dense({ name: "head", units: 4, seed: 2 }),
  ];
  return new Sequential(layers, { inputShape: [8, 8, 4] });
}

const batch = 8;
const random = uniform(5);
const x = Float32Array.from({ length: batch * 8 * 8 * 4 }, () => normal(random));
const y = Array.from({ length: batch }, (_, i) => i % 4);

async function compiled(gpu: Gpu): Promise<Sequential> {
  const model = network();
  await model.compile({ gpu, optimizer: adam(1e-2), loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
  return model;
}

const variantsOf = (plan: Plan) => plan.steps.map((s) => `${s.layer} ${s.op} ${s.variant}`);
const keyOf = (plan: Plan, op: string, layer: string) =>
  plan.fields.problems.find((p) => p.op === op && p.layers.includes(layer))!.key;

/** A store in memory that outlives devices. */
function keeping(): TuningStore & { kept: Map<string, Answers> } {
  const kept = new Map<string, Answers>();
  return {
    kept,
    load: async (adapter) => await Promise.resolve(kept.get(adapter) ?? new Map()),
    save: async (adapter, answers) => void kept.set(adapter, await Promise.resolve(new Map(answers))),
  };
}

async function withGpu<T>(options: GpuOptions, work: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = await requestGpu(options);
  try {
    const result = await work(gpu);
    gpu.throwErrors();
    return result;
  } finally {
    gpu.dispose();
  }
}

/** Two steps of training; the weights afterwards. */
async function train(gpu: Gpu): Promise<{ weights: Float32Array[]; variants: string[]; losses: number[] }> {
  const model = await compiled(gpu);
  const losses: number[] = [];
  for (let i = 0; i < 2; i++) losses.push((await model.trainOnBatch(x, y)).loss);
  await model.readWeights();
  const weights = model.allParameters().map((p) => p.value.slice());
  const variants = variantsOf(model.plan({ batchSize: batch }));
  model.dispose();
  return { weights, variants, losses };
}

let usual: ReturnType<typeof train> | undefined;
const untuned = async () => await (usual ??= withGpu({ tuning: "off" }, train));

export function tuningSuite(): void {
  describe("tuning", () => {
    it("times before the first step, keeps the answers, and times nothing the next time", async () => {
      const store = keeping();
      const tuning = { budget: 60_000, store };
      const first = await withGpu({ tuning }, async (gpu) => {
        const begin = vi.spyOn(Profiler.prototype, "begin").mockClear();
        const start = gpu.memory.counters.liveBytes;
        const model = await compiled(gpu);
        const { loss } = await model.trainOnBatch(x, y);
        expect(begin).toHaveBeenCalled();
        const rounds = begin.mock.calls.length;
        const plan = model.plan({ batchSize: batch });
        expect(gpu.tuning.problem).toBeUndefined();
        expect(Object.keys(gpu.tuning.table)).toEqual(
          expect.arrayContaining([keyOf(plan, "conv2d", "conv"), keyOf(plan, "conv2dFilterGradient", "conv")]),
        );
        await model.trainOnBatch(x, y);
        expect(begin).toHaveBeenCalledTimes(rounds);
        expect(model.plan({ batchSize: batch })).toBe(plan);
        model.dispose();
        expect(gpu.memory.counters.liveBytes).toBe(start); // what was timed on is gone again
        return { loss, table: gpu.tuning.table, variants: variantsOf(plan) };
      });
      expect([...store.kept.values()].map((answers) => [...answers.keys()])).toEqual([Object.keys(first.table)]);
      await withGpu({ tuning }, async (gpu) => {
        const begin = vi.spyOn(Profiler.prototype, "begin").mockClear();
        const model = await compiled(gpu);
        expect(gpu.tuning.table).toEqual(first.table);
        // Also the plan that has not run yet follows what is known.
        expect(variantsOf(model.plan({ batchSize: batch }))).toEqual(first.variants);
        expect((await model.trainOnBatch(x, y)).loss).toBe(first.loss);
        expect(begin).not.toHaveBeenCalled();
        expect(variantsOf(model.plan({ batchSize: batch }))).toEqual(first.variants);
      });
    });

    it("drops answers whose kernels have changed, even without a budget", async () => {
      const store = keeping();
      const key = await withGpu({ tuning: "off" }, async (gpu) => {
        const model = await compiled(gpu);
        return keyOf(model.plan({ batchSize: batch }), "conv2d", "conv");
      });
      const old: Answers = new Map([[key, { variant: "plain", programs: "of another version" }]]);
      await withGpu(
        { tuning: { budget: 0, store: { ...store, load: async () => await Promise.resolve(old) } } },
        async (gpu) => {
          const { variants } = await train(gpu);
          expect(variants).not.toContain("conv conv2d plain");
          expect(gpu.tuning.table).toEqual({});
        },
      );
    });

    it.each([
      ["by timestamps", []],
      ["by the clock where there are none", ["timestamp-query"]],
    ] as const)("times everything ahead when asked, %s", async (_, withoutFeatures) => {
      await withGpu({ tuning: { budget: 0, store: false }, withoutFeatures }, async (gpu) => {
        const start = gpu.memory.counters.liveBytes;
        const model = await compiled(gpu);
        const report = await model.tune({ batchSize: batch });
        const { timed, left, failed } = report.fields;
        expect([left, failed]).toEqual([[], 0]);
        expect(timed.length).toBeGreaterThan(3);
        for (const { candidates, answer } of timed) {
          expect(candidates.length).toBeGreaterThan(1);
          expect(candidates.every((c) => c.microseconds! > 0)).toBe(true);
          expect(candidates.map((c) => c.variant)).toContain(answer.variant);
        }
        expect(String(report)).toContain(`${timed.length} problems timed`);
        expect((await model.tune({ batchSize: batch })).fields.timed).toEqual([]);
        // The plan follows, and computes the same.
        const plan = model.plan({ batchSize: batch });
        for (const { problem, answer } of report.changes) {
          const steps = plan.steps.filter((s) => s.op === problem.op && problem.layers.includes(s.layer));
          expect(steps.map((s) => s.variant)).toContain(answer.variant);
        }
        const { loss } = await model.trainOnBatch(x, y);
        expect(loss).toBeCloseTo((await untuned()).losses[0], 4);
        model.dispose();
        expect(gpu.memory.counters.liveBytes).toBe(start);
      });
    });

    it("does nothing when it is off", async () => {
      await withGpu({ tuning: "off" }, async (gpu) => {
        const begin = vi.spyOn(Profiler.prototype, "begin").mockClear();
        await train(gpu);
        expect(begin).not.toHaveBeenCalled();
        expect(gpu.tuning.table).toEqual({});
        const model = await compiled(gpu);
        await expect(model.tune()).rejects.toThrow(/^tune: the device has tuning "off" or a pinned table/);
        expect(model.plan({ batchSize: batch }).steps.every((s) => s.instead === undefined)).toBe(true);
      });
    });

    it("runs what a pinned table says, with the same bits every time", async () => {
      const key = await withGpu({ tuning: "off" }, async (gpu) => {
        const model = await compiled(gpu);
        return keyOf(model.plan({ batchSize: batch }), "conv2d", "conv");
      });
      const run = async () =>
        await withGpu({ tuning: { table: { [key]: "plain" } } }, async (gpu) => {
          const begin = vi.spyOn(Profiler.prototype, "begin").mockClear();
          const result = await train(gpu);
          expect(begin).not.toHaveBeenCalled();
          return result;
        });
      const [a, b] = [await run(), await run()];
      expect(a.variants).toContain("conv conv2d plain");
      expect(a.weights).toEqual(b.weights);
      expect(a.losses).toEqual(b.losses);
    });

    it("refuses a pinned table that names what is not there", async () => {
      const compile = async (table: Record<string, string>) => await withGpu({ tuning: { table } }, compiled);
      await expect(compile({ "conv2d {} x[1]": "warp9" })).rejects.toThrow(
        /^tuning: the table names the variant warp9 for conv2d \{\} x\[1\]; expected one of plain, /,
      );
      await expect(compile({ "convolve {}": "plain" })).rejects.toThrow(/^convolve: no such operation/);
    });

    it("leaves out candidates that do not compile or that the device refuses, without a trace", async () => {
      await withGpu({ tuning: "off" }, async (gpu) => {
        const start = gpu.memory.counters.liveBytes;
        const timer = new GpuCandidateTimer(gpu);
        const problem = { key: "k", op: "o", attrs: {}, shapes: { y: [64] }, layers: ["a"], weight: 1 };
        const candidates = [
          candidate("good", "y[i] = 1.0;", 1),
          candidate("broken", "y[i] = nothing;", 1),
          candidate("refused", "y[i] = 1.0;", 1_000_000),
        ];
        const prepared = await timer.prepare(problem, candidates);
        expect(prepared.valid).toEqual([true, false, false]);
        const [span] = await prepared.round([{ candidate: 0, repeats: 100 }]);
        expect(span).toBeGreaterThanOrEqual(0);
        prepared.dispose();
        timer.dispose();
        gpu.throwErrors();
        expect(gpu.memory.counters.liveBytes).toBe(start);
      });
    });

    it("goes on where a problem is too large for the device", async () => {
      await withGpu({ tuning: "off" }, async (gpu) => {
        const timer = new GpuCandidateTimer(gpu);
        const huge = { key: "k", op: "o", attrs: {}, shapes: { y: [2 ** 40] }, layers: ["a"], weight: 1 };
        const prepared = await timer.prepare(huge, [candidate("good", "y[i] = 1.0;", 1)]);
        expect(prepared.valid).toEqual([false]);
        timer.dispose();
        gpu.throwErrors();
      });
    });
  });
}

function candidate(name: string, body: string, workgroups: number): Candidate {
  const kernel: Kernel = {
    program: new Program(name, () =>
      Promise.resolve(`struct Params { n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if i < params.n { ${body} }
}`),
    ),
    params: () => ({ n: 64 }),
    workgroups: () => [workgroups, 1, 1],
    sizes: () => ({ y: 64 }),
    cost: () => ({ flops: 64, bytes: 256 }),
  };
  return { variant: name, lowering: { dispatches: [dispatch(kernel, {} as never, { y: "y" })] } };
}
