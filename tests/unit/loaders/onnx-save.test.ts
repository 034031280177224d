/** What an exported ONNX file holds: nodes and names of the layers, no transposes in a network of images, and what is refused. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  Activation,
  Average,
  AveragePooling2D,
  BatchNormalization,
  Conv2D,
  Dense,
  DepthwiseConv2D,
  Dropout,
  Flatten,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  LayerNormalization,
  Maximum,
  MaxPooling2D,
  Minimum,
  Multiply,
  Permute,
  PReLU,
  ReLU,
  Reshape,
  Sequential,
  Subtract,
} from "../../../src/index";
import { preprocessings } from "../../../src/loaders/index";
import { ModelProtoSchema } from "../../../src/loaders/onnx/proto/onnx_pb";
import { operationWriters } from "../../../src/loaders/onnx/save/operators/index";
import { writeOnnx } from "../../../src/loaders/onnx/save/index";
import type { Graph, Value } from "../../../src/nn/graph";
import { Layer } from "../../../src/nn/layer";
import { miniMobileNet } from "../../support/nets";
import { operations } from "../../support/operations";
import { written } from "../../support/onnx-written";

const sequential = (layers: readonly Layer[], shape: readonly number[] = [8, 8, 3]) =>
  new Sequential(layers, { inputShape: shape, name: "net" });
/** Attributes of the only node of a kind. */
const only = async (model: Sequential, op: string) => (await written(model)).nodes.find((n) => n.op === op)!;

describe("a MobileNetV2", () => {
  it("is the nodes that other tools write, under its layers' names", async () => {
    const { nodes, inputs, outputs } = await written(miniMobileNet(3, { softmax: true }));
    const names = [
      ["conv1/Conv", "bn1/BatchNormalization", "relu1/Clip", "expand/Conv", "expand_bn/BatchNormalization"],
      ["expand_relu/Clip", "depthwise/Conv", "depthwise_bn/BatchNormalization", "depthwise_relu/Clip"],
      ["project/Conv", "project_bn/BatchNormalization", "add/Add", "pad/Pad", "conv2/Conv", "relu2/Relu"],
      ["pool/GlobalAveragePool", "pool/Flatten", "head/Gemm", "head/Softmax"],
    ];
    expect(nodes.map((n) => n.name)).toEqual(names.flat());
    expect(inputs).toEqual(["image [batch, 3, 8, 8]"]);
    expect(outputs).toEqual(["head [batch, 3]"]);
  });

  it("takes [N, H, W, C] with one transpose, at its beginning", async () => {
    const [first, ...rest] = (await written(miniMobileNet(), { layout: "NHWC" })).nodes;
    expect(first).toMatchObject({ op: "Transpose", inputs: ["image"], attributes: { perm: [0, 3, 1, 2] } });
    expect(rest.map((n) => n.op)).not.toContain("Transpose");
  });

  it("has its weights bit for bit, filters turned", async () => {
    const model = miniMobileNet();
    const { initializers } = await written(model);
    const parameter = (path: string) => model.allParameters().find((p) => p.path === path)!;
    const conv = initializers.get("conv1/kernel")!;
    expect(conv.dims).toEqual([8, 3, 3, 3]);
    const kernel = parameter("conv1/kernel").value; // [3, 3, 3, 8]
    conv.data.forEach((v, i) => {
      const [o, c, y, x] = [Math.floor(i / 27), Math.floor(i / 9) % 3, Math.floor(i / 3) % 3, i % 3];
      expect(v).toBe(kernel[((y * 3 + x) * 3 + c) * 8 + o]);
    });
    expect(initializers.get("depthwise/kernel")!.dims).toEqual([16, 1, 3, 3]);
    expect(initializers.get("head/kernel")!.dims).toEqual([12, 3]);
    expect(initializers.get("head/kernel")!.data).toEqual(parameter("head/kernel").value);
    expect(initializers.get("bn1/moving_variance")!.data).toEqual(parameter("bn1/moving_variance").value);
  });

  it("is written the same twice", async () => {
    expect(Buffer.compare(await writeOnnx(miniMobileNet()), await writeOnnx(miniMobileNet()))).toBe(0);
  });

  it("is what the protobuf library itself would write", async () => {
    const bytes = await writeOnnx(miniMobileNet());
    expect(Buffer.compare(bytes, toBinary(ModelProtoSchema, fromBinary(ModelProtoSchema, bytes)))).toBe(0);
  });

  it("loses its batch normalizations where they are folded, and gains biases", async () => {
    const { ops, initializers } = await written(miniMobileNet(), { foldBatchNormalization: true });
    expect(ops).not.toContain("BatchNormalization");
    expect(ops.filter((op) => op === "Conv")).toHaveLength(5);
    expect(initializers.get("conv1/bias")!.dims).toEqual([8]);
    expect([...initializers.keys()].filter((name) => name.includes("bn"))).toEqual([]);
  });
});

describe("folding", () => {
  it("multiplies filters and moves offsets, in transposed ones and dense ones too", async () => {
    const bn = new BatchNormalization({ name: "bn", epsilon: 0 });
    const model = sequential([new Dense({ name: "dense", units: 2, seed: 3 }), bn], [3]);
    bn.gamma!.value = Float32Array.of(2, 3);
    bn.beta!.value = Float32Array.of(1, -1);
    bn.movingMean.value = Float32Array.of(0.5, 0.25);
    bn.movingVariance.value = Float32Array.of(4, 0.25);
    const { ops, initializers } = await written(model, { foldBatchNormalization: true });
    expect(ops).toEqual(["Gemm"]);
    const kernel = model.allParameters().find((p) => p.name === "kernel")!.value;
    expect(initializers.get("dense/kernel")!.data).toEqual(kernel.map((v, i) => v * [1, 6][i % 2]));
    expect(Array.from(initializers.get("dense/bias")!.data)).toEqual([0.5, -2.5]);
  });

  it("leaves what something else reads too, and what stands behind an activation", async () => {
    const x = input([4, 4, 3], { name: "x" });
    const conv = new Conv2D({ name: "conv", filters: 2, kernelSize: 1 }).apply(x);
    const normal = new BatchNormalization({ name: "bn" }).apply(conv);
    const shared = new FunctionalModel({ inputs: x, outputs: new Multiply({ name: "both" }).apply([conv, normal]) });
    expect((await written(shared, { foldBatchNormalization: true })).ops).toContain("BatchNormalization");
    const behind = sequential([
      new Conv2D({ filters: 2, kernelSize: 1, activation: "relu" }),
      new BatchNormalization(),
    ]);
    expect((await written(behind, { foldBatchNormalization: true })).ops).toContain("BatchNormalization");
  });

  it("refuses a variance that has no root", async () => {
    const bn = new BatchNormalization({ name: "bn" });
    const model = sequential([new Conv2D({ filters: 2, kernelSize: 1 }), bn]);
    bn.movingVariance.value = Float32Array.of(1, -1);
    await expect(writeOnnx(model, { foldBatchNormalization: true })).rejects.toThrow(
      /^bn: its moving variance is -1 in channel 1; expected variances from 0 on/,
    );
    await writeOnnx(model);
  });
});

describe("layers of images", () => {
  it('write "same" as pads, the odd zero at the end', async () => {
    const conv = sequential([new Conv2D({ filters: 2, kernelSize: 3, strides: 2, padding: "same" })]);
    expect((await only(conv, "Conv")).attributes).toMatchObject({ pads: [0, 0, 1, 1], strides: [2, 2], group: 1 });
    const odd = sequential([new DepthwiseConv2D({ kernelSize: 3, strides: 2, padding: "same" })], [7, 7, 3]);
    expect((await only(odd, "Conv")).attributes).toMatchObject({ pads: [1, 1, 1, 1], group: 3 });
    const pool = sequential([new AveragePooling2D({ poolSize: 3, strides: 2, padding: "same" })]);
    expect((await only(pool, "AveragePool")).attributes).toEqual({
      kernel_shape: [3, 3],
      pads: [0, 0, 1, 1],
      strides: [2, 2],
    });
  });

  it("are turned before they become vectors, and where a layer works on channels last", async () => {
    const flat = await written(
      sequential([new MaxPooling2D(), new Flatten({ name: "flat" }), new Dense({ units: 2 })]),
    );
    expect(flat.nodes.map((n) => n.name).slice(1, 3)).toEqual(["flat/Transpose", "flat/Flatten"]);
    const conv = () => new Conv2D({ filters: 4, kernelSize: 1 });
    const { ops } = await written(sequential([conv(), new LayerNormalization(), new Dense({ units: 4 }), conv()]));
    expect(ops).toEqual(["Conv", "Transpose", "LayerNormalization", "MatMul", "Add", "Transpose", "Conv"]);
    const softmax = await written(sequential([conv(), new Activation({ activation: "softmax" }), conv()]));
    expect(softmax.ops).toEqual(["Conv", "Softmax", "Conv"]);
    expect(softmax.nodes[1].attributes).toEqual({ axis: 1 });
  });

  it("shuffle their channels with one", async () => {
    const x = input([4, 5, 6], { name: "x" });
    let y = new Conv2D({ filters: 6, kernelSize: 1 }).apply(x);
    y = new Reshape({ targetShape: [4, 5, 2, 3] }).apply(y);
    y = new Permute({ dims: [1, 2, 4, 3] }).apply(y);
    y = new Reshape({ targetShape: [4, 5, 6] }).apply(y);
    y = new Conv2D({ filters: 2, kernelSize: 1 }).apply(y);
    const { ops } = await written(new FunctionalModel({ inputs: x, outputs: y }));
    expect(ops).toEqual(["Conv", "Reshape", "Transpose", "Reshape", "Conv"]);
  });

  it("gate their channels without a transpose", async () => {
    const x = input([8, 8, 4], { name: "x" });
    const features = new Conv2D({ filters: 4, kernelSize: 1 }).apply(x);
    let gate = new GlobalAveragePooling2D().apply(features);
    gate = new Reshape({ targetShape: [1, 1, 4] }).apply(gate);
    gate = new ReLU().apply(gate);
    gate = new Conv2D({ filters: 4, kernelSize: 1, activation: "sigmoid" }).apply(gate);
    const model = new FunctionalModel({ inputs: x, outputs: new Multiply({ name: "gated" }).apply([features, gate]) });
    const { ops, outputs } = await written(model);
    expect(ops).toEqual(["Conv", "GlobalAveragePool", "Relu", "Conv", "Sigmoid", "Mul"]);
    expect(outputs).toEqual(["gated [batch, 4, 8, 8]"]);
  });

  it("know the activations that runtimes have", async () => {
    const opsOf = async (activation: string) => (await written(sequential([new Activation({ activation })]))).ops;
    expect(await opsOf("relu6")).toEqual(["Clip"]);
    expect(await opsOf("gelu")).toEqual(["Gelu"]);
    expect(await opsOf("hard_silu")).toEqual(["HardSwish"]);
    expect(await opsOf("hard_sigmoid")).toEqual(["HardSigmoid"]);
    expect(await opsOf("silu")).toEqual(["Sigmoid", "Mul"]);
    expect((await written(sequential([new ReLU()]))).ops).toEqual(["Relu"]);
    expect((await written(sequential([new Dropout({ rate: 0.5 })]))).ops).toEqual(["Identity"]);
  });
});

it("writes one operator for what layers compute in parts", async () => {
  const [a, b] = ["a", "b"].map((name) => input([4, 4, 3], { name }));
  const convolved = new Conv2D({ filters: 3, kernelSize: 1 }).apply(a);
  const opsOf = async (layer: Layer, tensors = [convolved, b]) =>
    (await written(new FunctionalModel({ inputs: [a, b].slice(0, tensors.length), outputs: layer.apply(tensors) })))
      .ops;
  expect(await opsOf(new Maximum())).toEqual(["Conv", "Max"]);
  expect(await opsOf(new Minimum())).toEqual(["Conv", "Min"]);
  expect(await opsOf(new Average())).toEqual(["Conv", "Add", "Mul"]);
  expect(await opsOf(new Subtract())).toEqual(["Conv", "Sub"]);
  expect(await opsOf(new PReLU(), [convolved])).toEqual(["Conv", "PRelu"]);
  const model = sequential([
    new Conv2D({ filters: 3, kernelSize: 1 }),
    new PReLU({ name: "leaky", sharedAxes: [1, 2] }),
  ]);
  expect((await written(model)).initializers.get("leaky/alpha")!.dims).toEqual([3, 1, 1]);
});

describe("preprocessing", () => {
  it("is written in front, channels reversed where the network wants them so", async () => {
    const model = miniMobileNet();
    model.preprocessing = preprocessings.tf;
    const tf = await written(model, { preprocessing: true });
    expect(tf.nodes.slice(0, 3).map((n) => n.name)).toEqual(["preprocessing/Mul", "preprocessing/Add", "conv1/Conv"]);
    model.preprocessing = preprocessings.caffe;
    const caffe = await written(model, { preprocessing: true });
    expect(caffe.nodes.slice(0, 4).map((n) => n.op)).toEqual(["Gather", "Mul", "Add", "Conv"]);
    expect(caffe.nodes[0].attributes).toEqual({ axis: 1 });
    expect(caffe.initializers.get("preprocessing/offset")!.dims).toEqual([3, 1, 1]);
    expect(caffe.initializers.has("conv1/kernel")).toBe(true);
  });

  it("is refused where the model does not say it", async () => {
    await expect(writeOnnx(miniMobileNet(), { preprocessing: true })).rejects.toThrow(
      /^mini: does not say what it expects of its pixels; expected a preprocessing/,
    );
  });
});

class Emitting extends Layer {
  readonly className = "Emitting";
  constructor(
    readonly body: (g: Graph, x: Value) => Value,
    name: string,
  ) {
    super({ name });
  }
  call(g: Graph, [x]: readonly Value[]): Value[] {
    return [this.body(g, x)];
  }
  config(): Record<string, unknown> {
    return {};
  }
}

class Huge extends Layer {
  readonly className = "Huge";
  protected override build(): void {
    this.addWeight("table", [40_000, 20_000], { kind: "zeros" });
  }
  call(g: Graph, [x]: readonly Value[]): Value[] {
    return [
      g.apply(
        "multiply",
        {},
        { a: x, b: g.apply("slice", { begin: [0, 0], size: [1, 3] }, { x: g.parameter(this.parameters[0]) }) },
      ),
    ];
  }
  config(): Record<string, unknown> {
    return {};
  }
}

describe("refused before anything is written", () => {
  it("names that are the same once joined, with both", async () => {
    const x = input([4], { name: "x" });
    const inner = new Sequential([new Dense({ name: "b", units: 4 })], { inputShape: [4], name: "a" });
    const y = new Dense({ name: "a/b", units: 4 }).apply(inner.apply(x));
    await expect(writeOnnx(new FunctionalModel({ inputs: x, outputs: y }))).rejects.toThrow(
      /kernel of "a\/b": is called "a\/b\/kernel" in ONNX, and so is kernel of "b" in "a"/,
    );
    const two = new FunctionalModel({ inputs: [x, input([4], { name: "x" })], outputs: y });
    await expect(writeOnnx(two)).rejects.toThrow(/the input "x": is called "x" in ONNX, and so is the input "x"/);
  });

  it("operations that only training has", async () => {
    const mask = new Emitting((g, x) => g.apply("dropout", { rate: 0.5, salt: 1 }, { x }), "always_dropping");
    await expect(writeOnnx(sequential([mask]))).rejects.toThrow(
      /^always_dropping: computes dropout of \[batch, 8, 8, 3\]; expected operations that ONNX has/,
    );
  });

  it("outputs that mix samples", async () => {
    const mix = new Emitting((g, x) => g.apply("reshape", { shape: [4, x.shape[0] * 2] }, { x }), "mixing");
    const model = sequential([mix], [8]);
    await expect(writeOnnx(model)).rejects.toThrow(/^mixing: .*the batch/);
  });

  it("more than ONNX can hold, without making it", async () => {
    await expect(writeOnnx(sequential([new Huge()], [3]))).rejects.toThrow(
      /^net: its weights take 2.98 GiB; expected less than 2 GiB.*Save it as .keras or safetensors/,
    );
  });

  it("layouts that there are not", async () => {
    await expect(writeOnnx(miniMobileNet(), { layout: "CHWN" as never })).rejects.toThrow(
      /"CHWN"; expected NCHW or NHWC/,
    );
  });
});

it("writes layers of the user's by what they compute", async () => {
  const twice = new Emitting((g, x) => g.apply("affine", { scale: 2, offset: 1 }, { x }), "twice");
  const { nodes } = await written(sequential([twice]));
  expect(nodes.map((n) => n.name)).toEqual(["twice/Mul", "twice/Add"]);
});

it("has a writer for every operation that a forward pass in inference mode can hold", () => {
  const training = /Gradient$|^(batchNorm(Training|Fold|Reduce)|channelAffineReduce|dropout|reduceTo|sumRows|toHalf)$/;
  const step =
    /^(gather|store|accuracy|count\w+|gradientNorm|summarize|sgd|rmsprop|adam|meanGradients|clipTensors|finishUpdate)$/;
  const views = /^(fixMatchReport|contrastiveAccuracy|rotations|augment\w+)$/;
  const missing = operations
    .filter((op) => !op.loss && !training.test(op.name) && !step.test(op.name) && !views.test(op.name))
    .map((op) => op.name)
    .filter((name) => name !== "resizeImages") // of data sets, in front of any model
    .filter((name) => !Object.hasOwn(operationWriters, name));
  expect(missing).toEqual([]);
});
