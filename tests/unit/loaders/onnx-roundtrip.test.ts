/** Import after export: the same model and the same bytes; and what other tools changed in between is read as the graph says it. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it } from "vitest";
import {
  Add,
  Dense,
  Dropout,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  Sequential,
  type Container,
} from "../../../src/index";
import { loadModel, preprocessings, registerLayer } from "../../../src/loaders/index";
import { ModelProtoSchema, type ModelProto } from "../../../src/loaders/onnx/proto/onnx_pb";
import { writeOnnx, type WriteOnnxOptions } from "../../../src/loaders/onnx/save/index";
import { camelCaseKeys } from "../../../src/nn/layers/keras-options";
import { createLayer, knownLayers } from "../../../src/nn/layers/registry";
import type { Graph, Value } from "../../../src/nn/graph";
import { Layer, resetNames } from "../../../src/nn/layer";
import { summary } from "../../../src/nn/summary";
import goldens from "../../fixtures/layers.json";
import { readBytes } from "../../setup/files";
import { miniMobileNet } from "../../support/nets";

beforeEach(resetNames);

const told = (model: Container) => summary(model, { expandNested: true, showTrainable: true });
const flags = (model: Container) => model.flatLayers().map((l) => `${l.name} ${l.trainable}`);
const values = (model: Container) => model.allParameters().map((p) => [p.path, Array.from(p.value)]);

/** Written, read, and written again. */
async function again(model: Container, options: WriteOnnxOptions = {}) {
  const first = await writeOnnx(model, options);
  const back = await loadModel(first);
  return { first, back, second: await writeOnnx(back, options) };
}

async function expectSame(model: Container, options: WriteOnnxOptions = {}): Promise<void> {
  const { first, back, second } = await again(model, options);
  expect(told(back)).toBe(told(model));
  expect(flags(back)).toEqual(flags(model));
  expect(values(back)).toEqual(values(model));
  expect(back.layers.map((l) => l.config())).toEqual(model.layers.map((l) => l.config()));
  expect(Buffer.compare(first, second)).toBe(0);
}

/** The file with something changed by another tool. */
function edited(bytes: Uint8Array, edit: (model: ModelProto) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  edit(model);
  return toBinary(ModelProtoSchema, model);
}

class Cube extends Layer {
  readonly className = "Cube";
  call(g: Graph, [x]: readonly Value[]): Value[] {
    return [g.apply("multiply", {}, { a: x, b: g.apply("multiply", {}, { a: x, b: x }) })];
  }
  config(): Record<string, unknown> {
    return {};
  }
}

/** Half frozen base in a Sequential, its batch normalization in inference mode for good. */
function nested(): Sequential {
  const base = miniMobileNet().upTo("relu2");
  base.freezeUpTo("depthwise_bn");
  const x = input([8, 8, 3], { name: "photo" });
  const inner = new FunctionalModel({ inputs: x, outputs: base.apply(x, { training: false }), name: "inference" });
  return new Sequential(
    [
      inner,
      new GlobalAveragePooling2D({ name: "pool" }),
      new Dropout({ name: "drop", rate: 0.3, seed: 5 }),
      new Dense({ name: "cats", units: 2, activation: "softmax" }),
    ],
    { name: "transfer" },
  );
}

describe("comes back as it was", () => {
  it.each(["NCHW", "NHWC"] as const)("a MobileNetV2 with half of it frozen, in %s", async (layout) => {
    const model = miniMobileNet(3, { softmax: true });
    model.freezeUpTo("depthwise");
    await expectSame(model, { layout });
  });

  it("a model in a model in a model, with a part that stays in inference mode", async () => {
    const model = nested();
    await expectSame(model);
    const { back } = await again(model);
    const [inner] = back.layers as [FunctionalModel];
    expect(inner.calls.find((c) => c.layer.className === "Functional")!.options).toEqual({ training: false });
  });

  it("shared layers, two inputs and two outputs", async () => {
    const [a, b] = ["left", "right"].map((name) => input([6], { name }));
    const shared = new Dense({ name: "shared", units: 4, activation: "relu", trainable: false });
    const sum = new Add({ name: "sum" }).apply([shared.apply(a), shared.apply(b)]);
    const outputs = [sum, new Dense({ name: "classes", units: 2 }).apply(sum)];
    await expectSame(new FunctionalModel({ inputs: [a, b], outputs, name: "siamese" }));
  });

  it("the embedded network", async () => {
    const model = await loadModel(await readBytes("assets/thaw_cifar8.keras"));
    model.freezeUpTo(model.flatLayers()[12].name);
    await expectSame(model);
  });

  it("layers of every class", async () => {
    const seen = new Set<string>(["CustomScaleLayer", "Identity", "InputLayer", "LayerScale"]);
    for (const { layer, inputs, name } of goldens.cases) {
      if (
        layer.class_name === "Activation" &&
        /exponential|softsign/.test(String((layer.config as { activation?: string }).activation))
      )
        continue;
      const made = createLayer(layer.class_name, { ...camelCaseKeys(layer.config), name: "layer" });
      const tensors = inputs.map((place, i) => input(place.shape.slice(1), { name: `x${i}` }));
      const model = new FunctionalModel({ inputs: tensors, outputs: made.apply(tensors), name: "single" });
      await expectSame(model).catch((error: unknown) => {
        throw new Error(`${name}: ${String(error)}`, { cause: error });
      });
      seen.add(layer.class_name);
    }
    expect(knownLayers().filter((name) => !seen.has(name))).toEqual([]);
    const x = input([2, 2, 3], { name: "x" });
    const scaled = createLayer("LayerScale", { name: "s", initValues: 0.5, projectionDim: 3 }).apply(x);
    const residual = createLayer("CustomScaleLayer", { name: "r", scale: 0.2 }).apply([x, scaled]);
    const y = createLayer("Identity", { name: "i" }).apply(residual);
    await expectSame(new FunctionalModel({ inputs: x, outputs: y, name: "rare" }));
  });

  it("a class of the user's, once it is registered", async () => {
    const model = new Sequential([new Cube({ name: "cube" }), new Dense({ name: "head", units: 2 })], {
      inputShape: [3],
      name: "custom",
    });
    const unknown = await again(model);
    expect(unknown.back.layers.map((l) => l.name)).toContain("cube_1"); // its two products
    registerLayer("Cube", (config) => new Cube({ name: String(config.name) }));
    await expectSame(model);
  });

  it("its preprocessing", async () => {
    const model = miniMobileNet();
    model.preprocessing = preprocessings.caffe;
    const { back } = await again(model);
    expect(back.preprocessing).toEqual(preprocessings.caffe);
    const pixels = await again(model, { preprocessing: true });
    expect(pixels.back.preprocessing).toEqual(preprocessings.none);
    expect(pixels.back.inputShape).toEqual([8, 8, 3]);
    // What stands in front is no part of the training.
    const trained = (m: Container) => m.trainableParameters.map((p) => p.path);
    expect(trained(pixels.back)).toEqual(trained(model));
  });
});

describe("what other tools changed", () => {
  const base = () => {
    const model = miniMobileNet();
    model.freezeUpTo("depthwise");
    return model;
  };

  it("weights are taken, the layers stay", async () => {
    const model = base();
    const file = edited(await writeOnnx(model), ({ graph }) => {
      const kernel = graph!.initializer.find((t) => t.name === "head/kernel")!;
      kernel.rawData = new Uint8Array(new Float32Array(36).fill(0.25).buffer);
    });
    const back = await loadModel(file);
    expect(told(back)).toBe(told(model));
    expect(Array.from(back.getLayer("head").parameters[0].value)).toEqual(Array.from({ length: 36 }, () => 0.25));
  });

  it("nodes are believed over what the file says of its layers; flags and names stay", async () => {
    const file = edited(await writeOnnx(base()), ({ graph }) => {
      const relu = graph!.node.find((n) => n.name === "relu2/Relu")!;
      relu.opType = "Sigmoid";
    });
    const back = await loadModel(file);
    expect(back.getLayer("relu2").className).toBe("Activation");
    const frozen = flags(back).filter((line) => line.endsWith("false"));
    expect(frozen).toEqual([
      "image false",
      ...flags(base())
        .filter((l) => l.endsWith("false"))
        .slice(1),
    ]);
    expect(back.getLayer("conv1").parameters[0].path).toBe("conv1/kernel");
  });

  it.each([
    ["another version", '{"version":2,"layers":[]}'],
    ["no JSON", "{"],
    [
      "layers that do not exist yet",
      '{"version":1,"layers":[{"class":"Sequential","name":"a","layers":[7],"input":{"name":"x","shape":[1]}}]}',
    ],
    ["an unknown class", '{"version":1,"layers":[{"class":"__proto__","name":"a","config":{}}]}'],
    ["a layer at its end", '{"version":1,"layers":[{"class":"ReLU","name":"a","config":{}}]}'],
    [
      "lists that are none",
      '{"version":1,"layers":[{"class":"Functional","name":"a","layers":[],"calls":[{"layer":0}],"inputs":[[0,0]],"outputs":[[5,0]]}]}',
    ],
    ["nothing", "null"],
  ])("an architecture with %s is left aside", async (_, text) => {
    const file = edited(await writeOnnx(base()), (model) => {
      model.metadataProps.find((p) => p.key === "thaw.architecture")!.value = text;
    });
    const back = await loadModel(file);
    expect(back.getLayer("conv1").className).toBe("Conv2D");
    expect(back.getLayer("conv1").trainable).toBe(false);
  });

  it("an architecture of ten models ten times over is not built", async () => {
    const layers: object[] = [{ class: "Identity", name: "i", config: {} }];
    for (let depth = 1; depth < 30; depth++)
      layers.push({
        class: "Sequential",
        name: `m${depth}`,
        layers: Array.from({ length: 10 }, () => depth - 1),
        input: { name: "x", shape: [8, 8, 3] },
      });
    const file = edited(await writeOnnx(base()), (model) => {
      model.metadataProps.find((p) => p.key === "thaw.architecture")!.value = JSON.stringify({ version: 1, layers });
    });
    const begin = performance.now();
    expect((await loadModel(file)).getLayer("conv1").className).toBe("Conv2D");
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  it("metadata that is damaged is left out", async () => {
    const file = edited(await writeOnnx(base()), (model) => {
      for (const p of model.metadataProps) p.value = '{"mode":7}';
    });
    const back = await loadModel(file);
    expect(back.preprocessing).toBeUndefined();
    expect(back.getLayer("conv1").trainable).toBe(true);
  });
});

describe("graphs whose layers the file does not say", () => {
  it("a nested model with folded normalizations comes back flat, under paths, frozen where it was", async () => {
    const model = nested();
    const folded = { foldBatchNormalization: true };
    const { back, second } = await again(model, folded);
    expect(back.layers.map((l) => l.name)).toEqual(expect.arrayContaining(["inference/mini/conv1", "cats"]));
    expect(back.getLayer("inference/mini/conv1").trainable).toBe(false);
    expect(back.getLayer("inference/mini/conv2").trainable).toBe(true);
    expect(Buffer.compare(second, await writeOnnx(await loadModel(second), folded))).toBe(0);
  });

  it.each(["cnn.ts", "cnn.dy", "cnn.ts.batch1", "vit.ts", "vit.dy", "vit.ts.batch1"])(
    "%s of PyTorch is a fixed point after one round",
    async (name) => {
      const model = await loadModel(await readBytes(`tests/fixtures/onnx/${name}.onnx`));
      model.freezeUpTo(model.layers.at(-2)!.name);
      const { back, second } = await again(model);
      const frozen = (m: Container) =>
        m
          .allParameters()
          .filter((p) => !p.trainable)
          .reduce((n, p) => n + p.count, 0);
      expect(frozen(back)).toBe(frozen(model));
      expect(Buffer.compare(second, await writeOnnx(await loadModel(second)))).toBe(0);
    },
  );
});
