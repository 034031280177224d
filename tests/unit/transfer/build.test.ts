/** Where a pretrained network is cut for a new head, and the blocks of what is left. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  Activation,
  Add,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  FunctionalModel,
  GlobalAveragePooling2D,
  GlobalMaxPooling2D,
  input,
  MaxPooling2D,
  ReLU,
  resetNames,
  Reshape,
  Sequential,
  type Layer,
  type SymbolicTensor,
} from "../../../src/index";
import { loadModel, preprocessings, withPreprocessing } from "../../../src/loaders/index";
import { hasSharedAssets, readShared } from "../../setup/files";
import { missingShared } from "../loaders/shared-files";
import { blocksOf, buildTransferModel, withoutHead } from "../../../src/transfer/index";

/** Layers one after the other on 8 x 8 pixels. */
function chain(...layers: Layer[]): FunctionalModel {
  const pixels = input([8, 8, 3]);
  const outputs = layers.reduce<SymbolicTensor>((t, layer) => layer.apply(t), pixels);
  return new FunctionalModel({ inputs: pixels, outputs, name: "net" });
}

const conv = (name: string, filters = 4) => new Conv2D({ name, filters, kernelSize: 3, padding: "same" });
const dense = (name: string, units: number, activation?: "softmax" | "relu") => new Dense({ name, units, activation });
const end = (model: FunctionalModel) => [model.outputs[0].layer.name, model.outputs[0].shape];

beforeEach(resetNames);

describe("withoutHead", () => {
  it("cuts below a dense layer on pooled features", () => {
    const pool = new GlobalAveragePooling2D({ name: "pool" });
    const net = chain(
      conv("a"),
      pool,
      new Dropout({ rate: 0.2 }),
      dense("logits", 7),
      new Activation({ activation: "softmax" }),
    );
    expect(end(withoutHead(net))).toEqual(["pool", [4]]);
  });

  it("cuts below the convolution that some networks have instead", () => {
    const pooled = new GlobalAveragePooling2D({ name: "pool", keepdims: true });
    const last = new Conv2D({ name: "logits", filters: 7, kernelSize: 1 });
    const net = chain(conv("a"), pooled, new Dropout({ rate: 0.1 }), last, new Reshape({ targetShape: [7] }));
    expect(end(withoutHead(net))).toEqual(["pool", [1, 1, 4]]);
  });

  it("cuts below all dense layers on a flattened picture", () => {
    const net = chain(
      conv("a"),
      new MaxPooling2D({ name: "pool" }),
      new Flatten(),
      dense("fc1", 9, "relu"),
      dense("fc2", 8, "relu"),
      dense("predictions", 7, "softmax"),
    );
    expect(end(withoutHead(net))).toEqual(["pool", [4, 4, 4]]);
  });

  it("keeps a dense layer between pooled features and the classifier", () => {
    const net = chain(conv("a"), new GlobalAveragePooling2D(), dense("embedding", 9, "relu"), dense("predictions", 7));
    expect(end(withoutHead(net))).toEqual(["embedding", [9]]);
  });

  it("keeps networks that have no head", () => {
    expect(end(withoutHead(chain(conv("a"), new ReLU({ name: "relu" }))))).toEqual(["relu", [8, 8, 4]]);
    expect(end(withoutHead(chain(conv("a"), new GlobalAveragePooling2D({ name: "pool" }))))).toEqual(["pool", [4]]);
  });

  describe("whose classifier is a convolution that is pooled", () => {
    const classes = (name: string, filters = 7) => new Conv2D({ name, filters, kernelSize: 1 });
    const pool = () => new GlobalAveragePooling2D();

    it("cuts below it and its dropout", () => {
      const net = chain(conv("a"), new Dropout({ rate: 0.5 }), classes("c"), new ReLU(), pool());
      expect(end(withoutHead(net))).toEqual(["a", [8, 8, 4]]);
      const softmax = new Activation({ activation: "softmax" });
      expect(end(withoutHead(chain(conv("a"), classes("c"), new GlobalMaxPooling2D(), softmax)))[0]).toBe("a");
      const named = chain(conv("a"), classes("classifier"), new ReLU(), pool());
      expect(end(withoutHead(named))[0]).toBe("a");
      expect(end(withoutHead(chain(conv("a"), classes("c", 1000), pool())))[0]).toBe("a");
    });

    it("keeps a convolution that gives features", () => {
      const net = chain(
        conv("a"),
        classes("c", 16),
        new ReLU({ maxValue: 6 }),
        new GlobalAveragePooling2D({ name: "p" }),
      );
      expect(end(withoutHead(net))).toEqual(["p", [16]]);
    });
  });

  it("keeps the largest of each channel under a dense layer", () => {
    const net = chain(conv("a"), new GlobalMaxPooling2D({ name: "pool" }), dense("logits", 7, "softmax"));
    expect(end(withoutHead(net))).toEqual(["pool", [4]]);
  });

  it("names the layers to choose from where probabilities come from something else", () => {
    const pixels = input([8, 8, 3]);
    const t = new GlobalAveragePooling2D({ name: "pool" }).apply(conv("a").apply(pixels));
    const sum = new Add({ name: "sum" }).apply([dense("x", 3).apply(t), dense("y", 3).apply(t)]);
    const outputs = new Activation({ name: "p", activation: "softmax" }).apply(sum);
    const net = new FunctionalModel({ inputs: pixels, outputs, name: "two" });
    expect(() => withoutHead(net)).toThrow(
      /two: gives probabilities, but no head was found below p; .*lastLayer }, of the top ones "sum" \[3\], "pool" \[4\]/,
    );
    expect(end(withoutHead(net, "pool"))).toEqual(["pool", [4]]);
  });

  it("looks into the network inside one that brings its preprocessing", () => {
    const inner = chain(conv("a"), new GlobalAveragePooling2D({ name: "pool" }), dense("logits", 7));
    const base = withoutHead(withPreprocessing(inner, "tf"));
    expect(base.outputs[0].shape).toEqual([4]);
    expect(base.flatLayers().map((l) => l.name)).not.toContain("logits");
    expect(base.inputShape).toEqual([8, 8, 3]);
  });

  it("ends where it is told to, and takes sequential models", () => {
    const net = new Sequential([conv("a"), new ReLU({ name: "relu" }), new Flatten(), dense("logits", 7)], {
      inputShape: [8, 8, 3],
    });
    expect(end(withoutHead(net))).toEqual(["relu", [8, 8, 4]]);
    expect(end(withoutHead(net, "a"))).toEqual(["a", [8, 8, 4]]);
  });

  it("refuses what is nothing but a head, and several outputs", () => {
    const vector = input([5]);
    const only = new FunctionalModel({ inputs: vector, outputs: dense("logits", 2).apply(vector), name: "linear" });
    expect(() => withoutHead(only)).toThrow("linear: is nothing but a head on its input of shape [5]");
    const pixels = input([8, 8, 3]);
    const two = new FunctionalModel({ inputs: pixels, outputs: [conv("a").apply(pixels), conv("b").apply(pixels)] });
    expect(() => withoutHead(two)).toThrow("has 1 inputs and 2 outputs");
  });
});

if (!hasSharedAssets) console.log(`heads of ONNX files: ${missingShared}`);

describe.skipIf(!hasSharedAssets)("heads of ONNX files", () => {
  it.each([
    ["models/onnx_light/light_squeezenet.onnx", "n60", [13, 13, 512]],
    ["models/onnx_light/light_bvlc_alexnet.onnx", "n14", [6, 6, 256]],
    ["models/onnx_light/light_vgg19.onnx", "n36", [7, 7, 512]],
    ["onnx_exports/squeezenet1_1.dy.onnx", "cat_7", [13, 13, 512]],
    ["onnx_exports/squeezenet1_1.ts.onnx", "features.12.concat", [13, 13, 512]],
  ])("%s", async (file, layer, shape) => {
    const net = await loadModel(await readShared(file));
    expect(end(withoutHead(net))).toEqual([layer, shape]);
  });
});

describe("blocksOf", () => {
  it("cuts where one tensor leads on, and leaves nothing out", () => {
    const pixels = input([8, 8, 3]);
    let t = conv("stem_conv").apply(pixels);
    for (const block of ["block_1", "block_2"]) {
      const inside = new BatchNormalization({ name: `${block}_bn` }).apply(conv(`${block}_conv`).apply(t));
      t = new Add({ name: `${block}_add` }).apply([t, inside]);
    }
    const model = new FunctionalModel({ inputs: pixels, outputs: new GlobalAveragePooling2D().apply(t), name: "net" });
    const blocks = blocksOf(model);
    expect(blocks.map((b) => b.name)).toEqual(["stem_conv", "block_1", "block_2"]);
    expect(blocks.flatMap((b) => b.layers)).toEqual(model.flatLayers());
  });
});

describe("buildTransferModel", () => {
  const net = () => chain(conv("a"), new GlobalAveragePooling2D({ name: "pool" }), dense("logits", 7));

  it("freezes the base and puts a head of its classes on it", () => {
    const { model, base, head, classNames } = buildTransferModel(net(), { classes: ["ant", "bee", "cat"] });
    expect(model.outputs[0].shape).toEqual([3]);
    expect(classNames).toEqual(["ant", "bee", "cat"]);
    expect(base.trainableParameters).toEqual([]);
    expect(model.trainableParameters).toEqual(head.flatMap((l) => l.parameters));
    expect(model.layers.map((l) => l.className)).toEqual(["InputLayer", "Functional", "Dropout", "Dense"]);
  });

  it("pools pictures, and has a hidden layer where one is wanted", () => {
    const options = { classes: 2, hiddenUnits: 16, dropout: 0, pooling: "max" } as const;
    const { model, head } = buildTransferModel(chain(conv("a")), options);
    expect(model.layers.map((l) => l.className).slice(2)).toEqual(["GlobalMaxPooling2D", "Dense", "Dense"]);
    expect(head.map((l) => l.units)).toEqual([16, 2]);
  });

  it("brings the preprocessing that the network asks for", () => {
    const caffe = net();
    caffe.preprocessing = preprocessings.caffe;
    const { model } = buildTransferModel(caffe, { classes: 2 });
    expect(model.layers.map((l) => l.className).slice(0, 4)).toEqual([
      "InputLayer",
      "ReverseChannels",
      "Rescaling",
      "Functional",
    ]);
  });

  it("draws the same head from the same seed", () => {
    const kernel = (seed: number) => buildTransferModel(net(), { classes: 3, seed }).head[0].parameters[0].value;
    expect(kernel(4)).toEqual(kernel(4));
    expect(kernel(4)).not.toEqual(kernel(5));
  });

  it("refuses what makes no head", () => {
    expect(() => buildTransferModel(net(), { classes: 1 })).toThrow("classes 1; expected two or more that differ");
    expect(() => buildTransferModel(net(), { classes: ["a", "a"] })).toThrow("two or more that differ");
    expect(() => buildTransferModel(net(), { classes: 2, dropout: 1 })).toThrow("dropout 1");
    expect(() => buildTransferModel(net(), { classes: 2, hiddenUnits: 2.5 })).toThrow("hiddenUnits 2.5");
  });
});
