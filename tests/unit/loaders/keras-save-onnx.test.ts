/** Imported ONNX networks as Keras's layers: which layers an operator becomes, and what is refused. */
import { expect, test } from "vitest";
import { loadModel } from "../../../src/loaders/index";
import { modelConfig } from "../../../src/loaders/keras/save/config";
import { writeKeras, writeLegacyModel } from "../../../src/loaders/keras/save/keras-file";
import { readOnnx } from "../../../src/loaders/onnx/index";
import { withPreprocessing } from "../../../src/loaders/preprocessing";
import { Graph } from "../../../src/nn/graph";
import { FunctionalModel, input, type Container } from "../../../src/nn/model";
import { Dense } from "../../../src/nn/layers/dense";
import { readBytes } from "../../setup/files";
import { floats, info, node, onnxFile, type GraphInit } from "../../support/onnx-file";

const classes = (model: Container) =>
  (modelConfig(model, 3).config as { layers: { class_name: string }[] }).layers
    .slice(1)
    .map((entry) => entry.class_name);

const read = (graph: Partial<GraphInit>) =>
  readOnnx("net.onnx", onnxFile({ input: [info("x", ["n", 4, 6, 6])], output: [info("y", ["n", "c"])], ...graph }), {});

const operations = (model: Container) => {
  const g = new Graph(2);
  model.call(
    g,
    model.inputs.map((t) => g.input("x", [2, ...t.shape])),
    { training: false },
  );
  return g.nodes.map((n) => n.op);
};

for (const file of ["cnn.dy.onnx", "cnn.ts.onnx", "cnn.ts.batch1.onnx"])
  for (const write of [writeKeras, writeLegacyModel])
    test(`${file} by ${write.name} comes back, and is written the same again`, async () => {
      const model = await loadModel(await readBytes(`tests/fixtures/onnx/${file}`));
      const bytes = await write(model);
      const back = await loadModel(bytes);
      expect(Buffer.from(await write(back)).equals(Buffer.from(bytes))).toBe(true);
      const bits = (m: Container) =>
        m.trainableParameters.map((p) => Buffer.from(p.value.slice().buffer).toString("base64")).toSorted();
      expect(bits(back)).toEqual(bits(model));
    });

test("flattening [N, C, H, W] before a product is a Permute", async () => {
  const model = await read({
    node: [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["y"])],
    initializer: [
      floats(
        "w",
        [144, 2],
        Array.from({ length: 288 }, (_, i) => i),
      ),
    ],
  });
  expect(classes(model)).toEqual(["Reshape", "Permute", "Reshape", "Dense"]);
});

test("channels are cut out by a Cropping2D, padding of the largest repeats the edges", async () => {
  const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  const model = await read({
    node: [node("Split", ["x"], ["a", "b"], { axis: 1 }), node("MaxPool", ["b"], ["y"], pool)],
  });
  expect(classes(model)).toEqual([
    "Reshape",
    "Cropping2D",
    "Reshape",
    "Cropping2D",
    "Concatenate",
    "Cropping2D",
    "Concatenate",
    "MaxPooling2D",
  ]);
});

test("weights that train in what no layer of Keras trains, and products in older formats, are refused by name", async () => {
  const model = await loadModel(await readBytes("tests/fixtures/onnx/vit.ts.onnx"));
  expect(() => modelConfig(model, 3)).toThrow(/its weight cls trains, in expand; freeze the layer/);
  expect(() => modelConfig(model, "h5")).toThrow("a product of two tensors");
});

test("frozen, a transformer is written with its constants, and products as operations of Keras 3", async () => {
  const model = await loadModel(await readBytes("tests/fixtures/onnx/vit.ts.onnx"));
  model.trainable = false;
  const bytes = await writeKeras(model);
  const back = await loadModel(bytes);
  expect(back.flatLayers().filter((layer) => layer.className === "MatmulOperation")).toHaveLength(4);
  expect(Buffer.from(await writeKeras(back)).equals(Buffer.from(bytes))).toBe(true);
});

test("a factor for each channel is a LayerScale, and trains", async () => {
  const model = await read({
    node: [node("Mul", ["x", "s"], ["y"])],
    initializer: [floats("s", [1, 4, 1, 1], [1, 2, 3, 4])],
  });
  expect(classes(model)).toEqual(["LayerScale"]);
  const back = await loadModel(await writeKeras(model));
  expect(back.trainableParameters.map((p) => [p.path, p.shape, [...p.value]])).toEqual([
    [`${model.layers[1].name}/gamma`, [4], [1, 2, 3, 4]],
  ]);
});

test("preprocessing with channels in the other order is written as layers", () => {
  const x = input([4, 4, 3], { name: "x" });
  const model = new FunctionalModel({ inputs: x, outputs: new Dense({ name: "d", units: 2 }).apply(x), name: "m" });
  const whole = withPreprocessing(model, "caffe");
  const written = classes(whole);
  expect(written.filter((name) => name === "Cropping2D")).toHaveLength(3);
  expect(written.slice(-3)).toEqual(["Concatenate", "Rescaling", "Functional"]);
  expect(operations(whole)).toContain("concatenate");
});
