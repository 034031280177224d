/** Layers that are loaded on demand: options, shapes and what they refuse. What they compute is in tests/interop/layers.test.ts. */
import { beforeAll, describe, expect, it } from "vitest";
import { loadMoreLayers, loadModel } from "../../../src/loaders/index";
import { loadLayersOf, moreLayerNames } from "../../../src/loaders/keras/more-layers";
import { Graph } from "../../../src/nn/graph";
import type { Layer } from "../../../src/nn/layer";
import { createLayer, knownLayers } from "../../../src/nn/layers/registry";
import { input } from "../../../src/nn/model";
import { counting, writeKeras } from "../loaders/build-files";

it("are not known before a configuration names one", async () => {
  await loadLayersOf({ class_name: "Sequential", config: { layers: [{ class_name: "Dense" }] } });
  expect(knownLayers()).not.toContain("MultiHeadAttention");
  expect(() => createLayer("MultiHeadAttention", {})).toThrow(/not known/);
  await loadLayersOf({ class_name: "Sequential", config: { layers: [{ class_name: "Embedding" }] } });
  expect(knownLayers()).toEqual(expect.arrayContaining([...moreLayerNames]));
});

describe("once loaded", () => {
  let more: Awaited<ReturnType<typeof loadMoreLayers>>;
  beforeAll(async () => {
    more = await loadMoreLayers();
  });

  it("all names are classes", () => {
    expect(Object.keys(more).toSorted()).toEqual([...moreLayerNames]);
  });

  it.each<[string, Record<string, unknown>, number[][], number[]]>([
    [
      "MultiHeadAttention",
      { numHeads: 2, keyDim: 3 },
      [
        [5, 4],
        [7, 6],
      ],
      [5, 4],
    ],
    [
      "MultiHeadAttention",
      { numHeads: 2, keyDim: 3, outputShape: [2, 3] },
      [
        [5, 4],
        [7, 6],
        [7, 2],
      ],
      [5, 2, 3],
    ],
    [
      "MultiHeadAttention",
      { numHeads: 2, keyDim: 3, outputShape: 9, attentionAxes: [1, 2] },
      [
        [2, 3, 4],
        [2, 3, 4],
      ],
      [2, 3, 9],
    ],
    ["Conv2DTranspose", { filters: 3, kernelSize: 3, strides: 2, padding: "same" }, [[4, 5, 2]], [8, 10, 3]],
    ["Conv2DTranspose", { filters: 3, kernelSize: 3, strides: 2 }, [[4, 5, 2]], [9, 11, 3]],
    ["Conv2DTranspose", { filters: 3, kernelSize: 2, strides: 3 }, [[4, 5, 2]], [12, 15, 3]],
    [
      "Conv2DTranspose",
      { filters: 3, kernelSize: 3, strides: 2, padding: "same", outputPadding: [0, 1] },
      [[4, 5, 2]],
      [7, 10, 3],
    ],
    ["Conv2DTranspose", { filters: 3, kernelSize: 3, dilationRate: 2 }, [[4, 5, 2]], [8, 9, 3]],
    ["Embedding", { inputDim: 9, outputDim: 4 }, [[6]], [6, 4]],
    ["GroupNormalization", { groups: 2 }, [[3, 3, 4]], [3, 3, 4]],
    ["GroupNormalization", { groups: -1 }, [[3, 4]], [3, 4]],
    ["UnitNormalization", { axis: [1, -1] }, [[3, 4]], [3, 4]],
  ])("%s with %o of %o gives %o, and its configuration makes it again", (className, options, shapes, expected) => {
    const layer = createLayer(className, options);
    expect(layer.outputShapes(shapes)).toEqual([expected]);
    expect(createLayer(className, layer.config()).config()).toEqual(layer.config());
    expect(layer.config()).toMatchObject(
      typeof options.outputShape === "number" ? { outputShape: [9] } : options.kernelSize ? { filters: 3 } : options,
    );
  });

  it.each<[() => unknown, RegExp]>([
    [() => new more.MultiHeadAttention({ numHeads: 0, keyDim: 3 }), /numHeads is 0; expected a whole number/],
    [() => new more.MultiHeadAttention({ numHeads: 1, keyDim: 3, dropout: 1 }), /expected a number from 0 to below 1/],
    [() => new more.MultiHeadAttention({ numHeads: 1, keyDim: 3, outputShape: [0] }), /outputShape is \[0\]/],
    [() => new more.MultiHeadAttention({ numHeads: 1, keyDim: 3 }).outputShapes([[4, 4]]), /a query, a value/],
    [
      () =>
        new more.MultiHeadAttention({ numHeads: 1, keyDim: 3 }).outputShapes([
          [4, 4],
          [3, 4],
          [2, 4],
        ]),
      /a key for each value/,
    ],
    [
      () =>
        new more.MultiHeadAttention({ numHeads: 1, keyDim: 3, attentionAxes: [1] }).outputShapes([
          [2, 2, 4],
          [2, 2, 4],
        ]),
      /all axes between batch and features/,
    ],
    [
      () => new more.Conv2DTranspose({ filters: 1, kernelSize: 3, outputPadding: 1 }),
      /outputPadding is 1; expected less than strides/,
    ],
    [() => new more.Embedding({ inputDim: 3, outputDim: 2, maskZero: true }), /maskZero is true; expected false/],
    [() => new more.GroupNormalization({ groups: 3 }).outputShapes([[4, 4]]), /4 channels in 3 groups/],
    [
      () => new more.GroupNormalization({ axis: 1 }).outputShapes([[4, 4]]),
      /axis is 1; expected the last dimension of 3/,
    ],
    [() => new more.UnitNormalization({ axis: 0 }).outputShapes([[4, 4]]), /axis is \[0\]/],
    [() => createLayer("MultiHeadAttention", { numHeads: 1, keyDim: 3, slidingWindow: 4 }), /slidingWindow = 4/],
  ])("%s is refused", (make, expected) => {
    expect(make).toThrow(expected);
  });

  it("attention drops in training alone", () => {
    const layer = new more.MultiHeadAttention({ numHeads: 1, keyDim: 2, dropout: 0.5 });
    const drops = (training: boolean) => {
      const g = new Graph(2);
      const x = g.input("x", [2, 3, 4]);
      layer.ensureBuilt([
        [3, 4],
        [3, 4],
      ]);
      layer.call(g, [x, x], { training });
      return g.nodes.filter((node) => node.op === "dropout").length;
    };
    expect([drops(true), drops(false)]).toEqual([1, 0]);
  });

  it("one table is read for samples of other lengths", () => {
    const table: Layer = new more.Embedding({ inputDim: 3, outputDim: 2 });
    expect(table.apply(input([4])).shape).toEqual([4, 2]);
    expect(table.apply(input([5, 2])).shape).toEqual([5, 2, 2]);
  });
});

/** A functional model that calls attention with these arguments. */
async function attentionFile(kwargs: object): Promise<Uint8Array> {
  const tensor = { class_name: "__keras_tensor__", config: { keras_history: ["in", 0, 0] } };
  const config = {
    class_name: "Functional",
    config: {
      name: "net",
      layers: [
        { class_name: "InputLayer", name: "in", config: { name: "in", batch_shape: [null, 3, 2] }, inbound_nodes: [] },
        {
          class_name: "MultiHeadAttention",
          name: "mha",
          config: { name: "mha", num_heads: 1, key_dim: 2, use_bias: false },
          inbound_nodes: [{ args: [tensor, tensor], kwargs }],
        },
      ],
      input_layers: [["in", 0, 0]],
      output_layers: [["mha", 0, 0]],
    },
  };
  const kernels = { query: [2, 1, 2], key: [2, 1, 2], value: [2, 1, 2], output: [1, 2, 2] };
  const weights = Object.entries(kernels).map(([name, shape]) => [
    `layers/multi_head_attention/_${name}_dense/vars/0`, // as older versions of Keras call it
    counting(shape),
  ]);
  return await writeKeras(config, Object.fromEntries(weights));
}

it("masks are refused, and no mask is none", async () => {
  const model = await loadModel(await attentionFile({ attention_mask: null, use_causal_mask: false }));
  expect(model.allParameters().map((p) => p.name)).toContain("attention_output/kernel");
  await expect(loadModel(await attentionFile({ use_causal_mask: true }))).rejects.toThrow(
    /mha: is called with use_causal_mask = true/,
  );
});
