/** Weights onto a built model: every format, what is missing and left over, other names and layouts. */
import { beforeEach, describe, expect, it } from "vitest";
import type { FunctionalModel, Sequential } from "../../../src/index";
import { Conv2D, Dense, Flatten, resetNames, Sequential as Net } from "../../../src/index";
import { loadModel, loadWeights } from "../../../src/loaders/index";
import { hasSharedAssets, readShared } from "../../setup/files";
import {
  counting,
  float32Bytes,
  smallConfig,
  smallGroups,
  smallPaths,
  smallWeights,
  writeHdf5,
  writeKeras,
  writeLegacy,
  writeSafetensors,
  writeTfjs,
} from "./build-files";
import { missingShared } from "./shared-files";

let model: FunctionalModel | Sequential;
beforeEach(async () => {
  model = await loadModel(await writeKeras(smallConfig, smallPaths));
  for (const p of model.allParameters()) p.value = new Float32Array(p.count);
});

const expected = () => new Map(Object.entries(smallWeights).map(([name, t]) => [name, t.data]));
const values = () => new Map(model.allParameters().map((p) => [p.path, p.value]));

const safetensors = (names: (name: string) => string = (n) => n) =>
  writeSafetensors(
    Object.fromEntries(
      Object.entries(smallWeights).map(([name, t]) => [
        names(name),
        { dtype: "F32", shape: t.shape, bytes: float32Bytes(t) },
      ]),
    ),
  );

describe("every format", () => {
  const files: [string, () => Promise<Parameters<typeof loadWeights>[1]>][] = [
    [".keras", () => writeKeras(smallConfig, smallPaths)],
    [".keras, deflated", () => writeKeras(smallConfig, smallPaths, { level: 6 })],
    [".weights.h5", () => writeHdf5(smallPaths)],
    ["legacy .h5 of Keras 2", () => writeLegacy(smallGroups(), { keras_version: "2.4.0" })],
    ["legacy .h5 of Keras 3", () => writeLegacy(smallGroups(""), { keras_version: "3.15.1" })],
    ["a whole model in legacy .h5", () => writeLegacy(smallGroups(), { model_config: smallConfig })],
    ["safetensors", async () => safetensors()],
    [
      "TF.js",
      async () =>
        writeTfjs(
          { model_config: smallConfig },
          // The trainable ones first, as TF.js writes them: names count and not places.
          Object.entries(smallWeights)
            .toSorted(([a], [b]) => Number(a.includes("moving")) - Number(b.includes("moving")))
            .map(([name, t]) => [{ name, shape: t.shape, dtype: "float32" }, float32Bytes(t)]),
        ),
    ],
    [
      "shards with an index",
      async () => {
        const entries = Object.entries(smallPaths);
        const shard = async (name: string, part: typeof entries) =>
          new File([(await writeHdf5(Object.fromEntries(part))) as Uint8Array<ArrayBuffer>], name);
        const weight_map = {
          "/layers/conv2d/vars": "m_00000.weights.h5",
          // A layer whose variables are in two shards.
          "/layers/batch_normalization/vars": ["m_00000.weights.h5", "m_00001.weights.h5"],
          "/layers/dense/vars": "m_00001.weights.h5",
        };
        const index = new File([JSON.stringify({ metadata: { total_size: 1 }, weight_map })], "m.weights.json");
        return [
          await shard("m_00001.weights.h5", entries.slice(4)),
          index,
          await shard("m_00000.weights.h5", entries.slice(0, 4)),
        ];
      },
    ],
  ];
  it.each(files)("%s", async (_, make) => {
    const report = await loadWeights(model, await make());
    expect(values()).toEqual(expected());
    expect(report).toEqual({ loaded: expect.anything(), missing: [], unexpected: [], misshapen: [] });
    expect([...report.loaded].toSorted()).toEqual(Object.keys(smallWeights).toSorted());
  });
});

describe("what does not fit", () => {
  const odd = async () => {
    const groups = smallGroups();
    delete groups.conv["conv/bias:0"];
    groups.head["head/kernel:0"] = counting([4, 3]);
    groups.extra = { "extra/gamma:0": counting([7]) };
    return await writeLegacy(groups);
  };

  it("is told in one error, and nothing has changed", async () => {
    await expect(loadWeights(model, await odd())).rejects.toThrow(
      /3 of 8 weights do not fit: conv\/bias is missing, expected \[4\]; head\/kernel has shape \[4, 3\], expected \[4, 2\]; extra\/extra\/gamma:0 \[7\] has no place/,
    );
    for (const value of values().values()) expect(value.every((v) => v === 0)).toBe(true);
  });

  it("is reported where that is asked for, and the rest is loaded", async () => {
    const report = await loadWeights(model, await odd(), { strict: false });
    expect(report.missing).toEqual(["conv/bias"]);
    expect(report.unexpected).toEqual(["extra/extra/gamma:0"]);
    expect(report.misshapen).toEqual(["head/kernel has shape [4, 3], expected [4, 2]"]);
    expect(report.loaded.length).toBe(6);
    expect(values().get("bn/beta")).toEqual(smallWeights["bn/beta"].data);
  });

  it("a model without shapes has no weights to fill", async () => {
    const open = new Net([new Dense({ units: 2, name: "d" })]);
    await expect(loadWeights(open, safetensors())).rejects.toThrow(/its layer d has no weights yet/);
  });

  it("a layer that another layer's group is written for", async () => {
    const bytes = await writeHdf5(smallPaths, { "layers/dense/vars": { name: "top" } });
    await expect(loadWeights(model, bytes)).rejects.toThrow(/layers\/dense\/vars\/0 belongs to top, expected head/);
  });
});

describe("legacy names", () => {
  it("inside a nested model, whatever the order", async () => {
    const base = new Net(
      [new Conv2D({ name: "a", filters: 2, kernelSize: 1 }), new Conv2D({ name: "b", filters: 2, kernelSize: 1 })],
      {
        name: "base",
        inputShape: [2, 2, 2],
      },
    );
    const nested = new Net([base, new Flatten(), new Dense({ name: "d", units: 1 })]);
    const groups = {
      base: {
        "b/bias:0": counting([2], 4),
        "a/kernel:0": counting([1, 1, 2, 2], 1),
        "b/kernel:0": counting([1, 1, 2, 2], 3),
        "a/bias:0": counting([2], 2),
      },
      d: { "d/kernel:0": counting([8, 1]), "d/bias:0": counting([1]) },
    };
    await loadWeights(nested, await writeLegacy(groups));
    const at = (name: string) => nested.allParameters().find((p) => p.path === name)!.value[0];
    expect([at("base/a/kernel"), at("base/a/bias"), at("base/b/kernel"), at("base/b/bias")]).toEqual([1, 2, 3, 4]);
  });

  it("of Keras 1, and windows of Theano turned round", async () => {
    const net = new Net([new Conv2D({ name: "c_1", filters: 1, kernelSize: [1, 3] })], { inputShape: [3, 3, 1] });
    const groups = { c_1: { c_1_W: counting([1, 3, 1, 1], 1), c_1_b: counting([1], 5) } };
    await loadWeights(net, await writeLegacy(groups));
    expect(net.allParameters().map((p) => [...p.value])).toEqual([[1, 2, 3], [5]]);
    await loadWeights(net, await writeLegacy(groups, { backend: "theano" }));
    expect(net.allParameters().map((p) => [...p.value])).toEqual([[3, 2, 1], [5]]);
  });

  it("in order, where a network was built anew under other names", async () => {
    resetNames();
    const net = new Net([new Dense({ units: 3 }), new Dense({ units: 2 })], { inputShape: [4] });
    const groups = {
      dense_17: { "dense_17/kernel:0": counting([4, 3]), "dense_17/bias:0": counting([3], 2) },
      dense_18: { "dense_18/kernel:0": counting([3, 2], 3), "dense_18/bias:0": counting([2], 4) },
    };
    const report = await loadWeights(net, await writeLegacy(groups));
    expect(report.loaded.length).toBe(4);
    expect(net.allParameters().map((p) => p.value[0])).toEqual([0.01, 2, 3, 4].map(Math.fround));
  });

  it("in several parts, where there are too many for one attribute", async () => {
    const names = Object.keys(smallWeights);
    const tensors = Object.fromEntries(names.map((n) => [`${n.split("/")[0]}/${n}`, smallWeights[n]]));
    const bytes = await writeHdf5(tensors, {
      "/": { layer_names0: ["conv", "bn"], layer_names1: ["head"] },
      conv: { weight_names: names.slice(0, 2) },
      bn: { weight_names0: names.slice(2, 3), weight_names1: names.slice(3, 6) },
      head: { weight_names: names.slice(6) },
    });
    await loadWeights(model, bytes);
    expect(values()).toEqual(expected());
  });
});

describe("safetensors", () => {
  it("with names of another library", async () => {
    const file = safetensors((name) => `net.${name.replace("/", ".")}`);
    await expect(loadWeights(model, file)).rejects.toThrow(/16 of 8 weights do not fit/);
    await loadWeights(model, file, { names: (n) => n.replace(/^net\.(\w+)\./, "$1/") });
    expect(values()).toEqual(expected());
    const map = { "net.conv.kernel": "conv/kernel", "net.bn.gamma": null };
    const report = await loadWeights(model, file, { names: map, strict: false });
    expect([report.loaded, report.unexpected.length]).toEqual([["conv/kernel"], 6]);
    await expect(loadWeights(model, file, { names: () => "conv/nothing" })).rejects.toThrow(/mapped to conv\/nothing/);
  });

  it("in PyTorch's layout, which the caller turns", async () => {
    const net = new Net([new Dense({ name: "fc", units: 3 })], { inputShape: [2] });
    const weight = counting([3, 2], 1);
    const file = writeSafetensors({
      "fc.weight": { dtype: "F32", shape: [3, 2], bytes: float32Bytes(weight) },
      "fc.bias": { dtype: "F32", shape: [3], bytes: float32Bytes(counting([3])) },
    });
    const names = { "fc.weight": "fc/kernel", "fc.bias": "fc/bias" };
    await expect(loadWeights(net, file, { names })).rejects.toThrow(/fc\/kernel has shape \[3, 2\], expected \[2, 3\]/);
    await loadWeights(net, file, {
      names,
      transpose: ({ shape, data }) =>
        shape.length < 2
          ? { shape, data }
          : { shape: [2, 3], data: Float32Array.from({ length: 6 }, (_, i) => data[(i % 3) * 2 + Math.floor(i / 3)]) },
    });
    expect([...net.allParameters()[0].value]).toEqual([1, 3, 5, 2, 4, 6]);
  });

  it.each([
    ["F16", [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c], [1, -2, 2 ** -24, Infinity]],
    ["BF16", [0x80, 0x3f, 0x00, 0xc0, 0x00, 0x00, 0x49, 0x40], [1, -2, 0, 3.140625]],
    ["I8", [1, 0xff, 0x7f, 0x80], [1, -1, 127, -128]],
    ["BOOL", [1, 0, 1, 1], [1, 0, 1, 1]],
  ])("reads %s", async (dtype, bytes, numbers) => {
    const net = new Net([new Dense({ name: "d", units: 4, useBias: false })], { inputShape: [1] });
    await loadWeights(net, writeSafetensors({ "d/kernel": { dtype, shape: [1, 4], bytes: Uint8Array.from(bytes) } }));
    expect([...net.allParameters()[0].value]).toEqual(numbers);
  });

  it("refuses a header that does not fit its numbers, and types it does not know", async () => {
    const good = safetensors();
    await expect(loadWeights(model, good.slice(0, -4))).rejects.toThrow(/describes \d+ bytes of numbers and holds \d+/);
    const text = new TextDecoder("latin1").decode(good);
    const changed = (from: string, to: string) => Uint8Array.from(text.replace(from, to), (c) => c.charCodeAt(0));
    await expect(loadWeights(model, changed("[3,3,3,4]", "[3,3,3,5]"))).rejects.toThrow(/has 432 bytes; expected 540/);
    await expect(loadWeights(model, changed('"F32"', '"F99"'))).rejects.toThrow(/has the type F99; expected F64, F32/);
    await expect(loadWeights(model, changed("[0,432]", "[9,432]"))).rejects.toThrow(/has 423 bytes/);
    await expect(loadModel(good)).rejects.toThrow(/holds weights alone.*loadWeights/);
  });
});

if (!hasSharedAssets) console.log(`loaders: ${missingShared}`);

describe.skipIf(!hasSharedAssets)("files of Keras 3", () => {
  it("a transfer model's .weights.h5 with its optimizer", async () => {
    const net = await loadModel(await readShared("keras_fixtures/transfer.keras"));
    const before = net.allParameters().map((p) => p.value);
    for (const p of net.allParameters()) p.value = new Float32Array(p.count);
    await loadWeights(net, await readShared("keras_fixtures/transfer.weights.h5"));
    net
      .allParameters()
      .forEach((p, i) =>
        expect(Buffer.compare(Buffer.from(p.value.buffer), Buffer.from(before[i].buffer)), p.path).toBe(0),
      );
  });
});
