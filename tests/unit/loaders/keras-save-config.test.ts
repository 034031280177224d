/** Configurations that Keras shall read: what is in them, that the importer reads the same model back, and what is refused. */
import { expect, test } from "vitest";
import { registerLayer } from "../../../src/loaders/index";
import { modelFromConfig } from "../../../src/loaders/keras/config";
import { modelConfig } from "../../../src/loaders/keras/save/config";
import type { SaveDialect } from "../../../src/loaders/keras/save/entries";
import { Layer } from "../../../src/nn/layer";
import * as layers from "../../../src/nn/layers/index";
import { knownLayers } from "../../../src/nn/layers/registry";
import { summary } from "../../../src/nn/summary";
import { FunctionalModel, input, type Container } from "../../../src/nn/model";
import { Sequential } from "../../../src/nn/sequential";
import type { Graph, Value } from "../../../src/nn/graph";
import {
  embeddingModel,
  everyImageLayer,
  everyVectorLayer,
  layersOnDemand,
  nestedModel,
  sequentialModel,
} from "../../support/export-networks";

interface Entry {
  readonly class_name: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>> & { readonly layers?: readonly Entry[] };
  readonly inbound_nodes: readonly unknown[];
}

const entriesOf = (model: Container, dialect: SaveDialect = 3) =>
  (modelConfig(model, dialect).config as { layers: Entry[] }).layers;
const entry = (model: Container, name: string, dialect: SaveDialect = 3) =>
  entriesOf(model, dialect).find((e) => (e.config.name ?? e.name) === name)!;

/** Equal as text, told by the surroundings of the first difference. */
function expectSame(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const around = (text: string) => text.slice(Math.max(0, at - 100), at + 100);
  if (a !== b) expect(around(a)).toBe(around(b));
  expect(a.length).toBe(b.length);
}

const networks = {
  everyImageLayer,
  everyVectorLayer,
  nestedModel,
  sequentialModel,
  layersOnDemand,
  embeddingModel,
};

test("the networks of this test have every layer class that Thaw knows", async () => {
  const models = await Promise.all(Object.values(networks).map(async (make) => await make()));
  const used = models.flatMap((model) => model.flatLayers().map((layer) => layer.className));
  expect(knownLayers().filter((name) => !used.includes(name))).toEqual([]);
});

const flags = (model: Container) =>
  model
    .flatLayers()
    .filter((layer) => !(layer instanceof layers.InputLayer))
    .map((layer) => `${layer.name} ${layer.trainable}`);

const entries = (model: Container) => entriesOf(model).map((e) => `${String(e.config.name)} ${e.class_name}`);

for (const [name, make] of Object.entries(networks)) {
  test(`${name}: the importer makes the same model of it, which is written the same again`, async () => {
    const model = await make();
    const config = JSON.parse(JSON.stringify(modelConfig(model, 3))) as unknown;
    const back = await modelFromConfig("file", config, 3);
    expectSame(modelConfig(back, 3), config);
    expect(entries(back)).toEqual(entries(model));
    if (name === "everyVectorLayer") return; // functions that have no name in Keras come back as layers
    const options = { expandNested: true, showTrainable: true };
    expect(summary(back, options)).toBe(summary(model, options));
    expect(flags(back)).toEqual(flags(model));
  });
}

const net = (...chain: Layer[]) => {
  const x = input([8, 8, 3], { name: "x" });
  const outputs = chain.reduce((y, layer) => layer.apply(y), x);
  return new FunctionalModel({ inputs: x, outputs, name: "net" });
};

test("a layer is written as Keras 3 writes it", () => {
  const conv = new layers.Conv2D({
    name: "conv",
    filters: 4,
    kernelSize: [3, 1],
    strides: 2,
    padding: "same",
    activation: "relu",
  });
  conv.trainable = false;
  expect(entry(net(conv), "conv")).toEqual({
    module: "keras.layers",
    class_name: "Conv2D",
    config: {
      name: "conv",
      trainable: false,
      dtype: "float32",
      filters: 4,
      kernel_size: [3, 1],
      strides: [2, 2],
      padding: "same",
      data_format: "channels_last",
      dilation_rate: [1, 1],
      groups: 1,
      use_bias: true,
      activation: "relu",
    },
    registered_name: null,
    build_config: { input_shape: [null, 8, 8, 3] },
    name: "conv",
    inbound_nodes: [
      {
        args: [
          {
            class_name: "__keras_tensor__",
            config: { shape: [null, 8, 8, 3], dtype: "float32", keras_history: ["x", 0, 0] },
          },
        ],
        kwargs: {},
      },
    ],
  });
});

test("and as Keras 2 did", () => {
  const silu = new layers.Conv2D({ name: "conv", filters: 4, kernelSize: 1, activation: "silu" });
  const model = net(silu, new layers.LeakyReLU({ name: "leaky", negativeSlope: 0.1 }));
  expect(entry(model, "x", 2).config).toMatchObject({ batch_input_shape: [null, 8, 8, 3] });
  expect(entry(model, "conv", 2)).toMatchObject({
    class_name: "Conv2D",
    config: { activation: "swish" },
    inbound_nodes: [[["x", 0, 0, {}]]],
  });
  expect(entry(model, "conv", 2).config).not.toHaveProperty("groups");
  expect(entry(model, "leaky", 2).config).toMatchObject({ alpha: 0.1 });
  expect((modelConfig(model, 2).config as Entry["config"]).output_layers).toEqual([["leaky", 0, 0]]);
});

test("calls of models inside are counted as Keras counts them, and inference mode is kept", async () => {
  const model = nestedModel();
  const history = (e: Entry) => JSON.stringify(e.inbound_nodes);
  expect(history(entry(model, "base"))).toContain('"kwargs":{"training":false}');
  expect(history(entry(model, "pool"))).toContain('["base",0,0]');
  expect(history(entry(model, "base", 2))).toBe('[[["pixels",0,0,{"training":false}]]]');
  expect(history(entry(model, "pool", 2))).toBe('[[["base",1,0,{}]]]');
  const cut = new FunctionalModel({ inputs: model.inputs, outputs: model.upTo("base").outputs, name: "cut" });
  expect((modelConfig(cut, 3).config as Entry["config"]).output_layers).toEqual(["base", 1, 0]);
  expectSame(modelConfig(await modelFromConfig("file", modelConfig(cut, 3), 3), 3), modelConfig(cut, 3));
});

test("a base whose output leads on and out of the model comes back", async () => {
  const base = nestedModel().getLayer("base") as FunctionalModel;
  const x = input([8, 8, 3], { name: "x" });
  const y = base.apply(x);
  const outputs = [
    y,
    new layers.Flatten({ name: "flat" }).apply(y),
    base.apply(new layers.ReLU({ name: "again" }).apply(x)),
  ];
  const model = new FunctionalModel({ inputs: x, outputs, name: "both" });
  for (const dialect of [2, 3] as const)
    expectSame(
      modelConfig(await modelFromConfig("file", modelConfig(model, dialect), dialect), dialect),
      modelConfig(model, dialect),
    );
});

class Doubling extends Layer {
  readonly className = "Doubling";
  call(g: Graph, [x]: readonly Value[]): Value[] {
    return [g.apply("affine", { scale: 2, offset: 0 }, { x })];
  }
  config(): Record<string, unknown> {
    return { someOption: 3 };
  }
}

test("what Keras cannot say is refused in one error that names every such layer, and registered classes are written", async () => {
  const model = net(
    new Doubling({ name: "twice" }),
    new layers.ReLU({ name: "relu" }),
    new Doubling({ name: "again" }),
  );
  expect(() => modelConfig(model, 3)).toThrow(
    "net: Keras cannot say twice (the class Doubling); again (the class Doubling)",
  );
  registerLayer("tests>Doubling", ({ name }) => new Doubling({ name: String(name) }));
  expect(entry(model, "twice")).toMatchObject({
    module: null,
    class_name: "Doubling",
    registered_name: "tests>Doubling",
    config: { name: "twice", some_option: 3 },
  });
  expectSame(modelConfig(await modelFromConfig("file", modelConfig(model, 3), 3), 3), modelConfig(model, 3));
});

test("names without slashes; two that become the same are refused", () => {
  const relu = (name: string) => new layers.ReLU({ name });
  expect(entriesOf(net(relu("a/b"), relu("c"))).map((e) => e.name)).toEqual(["x", "a.b", "c"]);
  expect(() => modelConfig(net(relu("a/b"), relu("a.b")), 3)).toThrow(
    "net: the layers a/b and a.b are both named a.b in Keras",
  );
});

test("weights that two models inside share, and a layer twice in a Sequential, are refused", () => {
  const shared = new layers.Dense({ name: "shared", units: 4 });
  const inner = (name: string) => new Sequential([shared], { name, inputShape: [4] });
  const model = new Sequential([inner("one"), inner("two")], { name: "outer" });
  expect(() => modelConfig(model, 3)).toThrow("shared, which is shared by the models one and two");
  const relu = new layers.ReLU({ name: "relu" });
  expect(() => modelConfig(new Sequential([relu, relu], { name: "s", inputShape: [4] }), 3)).toThrow(
    "relu, which is 2 times in a Sequential model",
  );
});

test("TF.js lacks classes and options, which are named", () => {
  expect(() => modelConfig(everyImageLayer(), 2)).toThrow(
    "TF.js cannot say grouped (groups = 4); layer_scale (TF.js has no LayerScale)",
  );
  expect(() => modelConfig(everyImageLayer({ forTfjs: true }), 2)).not.toThrow();
  expect(() => modelConfig(everyVectorLayer({ forTfjs: true }), 2)).not.toThrow();
});
