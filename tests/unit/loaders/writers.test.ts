/** Networks in the files of other writers: Keras 2 and 3, Teachable Machine, TF.js. */
import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/index";
import { crc32, crc32InWords } from "../../../src/loaders/crc32";
import { loadModel, loadWeights } from "../../../src/loaders/index";
import { hasSharedAssets, readShared } from "../../setup/files";
import { missingShared, mobilenetTfjs, sharedFiles } from "./shared-files";

if (!hasSharedAssets) console.log(`loaders: ${missingShared}`);

const count = (model: Container) => model.allParameters().reduce((n, p) => n + p.count, 0);

/** Checksums of all values, by layer and variable: arrays of a million numbers are slow to compare otherwise. */
const values = (model: Container) =>
  new Map(model.allParameters().map((p) => [p.path, `${p.shape.join("x")} ${crc32(bytesOf(p.value))}`]));

const bytesOf = (value: Float32Array) => new Uint8Array(value.buffer, value.byteOffset, value.byteLength);

describe("crc32", () => {
  it("is the same by Node's zlib and in JavaScript, wherever the bytes begin", () => {
    expect(crc32InWords(new TextEncoder().encode("123456789"))).toBe(0xcbf43926); // the check value of CRC-32/ISO-HDLC
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 97 + (i >> 3)) & 255);
    for (let from = 0; from < 9; from++)
      for (const length of [0, 1, 7, 8, 31, 500]) {
        const part = bytes.subarray(from, from + length);
        expect(crc32(part)).toBe(crc32InWords(part));
      }
  });
});

describe.skipIf(!hasSharedAssets)("MobileNet v1 0.25", () => {
  const written = (ending: string) => readShared(`models/keras_written/mobilenet_v1_0.25_224_imagenet.${ending}`);

  it("is one network from .keras, .h5, .weights.h5 and TF.js, bit for bit", async () => {
    const reference = await loadModel(await written("keras"));
    expect(count(reference)).toBe(475_544);
    const expected = values(reference);
    const legacy = await loadModel(await written("h5"));
    expect(values(legacy)).toEqual(expected);
    const tfjs = await loadModel(await mobilenetTfjs());
    expect([...values(tfjs).values()]).toEqual([...expected.values()]);
    expect(tfjs.layers.map((l) => l.className)).toContain("DepthwiseConv2D");
    for (const p of tfjs.allParameters()) p.value = new Float32Array(p.count);
    const report = await loadWeights(tfjs, await written("weights.h5"));
    expect([...values(tfjs).values()]).toEqual([...expected.values()]);
    expect([report.loaded.length, report.missing, report.unexpected]).toEqual([expected.size, [], []]);
  });

  it("gets 135 tensors of its trunk from a file of Keras 2.0, by name", async () => {
    const model = await loadModel(await mobilenetTfjs());
    const expected = values(model);
    const cleared = await loadModel(await mobilenetTfjs());
    for (const p of cleared.allParameters()) p.value = new Float32Array(p.count);
    const file = await readShared("models/mobilenet_v1_0.25_no_top_keras2_h5/mobilenet_2_5_224_tf_no_top.h5");
    await expect(loadWeights(cleared, file)).rejects.toThrow(
      /2 of 137 weights do not fit: conv_preds\/kernel is missing/,
    );
    expect(cleared.allParameters().every((p) => p.value.every((v) => v === 0))).toBe(true);
    const report = await loadWeights(cleared, file, { strict: false });
    expect(report.loaded.length).toBe(135);
    expect(report.missing).toEqual(["conv_preds/kernel", "conv_preds/bias"]);
    for (const [path, value] of values(cleared))
      if (!path.startsWith("conv_preds")) expect(value).toEqual(expected.get(path));
  });
});

describe.skipIf(!hasSharedAssets)("legacy .h5", () => {
  it("a Teachable Machine network: models in models, their weights by name", async () => {
    const model = await loadModel(await readShared("models/teachable_machine_catdog_h5/keras_model.h5"));
    expect(model.layers.map((l) => l.name)).toEqual(["sequential_1", "sequential_3"]);
    expect(model.outputs[0].shape).toEqual([2]);
    for (const p of model.allParameters().filter((q) => q.name === "moving_variance"))
      expect(
        p.value.every((v) => v > 0),
        p.path,
      ).toBe(true);
    // A network of Keras 2.4 again: [[3]] as the axis, `groups` on depthwise convolutions.
    expect(model.getLayer("bn_Conv1").config()).toMatchObject({ axis: 3, momentum: 0.999 });
  });

  it("a MobileNet with optimizer weights and a groups argument", async () => {
    const model = await loadModel(await readShared("models/vww_mobilenet_keras_h5/vww_96.h5"));
    expect(model.inputShape).toEqual([96, 96, 3]);
    expect(model.outputs[0].shape).toEqual([2]);
  });

  it("a nested base that was frozen when it was saved, like the .keras beside it", async () => {
    const [h5, keras] = await Promise.all(
      ["h5", "keras"].map(async (ending) => loadModel(await readShared(`keras_fixtures/transfer.${ending}`))),
    );
    expect(values(h5)).toEqual(values(keras));
    expect(h5.allParameters().map((p) => p.trainable)).toEqual(keras.allParameters().map((p) => p.trainable));
  });

  it.each(["seq", "mixed"])("%s is the same as its .keras", async (name) => {
    const [h5, keras] = await Promise.all(
      ["h5", "keras"].map(async (ending) => loadModel(await readShared(`keras_fixtures/${name}.${ending}`))),
    );
    expect([...values(h5)]).toEqual([...values(keras)]);
  });

  it("says of weights alone what to do with them", async () => {
    const file = await readShared(
      "models/squeezenet_v1.1_keras_h5/squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
    );
    await expect(loadModel(file)).rejects.toThrow(/holds weights without a model.*loadWeights\(model, source\)/);
    const keras3 = await readShared("keras_fixtures/transfer.weights.h5");
    await expect(loadModel(keras3)).rejects.toThrow(/holds weights without a model/);
  });

  it("finds weights whose names say nothing by their order within a layer", async () => {
    const { Conv2D, input, FunctionalModel } = await import("../../../src/index");
    const x = input([16, 16, 3]);
    const stem = new Conv2D({ name: "conv1", filters: 64, kernelSize: 3, strides: 2 }).apply(x);
    const squeeze = new Conv2D({ name: "fire2/squeeze1x1", filters: 16, kernelSize: 1 });
    const model = new FunctionalModel({ inputs: x, outputs: squeeze.apply(stem) });
    const file = await readShared(
      "models/squeezenet_v1.1_keras_h5/squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
    );
    const report = await loadWeights(model, file, { strict: false });
    expect(report.loaded).toEqual(["conv1/kernel", "conv1/bias", "fire2/squeeze1x1/kernel", "fire2/squeeze1x1/bias"]);
    expect([report.loaded.length + report.unexpected.length, report.misshapen]).toEqual([50, []]);
  });
});

describe.skipIf(!hasSharedAssets)("TF.js", () => {
  const nsfw = "models/nsfwjs_mobilenet_v2_tfjs";

  it("reads weights quantized to bytes", async () => {
    const files = await sharedFiles(nsfw, ["model.json", "group1-shard1of1"]);
    const model = await loadModel(files.toReversed());
    expect(model.outputs[0].shape).toEqual([5]);
    const kernel = model.allParameters().find((p) => p.path === "Conv1/kernel")!.value;
    const { weightsManifest } = JSON.parse(await files[0].text()) as {
      weightsManifest: { weights: { quantization: { min: number; scale: number } }[] }[];
    };
    const { min, scale } = weightsManifest[0].weights[0].quantization;
    // Every value is a byte's, and the smallest and largest bytes are in use.
    for (const v of kernel) expect(Math.abs((v - min) / scale - Math.round((v - min) / scale))).toBeLessThan(1e-3);
    expect(kernel.reduce((a, b) => Math.min(a, b))).toBeCloseTo(min, 5);
    expect(kernel.reduce((a, b) => Math.max(a, b))).toBeCloseTo(min + 255 * scale, 5);
  });

  it("says which shard is missing", async () => {
    const [model] = await sharedFiles(nsfw, ["model.json"]);
    await expect(loadModel(model)).rejects.toThrow(
      /model.json: needs the file group1-shard1of1, and it came without a folder/,
    );
    const files = (await mobilenetTfjs()).filter((f) => f.name !== "mobilenet_group7-shard1of1");
    await expect(loadModel(files)).rejects.toThrow(
      /needs the file mobilenet_group7-shard1of1, which is not among those/,
    );
  });
});
