/** Operations that importers register, in a model's plan: gradients of all weights, and memory; in the browser and in Node. */
import { describe, expect, it } from "vitest";
import { Flatten, Layer, Sequential, sgd, sparseCategoricalCrossentropy, type Gpu } from "../../src/index";
import { registerMoreOperations } from "../../src/kernels/registry-more";
import type { Graph, Value } from "../../src/nn/graph";
import { normal, uniform } from "./random";

registerMoreOperations();

const zero = { kind: "zeros" } as const;

/** An image [4, 4, 3] through most of them, to three classes. */
class Several extends Layer {
  readonly className = "Several";

  protected override build(): void {
    const random = uniform(5);
    for (const [name, shape] of [
      ["kernel", [3, 3, 4, 3]],
      ["bias", [4]],
      ["slope", [3]],
      ["power", [1]],
    ] as const) {
      const weight = this.addWeight(name, shape, zero);
      weight.value = weight.value.map(() => (name === "power" ? 1.5 : 0.7 * normal(random)));
    }
  }

  call(g: Graph, [x]: readonly Value[]): Value[] {
    const [kernel, bias, slope, power] = this.parameters.map((p) => g.parameter(p));
    const batch = x.shape[0];
    const window = { strides: [2, 2], dilation: [1, 1], groups: 1, pads: [1, 0, 0, 1] };
    let y = g.apply("convTranspose2d", window, { x, w: kernel, b: bias }); // [8, 8, 4]
    y = g.apply("unary", { kind: "softsign" }, { x: y });
    y = g.apply("padMode", { mode: "reflect", before: [0, 1, 1, 0], after: [0, 1, 1, 0] }, { x: y });
    const pool = { kind: "average", size: [3, 3], strides: [2, 2], dilation: [1, 1], pads: [0, 0, 1, 1] };
    y = g.apply("windowPool", { ...pool, countIncludePad: true, ceilMode: true }, { x: y });
    y = g.apply("resize", { size: [5, 3], mode: "linear", coordinates: "half_pixel", antialias: true }, { x: y });
    y = g.apply("stridedSlice", { begin: [0, 4, 0, 0], size: [batch, 3, 3, 4], steps: [1, -2, 1, 1] }, { x: y });
    const mean = g.apply("reduce", { kind: "mean", axes: [1, 2], keepDims: true }, { x: y });
    y = g.apply("arithmetic", { kind: "sub" }, { a: y, b: mean });
    const length = g.apply("reduce", { kind: "l2", axes: [1, 2, 3], keepDims: true }, { x: y });
    y = g.apply("arithmetic", { kind: "div" }, { a: y, b: length });
    y = g.apply("gatherAxis", { axis: 3 }, { x: y, indices: g.constant("picks", [3], [-1, 0, 2]) });
    y = g.apply("cumSum", { axis: 1 }, { x: y });
    const positive = g.apply("arithmetic", { kind: "greater" }, { a: y, b: g.constant("zero", [], [0]) });
    const size = g.apply("arithmetic", { kind: "pow" }, { a: g.apply("unary", { kind: "abs" }, { x: y }), b: power });
    const low = g.apply("multiply", {}, { a: y, b: g.apply("expand", { shape: [3, 1, 3] }, { x: slope }) });
    y = g.apply("where", {}, { c: positive, a: size, b: low });
    y = g.apply("reduce", { kind: "logSumExp", axes: [1, 2], keepDims: false }, { x: y });
    return [g.apply("logSoftmax", {}, { x: y })];
  }

  config(): Record<string, unknown> {
    return {};
  }
}

export function moreOperationsSuite(getGpu: () => Gpu): void {
  describe("a model of imported operations", () => {
    it("has the gradients that differences of its loss give, in the memory that its plan says", async () => {
      const gpu = getGpu();
      const start = gpu.memory.counters.liveBytes;
      const model = new Sequential([new Several(), new Flatten()], { inputShape: [4, 4, 3] });
      await model.compile({ gpu, optimizer: sgd(0), loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
      const random = uniform(11);
      const x = Float32Array.from({ length: 5 * 48 }, () => normal(random));
      const y = [0, 1, 2, 1, 0];
      await model.trainOnBatch(x, y);
      expect(gpu.memory.counters.liveBytes - start).toBe(model.plan({ batchSize: 5 }).peakBytes);
      const lossNow = async () => {
        model.writeWeights();
        return (await model.evaluate({ x, y, shape: [4, 4, 3] }, { batchSize: 5 })).loss;
      };
      const gradients = await model.readGradients();
      expect(gradients.size).toBe(4);
      for (const [parameter, gradient] of gradients) {
        for (let i = 0; i < gradient.length; i += Math.ceil(gradient.length / 5)) {
          const before = parameter.value[i];
          const difference = async (h: number) => {
            parameter.value[i] = before + h;
            const above = await lossNow();
            parameter.value[i] = before - h;
            const below = await lossNow();
            parameter.value[i] = before;
            return (above - below) / (2 * h);
          };
          const numeric = await difference(0.01);
          expect(
            Math.abs(gradient[i] - numeric),
            `${parameter.path}[${i}] is ${gradient[i]}, differences give ${numeric}`,
          ).toBeLessThan(2e-4 + 0.02 * Math.abs(numeric));
        }
      }
      model.dispose();
      expect(gpu.memory.counters.liveBytes).toBe(start);
    });
  });
}
