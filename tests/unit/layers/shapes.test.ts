/** Output shapes, weights and operations of each layer, found without a GPU. */
import { describe, expect, it } from "vitest";
import type { Layer } from "../../../src/nn/layer";
import * as L from "../../../src/nn/layers";
import { traced } from "./trace";

const weights = (layer: Layer) => Object.fromEntries(layer.parameters.map((p) => [p.name, p.shape]));

function seededDense(): L.Dense {
  const layer = new L.Dense({ units: 50, seed: 3 });
  traced(layer, [[1, 100]]);
  return layer;
}

/** Of a layer called twice in one place, and once in another. */
function salts(seed?: number): unknown[] {
  const layer = new L.Dropout({ rate: 0.5, name: "drop", seed });
  const { g, inputs } = traced(layer, [[2, 4]], true);
  g.within("drop", () => layer.call(g, inputs, { training: true }));
  g.within("model/drop", () => layer.call(g, inputs, { training: true }));
  return g.nodes.map((n) => n.attrs.salt);
}

describe("output shapes", () => {
  const image = [2, 9, 7, 6];
  const cases: [string, Layer, number[][], number[]][] = [
    ["Conv2D valid", new L.Conv2D({ filters: 4, kernelSize: 3 }), [image], [2, 7, 5, 4]],
    [
      "Conv2D same, stride 2",
      new L.Conv2D({ filters: 4, kernelSize: [3, 5], strides: 2, padding: "same" }),
      [image],
      [2, 5, 4, 4],
    ],
    ["Conv2D dilated", new L.Conv2D({ filters: 4, kernelSize: 3, dilationRate: 2 }), [image], [2, 5, 3, 4]],
    ["DepthwiseConv2D", new L.DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 2 }), [image], [2, 7, 5, 12]],
    ["SeparableConv2D", new L.SeparableConv2D({ filters: 5, kernelSize: 3, padding: "same" }), [image], [2, 9, 7, 5]],
    ["Dense on vectors", new L.Dense({ units: 3 }), [[2, 6]], [2, 3]],
    ["Dense on sequences", new L.Dense({ units: 3 }), [[2, 4, 6]], [2, 4, 3]],
    ["MaxPooling2D", new L.MaxPooling2D(), [image], [2, 4, 3, 6]],
    ["MaxPooling2D same", new L.MaxPooling2D({ poolSize: 3, strides: 2, padding: "same" }), [image], [2, 5, 4, 6]],
    ["AveragePooling2D", new L.AveragePooling2D({ poolSize: [3, 2] }), [image], [2, 3, 3, 6]],
    ["GlobalAveragePooling2D", new L.GlobalAveragePooling2D(), [image], [2, 6]],
    ["GlobalMaxPooling2D keepdims", new L.GlobalMaxPooling2D({ keepdims: true }), [image], [2, 1, 1, 6]],
    ["ZeroPadding2D", new L.ZeroPadding2D({ padding: [1, 2] }), [image], [2, 11, 11, 6]],
    [
      "Cropping2D",
      new L.Cropping2D({
        cropping: [
          [1, 2],
          [0, 3],
        ],
      }),
      [image],
      [2, 6, 4, 6],
    ],
    ["UpSampling2D", new L.UpSampling2D({ size: [2, 3] }), [image], [2, 18, 21, 6]],
    ["Reshape", new L.Reshape({ targetShape: [-1, 21] }), [image], [2, 18, 21]],
    ["Flatten", new L.Flatten(), [image], [2, 378]],
    ["Permute", new L.Permute({ dims: [3, 1, 2] }), [image], [2, 6, 9, 7]],
    ["Concatenate", new L.Concatenate(), [image, [2, 9, 7, 1]], [2, 9, 7, 7]],
    ["Add, one row for all", new L.Add(), [image, [2, 1, 1, 6]], image],
    ["Multiply, other ranks", new L.Multiply(), [[2, 6], image], image],
    ["Identity", new L.Identity(), [image], image],
  ];
  it.each(cases)("%s", (_, layer, inputs, expected) => {
    expect(traced(layer, inputs).shape).toEqual(expected);
  });
});

describe("weights", () => {
  it("have Keras's names, shapes and order", () => {
    const conv = new L.Conv2D({ filters: 4, kernelSize: [3, 2], groups: 2 });
    traced(conv, [[1, 5, 5, 6]]);
    expect(weights(conv)).toEqual({ kernel: [3, 2, 3, 4], bias: [4] });
    const depthwise = new L.DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 2, useBias: false });
    traced(depthwise, [[1, 5, 5, 6]]);
    expect(weights(depthwise)).toEqual({ kernel: [3, 3, 6, 2] });
    const separable = new L.SeparableConv2D({ filters: 5, kernelSize: 3, depthMultiplier: 2 });
    traced(separable, [[1, 5, 5, 6]]);
    expect(Object.entries(weights(separable))).toEqual([
      ["depthwise_kernel", [3, 3, 6, 2]],
      ["pointwise_kernel", [1, 1, 12, 5]],
      ["bias", [5]],
    ]);
    const norm = new L.LayerNormalization({ axis: [1, 2] });
    traced(norm, [[2, 3, 4]]);
    expect(weights(norm)).toEqual({ gamma: [3, 4], beta: [3, 4] });
    const prelu = new L.PReLU({ sharedAxes: [1, 2] });
    traced(prelu, [[2, 3, 4, 5]]);
    expect(weights(prelu)).toEqual({ alpha: [1, 1, 5] });
  });

  it("begin as Keras's do: Glorot's bound for kernels, zeros for biases, the same for the same seed", () => {
    const dense = seededDense();
    const limit = Math.sqrt(6 / 150);
    const largest = Math.max(...dense.kernel.value.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(limit);
    expect(largest).toBeGreaterThan(0.98 * limit);
    expect(dense.bias!.value.every((v) => v === 0)).toBe(true);
    expect(seededDense().kernel.value).toEqual(dense.kernel.value);
  });
});

describe("operations", () => {
  it("linear activations, identities and inactive dropout write nothing", () => {
    for (const layer of [new L.Activation({ activation: "linear" }), new L.Identity(), new L.Dropout({ rate: 0.5 })]) {
      expect(traced(layer, [[2, 4]]).ops).toEqual([]);
    }
    expect(traced(new L.Dropout({ rate: 0 }), [[2, 4]], true).ops).toEqual([]);
    expect(traced(new L.Flatten(), [[2, 4]]).ops).toEqual([]);
  });

  it("same padding puts the odd zero at the bottom and right", () => {
    const layer = new L.Conv2D({ filters: 1, kernelSize: 3, strides: 2, padding: "same" });
    expect(traced(layer, [[1, 32, 32, 3]]).attrs[0]).toMatchObject({ pads: [0, 1, 0, 1] });
  });

  it("softmax over another dimension goes through the last one", () => {
    expect(traced(new L.Softmax({ axis: 1 }), [[2, 3, 4]]).ops).toEqual(["transpose", "softmax", "transpose"]);
    expect(traced(new L.Softmax(), [[2, 3, 4]]).ops).toEqual(["softmax"]);
  });

  it("the mean of three is taken in the last sum", () => {
    const { attrs } = traced(new L.Average(), [
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(attrs).toEqual([{}, { scaleA: 1 / 3, scaleB: 1 / 3 }]);
  });

  it("one factor is an affine operation, several are channel constants", () => {
    expect(traced(new L.Rescaling({ scale: 2 }), [[1, 2, 2, 3]]).ops).toEqual(["affine"]);
    const { g, ops } = traced(new L.Rescaling({ scale: [1, 2, 3], offset: 1 }), [[1, 2, 2, 3]]);
    expect(ops).toEqual(["channelAffine"]);
    expect(g.values.filter((v) => v.role === "constant").map((v) => [...v.data!])).toEqual([
      [1, 2, 3],
      [1, 1, 1],
    ]);
  });

  it("a seed, a place and a call each have a dropout mask of their own, the same in every run", () => {
    const all = [...salts(), ...salts(5)];
    expect(new Set(all).size).toBe(6);
    expect([...salts(), ...salts(5)]).toEqual(all);
  });

  it("adapt takes mean and variance of the last dimension", () => {
    const layer = new L.Normalization();
    layer.adapt([1, 10, 3, 10, 5, 10, 7, 10], [2, 2, 2]);
    expect([...layer.mean!.value]).toEqual([4, 10]);
    expect([...layer.variance!.value]).toEqual([5, 0]);
    expect(() => layer.adapt([1, 2, 3], [1, 3])).toThrow(
      "received 3 values as [1, 3]; expected samples with 2 channels",
    );
  });
});
