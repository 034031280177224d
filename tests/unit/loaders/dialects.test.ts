/** Configurations of Keras 1, 2 and 3 and of TF.js: the same words with other meanings, other words for the same things. */
import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/index";
import { Activation, type FunctionalModel, type Layer, type Sequential } from "../../../src/index";
import { loadModel, registerLayer } from "../../../src/loaders/index";
import { Graph } from "../../../src/nn/graph";
import { snakeCaseKeys } from "../../../src/nn/layers/keras-options";
import { counting, float32Bytes, writeKeras, writeLegacy, writeTfjs, type Tensor } from "./build-files";

type Json = Record<string, unknown>;
type Model = FunctionalModel | Sequential;

/** A layer of a functional model in the layout of Keras 2. */
const old = (class_name: string, name: string, config: Json, ...inputs: unknown[][]): Json => ({
  class_name,
  name,
  config: { name, ...config },
  inbound_nodes:
    inputs.length > 0 ? [inputs.map(([from, ...rest]) => [from, 0, 0, ...(rest.length > 0 ? rest : [{}])])] : [],
});

const graph = (layers: Json[], output: string, input = "x"): Json => ({
  class_name: "Functional",
  config: { name: "net", layers, input_layers: [[input, 0, 0]], output_layers: [[output, 0, 0]] },
});

const x = (...shape: (number | null)[]) => old("InputLayer", "x", { batch_input_shape: [null, ...shape] });

async function load(
  config: Json,
  weights: Record<string, Record<string, Tensor>> = {},
  version = "2.4.0",
): Promise<Model> {
  return await loadModel(await writeLegacy(weights, { model_config: config, keras_version: version }));
}

/** The operations that a model writes, with their numbers. */
function operations(model: Container, training = false): { op: string; attrs: Json }[] {
  const g = new Graph(2);
  const inputs = model.inputs.map((t, i) => g.input(`i${i}`, [2, ...t.shape]));
  model.call(g, inputs, { training });
  return g.nodes.map(({ op, attrs }) => ({ op, attrs }));
}

describe("Keras 2", () => {
  it("hard_sigmoid is another function than in Keras 3", async () => {
    const config = (module: Json): Json => ({
      class_name: "Sequential",
      config: {
        name: "s",
        layers: [
          { ...module, class_name: "InputLayer", config: { name: "x", batch_input_shape: [null, 4] } },
          { ...module, class_name: "Activation", config: { name: "a", activation: "hard_sigmoid" } },
        ],
      },
    });
    const two = [
      { op: "affine", attrs: { scale: 0.2, offset: 0.5 } },
      { op: "activation", attrs: { kind: "relu", maxValue: 1 } },
    ];
    const three = [{ op: "activation", attrs: { kind: "hardSigmoid" } }];
    expect(operations(await load(config({})))).toEqual(two);
    expect(operations(await load(config({}), {}, "3.1.0"))).toEqual(three);
    const [json, shard] = writeTfjs({ model_config: config({}) }, []);
    expect(operations(await loadModel([json, shard]))).toEqual(two);
    expect(
      operations(await loadModel(await writeKeras(config({ module: "keras.layers" }), {}, { version: "2.15.0" }))),
    ).toEqual(two);
    expect(operations(await loadModel(await writeKeras(config({ module: "keras.layers" }), {})))).toEqual(three);
  });

  it("a layer's input shape in its own options, lists of axes, a groups argument, nulls", async () => {
    const model = await load(
      {
        class_name: "Sequential",
        config: [
          {
            class_name: "DepthwiseConv2D",
            config: {
              name: "d",
              batch_input_shape: [null, 4, 4, 2],
              kernel_size: [3, 3],
              groups: 1,
              use_bias: false,
              filters: null,
            },
          },
          {
            class_name: "BatchNormalizationV1",
            config: { name: "b", axis: [3], scale: false, virtual_batch_size: null },
          },
          { class_name: "LeakyReLU", config: { name: "l", alpha: 0.1 } },
        ],
      },
      {
        d: { "d/depthwise_kernel:0": counting([3, 3, 2, 1]) },
        b: {
          "b/moving_mean:0": counting([2], 3),
          "b/moving_variance:0": counting([2], 4),
          "b/beta:0": counting([2], 2),
        },
      },
    );
    expect(model.inputShape).toEqual([4, 4, 2]);
    expect(model.allParameters().map((p) => [p.path, p.value[0]])).toEqual([
      ["d/kernel", Math.fround(0.01)],
      ["b/beta", 2],
      ["b/moving_mean", 3],
      ["b/moving_variance", 4],
    ]);
    expect(model.getLayer("l").config()).toEqual({ negativeSlope: 0.1 });
  });

  it("functions on tensors: TFOpLambda and TensorFlowOpLayer", async () => {
    const layers = [
      x(4, 4, 3),
      // preprocess_input of MobileNetV2 as transfer learning guides write it; one reference without a list around it.
      {
        ...old("TFOpLambda", "div", { function: "math.truediv" }),
        inbound_nodes: [["x", 0, 0, { y: 127.5, name: null }]],
      },
      {
        ...old("TFOpLambda", "sub", { function: "math.subtract" }),
        inbound_nodes: [["div", 0, 0, { y: 1, name: null }]],
      },
      old("TFOpLambda", "add3", { function: "__operators__.add" }, ["sub", { y: 3, name: null }]),
      old("TFOpLambda", "flip", { function: "__operators__.rsub" }, ["add3", { y: 2 }]),
      old("TensorFlowOpLayer", "mul", { node_def: { op: "Mul" }, constants: { 1: 0.5 } }, ["flip"]),
      old("TFOpLambda", "both", { function: "math.add" }, ["mul", { y: ["sub", 0, 0] }]),
      old("TFOpLambda", "act", { function: "nn.relu6" }, ["both"]),
    ];
    expect(operations(await load(graph(layers, "act")))).toEqual([
      { op: "affine", attrs: { scale: 1 / 127.5, offset: 0 } },
      { op: "affine", attrs: { scale: 1, offset: -1 } },
      { op: "affine", attrs: { scale: 1, offset: 3 } },
      { op: "affine", attrs: { scale: -1, offset: 2 } },
      { op: "affine", attrs: { scale: 0.5, offset: 0 } },
      { op: "add", attrs: {} },
      { op: "activation", attrs: { kind: "relu", maxValue: 6 } },
    ]);
    const odd = graph([x(4), old("TFOpLambda", "e", { function: "linalg.einsum" }, ["x"])], "e");
    await expect(load(odd)).rejects.toThrow(/: e: the operation TFOpLambda einsum with 1 arguments is not known/);
  });

  it("a base without a size, which takes it from what it is called on", async () => {
    const base = graph(
      [x(null, null, 3), old("Conv2D", "c", { filters: 2, kernel_size: [1, 1], use_bias: false }, ["x"])],
      "c",
    );
    const config = graph(
      [
        old("InputLayer", "in", { batch_input_shape: [null, 6, 6, 3] }),
        {
          ...base,
          name: "base",
          config: { ...(base.config as Json), name: "base" },
          inbound_nodes: [[["in", 0, 0, { training: false }]]],
        },
        { ...old("Flatten", "f", {}), inbound_nodes: [[["base", 1, 0, {}]]] },
      ],
      "f",
      "in",
    );
    const model = await load(config, { base: { "c/kernel:0": counting([1, 1, 3, 2]) } });
    expect(model.outputs[0].shape).toEqual([72]);
    await expect(load(base)).rejects.toThrow(/its shape is \[null,null,3\]; expected known sizes/);
    const sized = await writeLegacy({ c: { "c/kernel:0": counting([1, 1, 3, 2]) } }, { model_config: base });
    expect((await loadModel(sized, { inputShape: [5, 5, 3] })).outputs[0].shape).toEqual([5, 5, 2]);
  });
});

it("Keras 1: other names of layers and options", async () => {
  const model = await load(
    {
      class_name: "Sequential",
      config: [
        {
          class_name: "ZeroPadding2D",
          config: {
            name: "z",
            padding: [1, 1],
            dim_ordering: "tf",
            batch_input_shape: [null, 5, 5, 1],
            input_dtype: "float32",
          },
        },
        {
          class_name: "Convolution2D",
          config: {
            name: "c",
            nb_filter: 2,
            nb_row: 3,
            nb_col: 2,
            subsample: [2, 1],
            border_mode: "valid",
            dim_ordering: "tf",
            bias: true,
            init: "glorot_uniform",
            activation: "relu",
            W_regularizer: null,
            b_regularizer: null,
          },
        },
        {
          class_name: "BatchNormalization",
          config: {
            name: "b",
            mode: 0,
            axis: -1,
            epsilon: 0.001,
            momentum: 0.99,
            gamma_init: "one",
            beta_init: "zero",
          },
        },
        {
          class_name: "MaxPooling2D",
          config: { name: "m", pool_size: [2, 2], strides: [2, 2], border_mode: "same", dim_ordering: "tf" },
        },
        { class_name: "Flatten", config: { name: "f" } },
        { class_name: "Dropout", config: { name: "o", p: 0.25 } },
        {
          class_name: "Dense",
          config: { name: "d", output_dim: 3, input_dim: null, bias: true, activation: "softmax", init: "uniform" },
        },
      ],
    },
    {
      c: { c_W: counting([3, 2, 1, 2]), c_b: counting([2]) },
      b: {
        b_gamma: counting([2], 1),
        b_beta: counting([2], 2),
        b_running_mean: counting([2], 3),
        b_running_std: counting([2], 4),
      },
      d: { d_W: counting([12, 3]), d_b: counting([3]) },
    },
    "1.2.2",
  );
  expect(model.getLayer("c").config()).toMatchObject({
    filters: 2,
    kernelSize: [3, 2],
    strides: [2, 1],
    padding: "valid",
  });
  expect(model.getLayer("m").config()).toMatchObject({ poolSize: [2, 2], padding: "same" });
  expect(model.getLayer("o").config()).toMatchObject({ rate: 0.25 });
  expect(model.allParameters().find((p) => p.path === "b/moving_variance")!.value[0]).toBe(4);
  const th = {
    class_name: "Sequential",
    config: [
      { class_name: "Convolution2D", config: { name: "c", dim_ordering: "th", batch_input_shape: [null, 3, 5, 5] } },
    ],
  };
  await expect(load(th, {}, "1.2.2")).rejects.toThrow(/c: has dim_ordering = "th".*expected "tf"/);
});

describe("Keras 3 operations", () => {
  const tensor = (name: string) => ({
    class_name: "__keras_tensor__",
    config: { shape: [null, 4], dtype: "float32", keras_history: [name, 0, 0] },
  });
  const op = (
    class_name: string,
    name: string,
    args: unknown[],
    config: Json = {},
    module = "keras.src.ops.numpy",
  ): Json => ({
    module,
    class_name,
    name,
    config: { name, ...config },
    inbound_nodes: [{ args, kwargs: {} }],
  });
  const input = {
    module: "keras.layers",
    class_name: "InputLayer",
    name: "x",
    config: { name: "x", batch_shape: [null, 4] },
    inbound_nodes: [],
  };

  it("of numbers, of two tensors, and activations", async () => {
    const layers = [
      input,
      op("Add", "a", [tensor("x"), 3]),
      op("Multiply", "m", [0.5, tensor("a")]),
      op("Subtract", "s", [1, tensor("m")]),
      op("TrueDivide", "d", [tensor("s"), 4]),
      op("Multiply", "two", [tensor("d"), tensor("x")]),
      op("Gelu", "g", [tensor("two")], { approximate: false }, "keras.src.ops.nn"),
      op("Concatenate", "c", [[tensor("g"), tensor("x")]], { axis: -1 }),
    ];
    const model = await loadModel(await writeKeras({ ...graph(layers, "c"), module: "keras" }, {}));
    expect(operations(model).map(({ op: name, attrs }) => [name, attrs])).toEqual([
      ["affine", { scale: 1, offset: 3 }],
      ["affine", { scale: 0.5, offset: 0 }],
      ["affine", { scale: -1, offset: 1 }],
      ["affine", { scale: 0.25, offset: 0 }],
      ["multiply", {}],
      ["activation", { kind: "gelu" }],
      ["concatenate", expect.anything()],
    ]);
    expect(model.outputs[0].shape).toEqual([8]);
  });

  it.each([
    [op("Divide", "d", [1, tensor("x")]), /d: divides a number by a tensor/],
    [op("Add", "a", [tensor("x"), [1, 2, 3, 4]]), /a: the operation Add with \[1,2,3,4\] is not known/],
    [op("Add", "a", [tensor("x")]), /a: the operation Add has 1 operands/],
    [op("Einsum", "e", [tensor("x")]), /e: the operation Einsum einsum with 1 arguments is not known/],
    [
      {
        ...input,
        class_name: "Dropout",
        name: "o",
        config: { name: "o", rate: 0.5 },
        inbound_nodes: [{ args: [tensor("x")], kwargs: { training: true } }],
      },
      /o: is called with training = true/,
    ],
  ])("that Thaw has not are refused: %#", async (layer, why) => {
    await expect(
      loadModel(await writeKeras({ ...graph([input, layer], String(layer.name)), module: "keras" }, {})),
    ).rejects.toThrow(why);
  });
});

describe("layers that Thaw does not know", () => {
  const config = graph(
    [
      x(4),
      old("Swirl", "s1", { turns: 2, inner_radius: 3 }, ["x"]),
      old("Swirl", "s2", {}, ["s1"]),
      {
        class_name: "Sequential",
        name: "n",
        config: { name: "n", layers: [{ class_name: "Blob", config: { name: "b" } }] },
        inbound_nodes: [[["s2", 0, 0, {}]]],
      },
    ],
    "n",
  );

  it("are named in one error, those of nested models too", async () => {
    await expect(load(config)).rejects.toThrow(
      /2 layer classes Swirl \(s1, s2\), Blob \(b\) are not known.*registerLayer/,
    );
  });

  it("can be brought, for one file or for all", async () => {
    const seen: unknown[] = [];
    const make = (given: Readonly<Json>): Layer => {
      seen.push(given);
      return new Activation({ name: String(given.name), activation: "tanh" });
    };
    const bytes = await writeLegacy({}, { model_config: config });
    const model = await loadModel(bytes, { customLayers: { Swirl: make, Blob: make } });
    expect(operations(model).map((o) => o.attrs.kind)).toEqual(["tanh", "tanh", "tanh"]);
    expect(seen[0]).toEqual({ name: "s1", turns: 2, innerRadius: 3 });
    await expect(loadModel(bytes, { customLayers: { Swirl: make } })).rejects.toThrow(
      /the layer class Blob \(b\) is not known/,
    );
    registerLayer("Blob", make);
    expect((await loadModel(bytes, { customLayers: { Swirl: make } })).layers.length).toBe(4);
    const nameless = () => new Activation({ activation: "tanh" });
    await expect(loadModel(bytes, { customLayers: { Swirl: nameless } })).rejects.toThrow(
      /s1: the factory of Swirl made a layer named activation/,
    );
    const nothing = (() => 5) as unknown as typeof make;
    await expect(loadModel(bytes, { customLayers: { Swirl: nothing } })).rejects.toThrow(/made no layer/);
  });
});

describe("TF.js", () => {
  const camel = {
    className: "Sequential",
    config: {
      name: "t",
      layers: [
        { className: "InputLayer", config: { name: "x", batchInputShape: [null, 4, 4, 1] } },
        {
          className: "Conv2D",
          config: {
            name: "c",
            filters: 1,
            kernelSize: [2, 2],
            dataFormat: "channelsLast",
            activation: "hardSigmoid",
            useBias: false,
          },
        },
      ],
    },
  };
  const kernel = counting([2, 2, 1, 1], 1);
  const spec = { name: "c/kernel", shape: [2, 2, 1, 1], dtype: "float32" };
  const first = async (...args: Parameters<typeof writeTfjs>) => [
    ...(await loadModel(writeTfjs(...args))).allParameters()[0].value,
  ];

  it("camelCase and snake_case, wrapped and bare", async () => {
    const snake = JSON.parse(
      JSON.stringify(snakeCaseKeys(camel))
        .replace("channelsLast", "channels_last")
        .replace("hardSigmoid", "hard_sigmoid"),
    ) as Json;
    expect(JSON.stringify(snake)).toContain('"kernel_size"');
    for (const topology of [
      camel,
      snake,
      { modelConfig: camel, kerasVersion: "tfjs-layers 4.22.0" },
      { model_config: snake, keras_version: "2.1.4" },
    ])
      expect(await first(topology, [[spec, float32Bytes(kernel)]])).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ["uint8", Uint8Array.of(0, 1, 2, 255), { dtype: "uint8", scale: 0.5, min: -1 }, [-1, -0.5, 0, 126.5]],
    [
      "uint16",
      new Uint8Array(Uint16Array.of(0, 1, 2, 65535).buffer),
      { dtype: "uint16", scale: 0.5, min: 1 },
      [1, 1.5, 2, 32768.5],
    ],
    ["float16", Uint8Array.of(0, 0x3c, 0, 0xc0, 0, 0, 0xff, 0x7b), { dtype: "float16" }, [1, -2, 0, 65504]],
  ])("weights quantized to %s", async (_, bytes, quantization, numbers) => {
    expect(await first(camel, [[{ ...spec, quantization }, bytes]])).toEqual(numbers);
  });

  it("refuses graph models with the way out, and shards of another length", async () => {
    const file = (json: Json) => new File([JSON.stringify(json)], "model.json");
    await expect(
      loadModel(file({ format: "graph-model", modelTopology: { node: [] }, weightsManifest: [] })),
    ).rejects.toThrow(/is a TF.js graph model.*tfjs_layers_model.*tf2onnx/);
    await expect(loadModel(file({ modelTopology: { node: [] } }))).rejects.toThrow(/graph model/);
    await expect(loadModel(file({ modelTopology: null, weightsManifest: [] }))).rejects.toThrow(
      /no Keras configuration/,
    );
    await expect(first(camel, [[spec, new Uint8Array(15)]])).rejects.toThrow(
      /group1-shard1of1.bin: 15 bytes; expected 16/,
    );
    await expect(first(camel, [[{ ...spec, dtype: "string" }, new Uint8Array(16)]])).rejects.toThrow(
      /has the type "string"/,
    );
    await expect(first(camel, [[{ ...spec, quantization: { dtype: "int4" } }, new Uint8Array(4)]])).rejects.toThrow(
      /is quantized as/,
    );
    await expect(first(camel, [[{ ...spec, name: "c/other" }, float32Bytes(kernel)]])).rejects.toThrow(
      /c\/kernel is missing/,
    );
  });
});
