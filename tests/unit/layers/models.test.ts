/** Freezing, and Sequential, functional, shared and nested models, as the graphs that they write. */
import { beforeEach, describe, expect, it } from "vitest";
import { Graph } from "../../../src/nn/graph";
import { resetNames } from "../../../src/nn/layer";
import {
  Add,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  GlobalAveragePooling2D,
  ReLU,
} from "../../../src/nn/layers";
import { FunctionalModel, input, type Container } from "../../../src/nn/model";
import { Sequential } from "../../../src/nn/sequential";
import { traced } from "./trace";

function write(model: Container, training: boolean, batch = 2): Graph {
  const g = new Graph(batch);
  const inputs = model.inputs.map((t) => g.input(t.layer.name, [batch, ...t.shape]));
  model.call(g, inputs, { training });
  return g;
}

const opsOf = (g: Graph) => g.nodes.map((n) => `${n.layer}:${n.op}`);

/** conv1 - norm1 - relu1 - conv2 - norm2, from [8, 8, 3] to [4, 4, 6]. */
function makeBase(): FunctionalModel {
  const x = input([8, 8, 3], { name: "image" });
  let y = new Conv2D({ filters: 4, kernelSize: 3, name: "conv1" }).apply(x);
  y = new BatchNormalization({ name: "norm1" }).apply(y);
  y = new ReLU({ name: "relu1" }).apply(y);
  y = new Conv2D({ filters: 6, kernelSize: 3, name: "conv2" }).apply(y);
  y = new BatchNormalization({ name: "norm2" }).apply(y);
  return new FunctionalModel({ inputs: x, outputs: y, name: "base" });
}

beforeEach(resetNames);

const opsFor = (trainable: boolean, training: boolean) =>
  traced(new BatchNormalization({ trainable }), [[2, 4, 4, 3]], training).ops;

const trainable = (model: Container) =>
  model
    .flatLayers()
    .filter((l) => l.trainable && l.parameters.length > 0)
    .map((l) => l.name);

describe("batch normalization", () => {
  it("uses the batch's statistics in training steps only, and only while trainable", () => {
    expect(opsFor(true, true)).toEqual(["batchNormTraining"]);
    for (const [trainable, training] of [
      [true, false],
      [false, true],
      [false, false],
    ] as const) {
      expect(opsFor(trainable, training)).toEqual(["batchNormFold", "channelAffine"]);
    }
  });

  it("has gamma and beta as weights and the moving statistics as state, whose gradient nobody asks for", () => {
    const layer = new BatchNormalization();
    traced(layer, [[2, 3]]);
    expect(layer.parameters.map((p) => [p.name, p.kind, p.trainable, p.value[0]])).toEqual([
      ["gamma", "weight", true, 1],
      ["beta", "weight", true, 0],
      ["moving_mean", "state", false, 0],
      ["moving_variance", "state", false, 1],
    ]);
    layer.trainable = false;
    expect(layer.trainableParameters).toEqual([]);
  });

  it("leaves out gamma and beta where asked", () => {
    const layer = new BatchNormalization({ center: false, scale: false });
    const { g } = traced(layer, [[2, 3]], true);
    expect(Object.keys(g.nodes[0].inputs)).toEqual(["x", "movingMean", "movingVariance"]);
  });

  it("refuses another axis than the last", () => {
    expect(() => traced(new BatchNormalization({ axis: 1, name: "bn" }), [[2, 4, 4, 3]])).toThrow(
      "bn: axis is 1; expected the last dimension, -1.",
    );
    expect(traced(new BatchNormalization({ axis: [3] }), [[2, 4, 4, 3]]).shape).toEqual([2, 4, 4, 3]);
  });
});

describe("freezing", () => {
  it("reaches every layer inside, however deep", () => {
    const base = makeBase();
    const inner = new Sequential([base, new Flatten()], { name: "inner" });
    const model = new Sequential([inner, new Dense({ units: 2, name: "head" })]);
    inner.trainable = false;
    expect(trainable(model)).toEqual(["head"]);
    expect(model.trainableParameters.map((p) => p.name)).toEqual(["kernel", "bias"]);
    expect(opsOf(write(model, true)).filter((op) => op.includes("batchNormTraining"))).toEqual([]);
    model.trainable = true;
    expect(trainable(model)).toEqual(["conv1", "norm1", "conv2", "norm2", "head"]);
  });

  it("goes up to a layer, by name or by path", () => {
    const model = new Sequential([makeBase(), new Flatten(), new Dense({ units: 2, name: "head" })]);
    model.freezeUpTo("relu1");
    expect(trainable(model)).toEqual(["conv2", "norm2", "head"]);
    model.freezeUpTo("base/norm2");
    expect(trainable(model)).toEqual(["head"]);
    model.freezeUpTo(null);
    expect(trainable(model)).toHaveLength(5);
    expect(() => model.freezeUpTo("conv9")).toThrow(/has no layer conv9; expected one of .*conv1/);
  });

  it("follows a pattern", () => {
    const model = makeBase();
    expect(model.setTrainable("norm*", false)).toBe(2);
    expect(trainable(model)).toEqual(["conv1", "conv2"]);
    expect(() => model.setTrainable("block_*", false)).toThrow("no layer is named like block_*");
  });
});

describe("models", () => {
  it("write their layers in order, with paths as in summaries", () => {
    const model = new Sequential([
      makeBase(),
      new GlobalAveragePooling2D({ name: "pool" }),
      new Dense({ units: 2, name: "head" }),
    ]);
    expect(opsOf(write(model, true))).toEqual([
      "base/conv1:conv2d",
      "base/norm1:batchNormTraining",
      "base/relu1:activation",
      "base/conv2:conv2d",
      "base/norm2:batchNormTraining",
      "pool:globalAveragePool",
      "head:matmul",
    ]);
    expect(model.outputs[0].shape).toEqual([2]);
    expect(model.allParameters().map((p) => p.path)).toContain("base/norm1/moving_mean");
  });

  it("keep a nested base in inference mode where it was called so, also after it is thawed", () => {
    const base = makeBase();
    const x = input([8, 8, 3]);
    const features = new Dropout({ rate: 0.5, name: "drop" }).apply(base.apply(x, { training: false }));
    const model = new FunctionalModel({ inputs: x, outputs: features });
    expect(base.trainable).toBe(true);
    const ops = opsOf(write(model, true));
    expect(ops.filter((op) => op.endsWith("batchNormTraining"))).toEqual([]);
    expect(ops.at(-1)).toBe("drop:dropout");
  });

  it("share a layer: two calls, one set of weights, one value in the graph", () => {
    const x = input([8, 8, 4]);
    const shared = new Conv2D({ filters: 4, kernelSize: 3, padding: "same", name: "shared" });
    const model = new FunctionalModel({
      inputs: x,
      outputs: new Add({ name: "sum" }).apply([x, shared.apply(shared.apply(x))]),
    });
    const g = write(model, false);
    expect(opsOf(g)).toEqual(["shared:conv2d", "shared:conv2d", "sum:add"]);
    expect(model.allParameters()).toHaveLength(2);
    expect(g.values.filter((v) => v.role === "parameter")).toHaveLength(2);
    expect(g.nodes[0].inputs.w).toBe(g.nodes[1].inputs.w);
  });

  it("branch and take several inputs", () => {
    const [a, b] = [input([4], { name: "a" }), input([4], { name: "b" })];
    const sum = new Add().apply([
      new Dense({ units: 3, name: "left" }).apply(a),
      new Dense({ units: 3, name: "right" }).apply(b),
    ]);
    const model = new FunctionalModel({ inputs: [a, b], outputs: sum });
    expect(opsOf(write(model, false))).toEqual(["left:matmul", "right:matmul", "add:add"]);
    expect(() => new FunctionalModel({ inputs: [a], outputs: sum })).toThrow("its outputs depend on the input b");
  });

  it("can be cut, sharing their layers", () => {
    const base = makeBase();
    const cut = base.upTo("relu1");
    expect(cut.outputs[0].shape).toEqual([6, 6, 4]);
    expect(cut.getLayer("conv1")).toBe(base.getLayer("conv1"));
    expect(opsOf(write(cut, false)).at(-1)).toBe("relu1:activation");
  });

  it("refuse inputs of another shape", () => {
    const g = new Graph(2);
    const wrong = g.input("x", [2, 9, 8, 3]);
    expect(() => makeBase().call(g, [wrong], { training: false })).toThrow(
      "base: received an input of shape [2, 9, 8, 3]; expected [2, 8, 8, 3].",
    );
  });
});
