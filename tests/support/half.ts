/** Frozen weights in f16, from the option of compile() to the results; the same suite in browsers, Node and Deno. */
import { describe, expect, it } from "vitest";
import {
  Activation,
  adam,
  Conv2D,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  sparseCategoricalCrossentropy,
  type FrozenPrecision,
  type Gpu,
} from "../../src/index";
import { normal, uniform } from "./random";

function batch(count: number): { x: Float32Array; y: number[] } {
  const random = uniform(5);
  return {
    x: Float32Array.from({ length: count * 192 }, () => normal(random)),
    y: Array.from({ length: count }, (_, i) => i % 3),
  };
}

/**
 * A network with its middle frozen, so that frozen weights are read forward and by gradients below them. Its activations are
 * smooth: at a kink of a ReLU the least change of an activation moves a gradient by a whole term, whatever the precision.
 */
async function frozenMiddle(gpu: Gpu, frozenPrecision: FrozenPrecision) {
  const image = input([8, 8, 3], { name: "image" });
  const silu = (x: typeof image) => new Activation({ activation: "silu" }).apply(x);
  const conv = (name: string, filters: number, kernelSize: number, strides: number, seed: number) =>
    new Conv2D({ name, filters, kernelSize, strides, padding: "same", seed });
  let x = silu(conv("conv1", 8, 3, 1, 1).apply(image));
  x = silu(conv("expand", 16, 1, 1, 2).apply(x));
  x = conv("project", 8, 1, 1, 3).apply(x);
  x = silu(conv("conv2", 12, 3, 2, 4).apply(x));
  x = new GlobalAveragePooling2D({ name: "pool" }).apply(x);
  const y = new Dense({ name: "head", units: 3, seed: 5 }).apply(x);
  const model = new FunctionalModel({ inputs: image, outputs: y, name: "smooth" });
  for (const name of ["expand", "project", "conv2"]) model.layers.find((l) => l.name === name)!.trainable = false;
  const loss = sparseCategoricalCrossentropy({ fromLogits: true });
  await model.compile({ gpu, optimizer: adam(1e-2), loss, frozenPrecision });
  return model;
}

/** Largest difference, as a share of the largest value. */
function apart(a: Float32Array, b: Float32Array): number {
  const largest = a.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i])), 0) / largest;
}

export function halfSuite(getGpu: () => Gpu): void {
  describe("frozen weights in f16", () => {
    for (const precision of ["float16Weights", "float16"] as const) {
      it(`${precision}: predictions and gradients are near those of f32, and not the same`, async () => {
        const gpu = getGpu();
        const { x, y } = batch(6);
        const exact = await frozenMiddle(gpu, "float32");
        const half = await frozenMiddle(gpu, precision);
        const names = half.plan({ batchSize: 6 }).steps.map((s) => s.kernel);
        expect(names.filter((n) => n === "to_half")).toHaveLength(3);
        expect(names.some((n) => /_(w16|f16)$/.test(n))).toBe(true);
        expect(exact.plan({ batchSize: 6 }).steps.some((s) => s.kernel === "to_half")).toBe(false);

        const difference = apart(await exact.predict(x), await half.predict(x));
        expect(difference).toBeGreaterThan(0);
        expect(difference).toBeLessThan(0.01);
        await exact.trainOnBatch(x, y);
        await half.trainOnBatch(x, y);
        const expected = [...(await exact.readGradients())].map(([p, g]) => [p.path, g] as const);
        const actual = new Map([...(await half.readGradients())].map(([p, g]) => [p.path, g]));
        for (const [path, gradient] of expected) expect(apart(gradient, actual.get(path)!), path).toBeLessThan(0.01);
        exact.dispose();
        half.dispose();
      });
    }

    it("training leaves frozen weights as they were, bit for bit, and takes what it allocates from the plan", async () => {
      const gpu = getGpu();
      const start = gpu.memory.counters.liveBytes;
      const model = await frozenMiddle(gpu, "float16Weights");
      const before = new Map(model.allParameters().map((p) => [p.path, p.value.slice()]));
      const { x, y } = batch(6);
      const first = await model.trainOnBatch(x, y);
      expect(gpu.memory.counters.liveBytes - start).toBe(model.plan({ batchSize: 6 }).peakBytes);
      let last = first;
      for (let i = 0; i < 10; i++) last = await model.trainOnBatch(x, y);
      expect(last.loss).toBeLessThan(first.loss);
      await model.readWeights();
      for (const p of model.allParameters())
        if (p.kind === "weight")
          expect(
            p.value.some((v, i) => v !== before.get(p.path)![i]),
            p.path,
          ).toBe(p.trainable);
      model.dispose();
    });

    it("the copies follow when frozen weights change", async () => {
      const gpu = getGpu();
      const model = await frozenMiddle(gpu, "float16Weights");
      const { x } = batch(2);
      const before = await model.predict(x);
      const kernel = model.allParameters().find((p) => p.path === "conv2/kernel")!;
      kernel.assign(kernel.value.map((v) => 2 * v));
      model.writeWeights();
      expect(apart(before, await model.predict(x))).toBeGreaterThan(0.05);
      model.dispose();
    });
  });
}
