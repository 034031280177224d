/** How ONNX graphs become layers: in NHWC, without transposes, named after their modules. */
import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/nn/graph";
import type { Container } from "../../../src/nn/model";
import { readOnnx } from "../../../src/loaders/onnx/index";
import { makePlan, sgd, sparseCategoricalCrossentropy } from "../../../src/index";
import { hasSharedAssets, readBytes, readShared } from "../../setup/files";
import { floats, info, ints, node, onnxFile, type GraphInit } from "../../support/onnx-file";
import { softwareAdapter } from "../../support/nets";

/** Classes of the layers behind the input. */
const classes = (model: Container): string[] => model.layers.slice(1).map((l) => l.className);

/** Engine operations that a batch of two costs. */
function operations(model: Container): string[] {
  const g = new Graph(2);
  model.call(
    g,
    model.inputs.map((t) => g.input("x", [2, ...t.shape])),
    { training: false },
  );
  return g.nodes.map((n) => n.op);
}

const ramp = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const small = (more: Partial<GraphInit>): GraphInit => ({
  input: [info("x", ["n", 3, 6, 6])],
  output: [info("y", ["n", "c"])],
  ...more,
});
const read = (graph: GraphInit, options = {}) => readOnnx("net.onnx", onnxFile(graph), options);

describe("a convolution of [N, C, H, W]", () => {
  const conv = (attributes: object) =>
    small({
      node: [node("Conv", ["x", "stem.conv.weight", "stem.conv.bias"], ["y"], { kernel_shape: [3, 3], ...attributes })],
      initializer: [floats("stem.conv.weight", [2, 3, 3, 3], ramp(54)), floats("stem.conv.bias", [2], [1, 2])],
    });

  it("is a Conv2D on [N, H, W, C] with its filter turned once, named after its module", async () => {
    const model = await read(conv({ strides: [2, 2] }));
    const layer = model.getLayer("stem.conv");
    expect(model.inputShape).toEqual([6, 6, 3]);
    expect(model.outputs[0].shape).toEqual([2, 2, 2]);
    expect(classes(model)).toEqual(["Conv2D"]);
    const [kernel, bias] = layer.parameters;
    expect(kernel.shape).toEqual([3, 3, 3, 2]);
    // [filter 1, channel 2, row 0, column 1] of the file
    expect(kernel.value[(1 * 3 + 2) * 2 + 1]).toBe(27 + 18 + 1 + 1);
    expect(Array.from(bias.value)).toEqual([1, 2]);
    expect(model.trainableParameters).toHaveLength(2);
  });

  it("pads as Keras does where that is the same, else by a layer in front", async () => {
    expect(classes(await read(conv({ pads: [1, 1, 1, 1] })))).toEqual(["Conv2D"]);
    expect(classes(await read(conv({ pads: [1, 1, 1, 1], strides: [2, 2] })))).toEqual(["ZeroPadding2D", "Conv2D"]);
    expect(classes(await read(conv({ auto_pad: "SAME_UPPER", strides: [2, 2] })))).toEqual(["Conv2D"]);
  });

  it("with a filter a channel is depthwise", async () => {
    const graph = small({
      node: [node("Conv", ["x", "dw.weight"], ["y"], { group: 3 })],
      initializer: [floats("dw.weight", [6, 1, 3, 3], ramp(54))],
    });
    const model = await read(graph);
    expect(classes(model)).toEqual(["DepthwiseConv2D"]);
    const [kernel] = model.getLayer("dw").parameters;
    expect(kernel.shape).toEqual([3, 3, 3, 2]);
    expect(Array.from(kernel.value.slice(0, 6))).toEqual([1, 10, 19, 28, 37, 46]);
  });
});

describe("functions written out", () => {
  const scalar = (name: string, value: number) => floats(name, [], [value]);
  const written: Record<string, [GraphInit["node"], ReturnType<typeof scalar>[], unknown]> = {
    "GELU with Erf": [
      [
        node("Div", ["x", "r"], ["a"]),
        node("Erf", ["a"], ["b"]),
        node("Add", ["b", "one"], ["c"]),
        node("Mul", ["x", "c"], ["d"]),
        node("Mul", ["d", "half"], ["y"]),
      ],
      [scalar("r", Math.SQRT2), scalar("one", 1), scalar("half", 0.5)],
      "gelu",
    ],
    "GELU with Tanh": [
      [
        node("Pow", ["x", "three"], ["a"]),
        node("Mul", ["a", "k"], ["b"]),
        node("Add", ["x", "b"], ["c"]),
        node("Mul", ["c", "s"], ["d"]),
        node("Tanh", ["d"], ["e"]),
        node("Add", ["e", "one"], ["f"]),
        node("Mul", ["x", "half"], ["g"]),
        node("Mul", ["g", "f"], ["y"]),
      ],
      [
        scalar("three", 3),
        scalar("k", 0.044715),
        scalar("s", Math.sqrt(2 / Math.PI)),
        scalar("one", 1),
        scalar("half", 0.5),
      ],
      { className: "gelu", config: { approximate: true } },
    ],
    SiLU: [[node("Sigmoid", ["x"], ["a"]), node("Mul", ["a", "x"], ["y"])], [], "silu"],
    "hard swish": [
      [node("HardSigmoid", ["x"], ["a"], { alpha: 1 / 6 }), node("Mul", ["x", "a"], ["y"])],
      [],
      "hard_silu",
    ],
    "hard swish by clipping": [
      [
        node("Add", ["x", "three"], ["a"]),
        node("Clip", ["a", "zero", "six"], ["b"]),
        node("Mul", ["x", "b"], ["c"]),
        node("Div", ["c", "six"], ["y"]),
      ],
      [scalar("three", 3), scalar("zero", 0), scalar("six", 6)],
      "hard_silu",
    ],
  };

  it.each(Object.entries(written))("%s become one activation", async (_, [nodes, initializer, activation]) => {
    const model = await read(small({ node: nodes, initializer }));
    expect(classes(model)).toEqual(["Activation"]);
    expect(model.layers[1].config()).toEqual({ activation });
  });

  it("Min and Max are ReLU6", async () => {
    const model = await read(
      small({
        node: [node("Max", ["x", "zero"], ["a"]), node("Min", ["a", "six"], ["y"])],
        initializer: [scalar("zero", 0), scalar("six", 6)],
      }),
    );
    expect(classes(model)).toEqual(["ReLU"]);
    expect(model.layers[1].config()).toMatchObject({ maxValue: 6 });
  });

  it("what only looks like one stays what it is", async () => {
    const model = await read(
      small({
        node: [node("Sigmoid", ["x"], ["a"]), node("Mul", ["a", "half"], ["y"])],
        initializer: [scalar("half", 0.5)],
      }),
    );
    expect(classes(model)).toEqual(["Activation", "Mul"]);
  });

  it("layer normalization is a layer with its factor and offset", async () => {
    const graph: GraphInit = {
      input: [info("x", ["n", 4, 8])],
      output: [info("y", ["n", 4, 8])],
      node: [
        node("ReduceMean", ["x"], ["m"], { axes: [-1] }),
        node("Sub", ["x", "m"], ["d"]),
        node("Pow", ["d", "two"], ["q"]),
        node("ReduceMean", ["q"], ["v"], { axes: [-1] }),
        node("Add", ["v", "eps"], ["ve"]),
        node("Sqrt", ["ve"], ["s"]),
        node("Div", ["d", "s"], ["z"]),
        node("Mul", ["z", "norm.weight"], ["zg"]),
        node("Add", ["zg", "norm.bias"], ["y"]),
      ],
      initializer: [
        scalar("two", 2),
        scalar("eps", 1e-5),
        floats("norm.weight", [8], ramp(8)),
        floats("norm.bias", [8], ramp(8)),
      ],
    };
    const model = await read(graph);
    expect(classes(model)).toEqual(["LayerNormalization"]);
    expect(model.layers[1].name).toBe("norm");
    expect(Array.from(model.layers[1].parameters[0].value)).toEqual(ramp(8));
  });

  it("a mean, a factor and an offset a channel are a batch normalization that keeps its mean", async () => {
    const vector = (name: string, values: number[]) => floats(name, [1, 3, 1, 1], values);
    const graph = small({
      node: [node("Sub", ["x", "m"], ["a"]), node("Mul", ["a", "s"], ["b"]), node("Add", ["b", "o"], ["y"])],
      initializer: [vector("m", [1, 2, 3]), vector("s", [4, 5, 6]), vector("o", [7, 8, 9])],
    });
    const model = await read(graph);
    expect(classes(model)).toEqual(["BatchNormalization"]);
    const values = Object.fromEntries(model.layers[1].parameters.map((p) => [p.name, Array.from(p.value)]));
    expect(values).toMatchObject({ gamma: [4, 5, 6], beta: [7, 8, 9], moving_mean: [1, 2, 3] });
    const g = new Graph(2);
    model.call(g, [g.input("x", [2, 6, 6, 3])], { training: true });
    expect(g.nodes.map((n) => n.op)).toEqual(["batchNormFold", "channelAffine"]);
  });
});

describe("shape arithmetic", () => {
  it("of an open batch is folded, and a reshape with it writes nothing", async () => {
    const graph = small({
      node: [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], { axis: 0 }),
        node("Unsqueeze", ["n", "axes"], ["n1"]),
        node("Concat", ["n1", "rest"], ["to"], { axis: 0 }),
        node("Relu", ["x"], ["r"]),
        node("Reshape", ["r", "to"], ["y"]),
      ],
      initializer: [ints("zero", [0], []), ints("axes", [0]), ints("rest", [-1])],
    });
    const model = await read(graph);
    expect(model.outputs[0].shape).toEqual([108]);
    // Flattened in the file's order, [C, H, W]: the one place where numbers move.
    expect(operations(model)).toEqual(["activation", "reshape", "transpose", "reshape"]);
  });

  it("an if with a known condition is its branch", async () => {
    const branch = (op: string): GraphInit => ({
      node: [node(op, ["x"], [`${op}.out`])],
      output: [info(`${op}.out`, ["n", 3, 6, 6])],
    });
    const graph = small({
      node: [
        node("Shape", ["x"], ["s"]),
        node("Size", ["s"], ["r"]),
        node("Equal", ["r", "four"], ["c"]),
        node("If", ["c"], ["y"], { then_branch: branch("Relu"), else_branch: branch("Sigmoid") }),
      ],
      initializer: [ints("four", [4], [])],
    });
    expect(classes(await read(graph))).toEqual(["ReLU"]);
  });

  it("a loop is named as what Thaw does not have", async () => {
    await expect(read(small({ node: [node("Loop", ["x"], ["y"])] }))).rejects.toThrow(
      /operators that Thaw does not have: Loop \(1\)/,
    );
  });

  it("a folded constant without measure is refused before it is made", async () => {
    const graph = small({
      node: [node("ConstantOfShape", ["s"], ["z"]), node("Gemm", ["x", "z"], ["y"])],
      initializer: [ints("s", [2 ** 20, 2 ** 20])],
      input: [info("x", ["n", 2 ** 20])],
    });
    await expect(read(graph)).rejects.toThrow(/makes a constant of 1099511627776 numbers/);
  });

  it("weights that are one number, repeated, are made when they are read, and only so many", async () => {
    const filled = (size: number) =>
      small({
        node: [
          node("ConstantOfShape", ["s"], ["z"], { value: floats("v", [1], [0.5]) }),
          node("Gemm", ["x", "z"], ["h"]),
          node("Gemm", ["h", "z"], ["y"]),
        ],
        initializer: [ints("s", [size, size])],
        input: [info("x", ["n", size])],
        output: [info("y", ["n", size])],
      });
    const model = await read(filled(100));
    const [first, second] = model.allParameters();
    expect(first.value).toEqual(new Float32Array(10_000).fill(0.5));
    expect(second.value.buffer).not.toBe(first.value.buffer);
    // 2^28 together: 2^13 * 2^13 = 2^26 twice is fine, 1.5 * 2^27 is not.
    expect((await read(filled(2 ** 13))).allParameters()).toHaveLength(2);
    await expect(read(filled(14_000))).rejects.toThrow(
      /makes a constant of 196000000 numbers; expected at most 72435456/,
    );
  });

  const trained = (more: GraphInit["node"] = [], output = "y") =>
    small({
      node: [
        node("BatchNormalization", ["x", "v", "v", "v", "v"], ["b", "mean", "variance"], {
          training_mode: 1,
          momentum: 0.75,
        }),
        node("Dropout", ["b", "r", "t"], ["d", "mask"]),
        node("MaxPool", ["d"], ["p", "places"], { kernel_shape: [2, 2], strides: [2, 2] }),
        node("Relu", ["p"], ["y"]),
        ...(more ?? []),
      ],
      initializer: [
        floats("v", [3], [1, 2, 3]),
        floats("r", [], [0.25]),
        { name: "t", dims: [], dataType: 9, rawData: Uint8Array.of(1) },
      ],
      output: [info(output, ["n", 3, 4, 4])],
    });

  it("a network exported as it trains becomes layers that train", async () => {
    const model = await read(trained());
    expect(classes(model)).toEqual(["BatchNormalization", "Dropout", "MaxPooling2D", "ReLU"]);
    expect(model.layers.slice(1, 3).map((layer) => layer.config())).toMatchObject([{ momentum: 0.75 }, { rate: 0.25 }]);
    expect(model.allParameters().map((p) => p.value[1])).toEqual([2, 2, 2, 2]);
  });

  it.each(["mean", "mask", "places"])("its other outputs are refused where something reads them: %s", async (name) => {
    await expect(read(trained([node("Identity", [name], ["z"])], "z"))).rejects.toThrow(
      /z \(Identity\): reads output 1 of .*, which Thaw does not compute/,
    );
    await expect(read(trained([], name))).rejects.toThrow(/reads output 1 of/);
  });

  it("a tensor without elements is folded, and no operand of what is computed", async () => {
    const empty = [node("Slice", ["x", "from", "from", "axis"], ["none"])];
    const graph = (last: NonNullable<GraphInit["node"]>) =>
      small({ node: [...empty, ...last], initializer: [ints("from", [2]), ints("axis", [1])] });
    const one = node("ReduceProd", ["none"], ["s"], { keepdims: 0 });
    expect(operations(await read(graph([one, node("Add", ["x", "s"], ["y"])])))).toHaveLength(1);
    await expect(read(graph([node("Add", ["x", "none"], ["y"])]))).rejects.toThrow(/a tensor with elements/);
  });

  it("numbers become one-hot vectors of the sample", async () => {
    const graph = small({
      node: [node("OneHot", ["x", "d", "v"], ["y"], { axis: 1 })],
      initializer: [ints("d", [5], []), floats("v", [2], [0, 1])],
      input: [info("x", ["n", 7])],
    });
    expect((await read(graph)).outputs[0].shape).toEqual([5, 7]);
    const none = { ...graph, initializer: [ints("d", [0], []), floats("v", [2], [0, 1])] };
    await expect(read(none)).rejects.toThrow(/depth is 0; expected at least 1/);
  });

  it("what mixes the samples of a batch is refused", async () => {
    const graph = small({ node: [node("ReduceMean", ["x"], ["y"], { axes: [0] })] });
    await expect(read(graph)).rejects.toThrow(/over the samples of a batch/);
  });

  it("sizes that the file leaves open come from inputShape", async () => {
    const graph = {
      ...small({ node: [node("GlobalAveragePool", ["x"], ["a"]), node("Flatten", ["a"], ["y"])] }),
      input: [info("x", ["n", 3, "h", "w"])],
    };
    await expect(read(graph)).rejects.toThrow(/leaves a size open: \[batch, 3, h, w\].*Pass \{ inputShape/);
    expect((await read(graph, { inputShape: [8, 10, 3] })).inputShape).toEqual([8, 10, 3]);
    await expect(read(graph, { inputShape: [8, 10, 4] })).rejects.toThrow(
      /inputShape is \[8, 10, 4\], and the file says/,
    );
  });
});

describe("PyTorch's exports", () => {
  it.each(["cnn.ts", "cnn.dy"])("%s keep the names of modules, so that freezing by name works", async (name) => {
    const model = await readOnnx(name, await readBytes(`tests/fixtures/onnx/${name}.onnx`));
    expect(model.layers.map((l) => l.name)).toEqual(
      expect.arrayContaining(["stem", "dw", "squeeze", "excite", "norm", "branch", "head"]),
    );
    model.freezeUpTo("norm");
    expect(model.getLayer("branch").trainable).toBe(false);
    expect(model.trainableParameters.map((p) => p.path)).toEqual(["head/kernel", "head/bias"]);
  });

  it.each(["cnn.ts", "cnn.dy", "vit.ts", "vit.dy"])(
    "%s has a gradient for every weight, and none for frozen ones",
    async (name) => {
      const model = await readOnnx(name, await readBytes(`tests/fixtures/onnx/${name}.onnx`));
      const planned = () => {
        const loss = sparseCategoricalCrossentropy({ fromLogits: true });
        const plan = makePlan({ model, batchSize: 4, mode: "train", loss, optimizer: sgd(), adapter: softwareAdapter });
        return [...plan.fields.gradients.keys()].map((p) => p.path).toSorted();
      };
      const all = model.allParameters().filter((p) => p.kind === "weight");
      expect(planned()).toEqual(all.map((p) => p.path).toSorted());
      model.freezeUpTo(model.layers.at(-2)!.name);
      expect(planned()).toEqual(["head/bias", "head/kernel"]);
    },
  );

  it.each(["vit.ts", "vit.dy", "vit.ts.batch1"])(
    "%s owns its class token and position embedding as weights",
    async (name) => {
      const model = await readOnnx(name, await readBytes(`tests/fixtures/onnx/${name}.onnx`));
      const shapes = model.trainableParameters.map((p) => p.shape.join("x"));
      expect(shapes).toEqual(expect.arrayContaining(["1x1x16", "17x16"]));
      // Patch 784, tokens 16 + 272, block 64 + 816 + 272 + 544 + 528, attention 816 + 272, norm 32, head 51
      // The dynamo exporter leaves out an offset that is 0.
      expect(model.trainableParameters.reduce((n, p) => n + p.count, 0)).toBe(name === "vit.dy" ? 4451 : 4467);
    },
  );
});

describe.skipIf(!hasSharedAssets)("shared files", () => {
  it("Keras's MobileNet has none of its 56 transposes left", async () => {
    const model = await readOnnx(
      "mobilenet.onnx",
      await readShared("models/keras_written/mobilenet_v1_0.25_224_imagenet.onnx"),
    );
    const ops = operations(model);
    expect(ops.filter((op) => op === "transpose")).toEqual([]);
    expect(ops.filter((op) => op === "channelAffine")).toHaveLength(27);
    expect(model.inputShape).toEqual([224, 224, 3]);
  });

  const light = ["squeezenet", "shufflenet", "inception_v1", "inception_v2", "densenet121", "resnet50"];
  it.each([...light, "bvlc_alexnet", "vgg19", "zfnet512"])(
    "onnx_light's %s gives a thousand classes, and takes no memory for weights that are one number",
    async (name) => {
      const before = process.memoryUsage().arrayBuffers;
      const model = await readOnnx(name, await readShared(`models/onnx_light/light_${name}.onnx`));
      expect(model.outputs[0].shape.reduce((a, b) => a * b, 1)).toBe(1000);
      expect(model.allParameters().reduce((n, p) => n + p.count, 0)).toBeGreaterThan(1e6);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32e6);
    },
  );
});

describe("a graph that sees each sample in several views", () => {
  it.each(["cnn.ts", "cnn.dy", "vit.ts", "vit.dy", "vit.ts.batch1"])(
    "%s has as many rows as it is given",
    async (name) => {
      const model = await readOnnx(name, await readBytes(`tests/fixtures/onnx/${name}.onnx`));
      const shapes = (batch: number) => {
        const g = new Graph(batch);
        model.call(g, [g.input("x", [6, ...model.inputShape])], { training: false });
        return g.nodes.map((n) => g.shapesOf(n));
      };
      expect(shapes(2)).toEqual(shapes(6));
    },
  );
});
