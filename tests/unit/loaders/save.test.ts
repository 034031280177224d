/** saveModel: which format, what is refused before anything is written, and every format back through the importer. */
import { describe, expect, it } from "vitest";
import {
  adam,
  BatchNormalization,
  Conv2D,
  Dense,
  Flatten,
  FunctionalModel,
  input,
  Sequential,
  sparseCategoricalCrossentropy,
} from "../../../src/index";
import {
  loadModel,
  loadWeights,
  saveModel,
  trainingOf,
  type SaveFormat,
  type SaveTarget,
} from "../../../src/loaders/index";
import { fillParameters, nestedModel } from "../../support/export-networks";

const formats: readonly SaveFormat[] = ["keras", "weights.h5", "h5", "onnx", "tfjs", "safetensors"];

function small(): FunctionalModel {
  const x = input([4, 4, 2], { name: "x" });
  const y = new Conv2D({ name: "conv", filters: 3, kernelSize: 3 }).apply(x);
  const z = new Dense({ name: "head", units: 2 }).apply(new Flatten({ name: "flat" }).apply(y));
  return new FunctionalModel({ inputs: x, outputs: z, name: "small" });
}

const bits = (model: { allParameters(): { path: string; value: Float32Array }[] }) =>
  model
    .allParameters()
    .map((p) => [p.path, Buffer.from(p.value.buffer, p.value.byteOffset, p.value.byteLength).toString("hex")]);

describe("saveModel", () => {
  it.each(formats)(
    "%s: the bare name gives bytes, twice the same, and the weights come back bit for bit",
    async (format) => {
      const model = fillParameters(nestedModel());
      const files = await saveModel(model, format);
      expect(files.map((f) => f.name)).toEqual(
        format === "tfjs" ? ["group1-shard1of1.bin", "model.json"] : [`nested.${format}`],
      );
      expect(await saveModel(model, format)).toEqual(files);
      const source = files.map(({ name, bytes }) => new File([bytes as BlobPart], name));
      if (format === "weights.h5" || format === "safetensors") {
        const other = fillParameters(nestedModel(), 2);
        expect(bits(other)).not.toEqual(bits(model));
        await loadWeights(other, source);
        expect(bits(other)).toEqual(bits(model));
        return;
      }
      const back = await loadModel(source);
      const values = (list: string[][]) => Object.fromEntries(list);
      expect(values(bits(back))).toEqual(values(bits(model)));
      expect(await saveModel(back, format)).toEqual(files);
    },
  );

  it("knows the format by the ending, and says what endings there are", async () => {
    const refused = async (target: SaveTarget, format?: SaveFormat) =>
      await saveModel(small(), target, { format }).then(
        () => "nothing",
        (error: Error) => error.message,
      );
    expect(await refused("cats.h6")).toMatch(
      /^cats\.h6: its ending names no format; expected \.keras \(keras\), \.weights\.h5/,
    );
    expect(await refused("cats")).toMatch(/its ending names no format/);
    expect(await refused("cats.onnx", "keras")).toMatch(
      /its ending means onnx, and keras was asked for; expected a name that ends with \.keras/,
    );
    expect(await refused("cats.weights.h5", "h5")).toMatch(/its ending means weights\.h5, and h5 was asked for/);
    expect(await refused("cats.bin", "pickle" as SaveFormat)).toMatch(/the format "pickle"; expected keras, /);
    expect(await refused("keras", "onnx")).toMatch(/the target keras and the format onnx; expected one format/);
    expect(await refused("https://example.org/cats.keras")).toMatch(/is an address; expected a path/);
    expect(await refused(7 as never)).toMatch(
      /a target that is a number; expected a file name, a FileSystemFileHandle/,
    );
    expect(await refused(null as never)).toMatch(/a target that is null/);
  });

  it.each(formats)("%s: refuses weights that are not finite, unless asked for", async (format) => {
    const model = small();
    const kernel = model.allParameters().find((p) => p.path === "conv/kernel")!.value;
    kernel[5] = Number.NaN;
    kernel[6] = Number.NEGATIVE_INFINITY;
    model.allParameters().find((p) => p.path === "head/bias")!.value[1] = Infinity;
    await expect(saveModel(model, format)).rejects.toThrow(
      "small: conv/kernel: 2 of 54 values are not finite, the first (NaN) at [0, 0, 1, 2]; " +
        "head/bias: 1 of 2 values is not finite, the first (Infinity) at [1]; expected finite weights.",
    );
    expect((await saveModel(model, format, { allowNonFinite: true })).length).toBeGreaterThan(0);
  });

  it.each(formats)("%s: refuses two weights of one path, with both owners", async (format) => {
    const x = input([4], { name: "x" });
    const inner = new Sequential([new Dense({ name: "b", units: 4 })], { name: "a", inputShape: [4] });
    const outputs = new Dense({ name: "a/b", units: 4 }).apply(inner.apply(x));
    const model = new FunctionalModel({ inputs: x, outputs, name: "both" });
    await expect(saveModel(model, format)).rejects.toThrow(
      /both: the weights kernel of "b" in "a" and kernel of "a\/b" both have the path a\/b\/kernel; expected a path for each/,
    );
  });

  it("refuses a model without weights yet, and the optimizer where it cannot be", async () => {
    const open = new Sequential([new Dense({ name: "d", units: 2 })], { name: "open" });
    await expect(saveModel(open, "keras")).rejects.toThrow(/open: its layer d has no weights yet/);
    await expect(saveModel(small(), "onnx", { optimizer: true })).rejects.toThrow(
      /the optimizer's state was asked for in the format onnx; expected \.keras or \.h5/,
    );
    await expect(saveModel(small(), "keras", { optimizer: true })).rejects.toThrow(/it is not compiled/);
  });

  it.each(["keras", "h5"] as const)(
    "%s: holds how the model was compiled and its optimizer's state, when asked",
    async (format) => {
      const model = small();
      const [kernel] = model.allParameters();
      const optimizer = adam(3e-3);
      const filled = (count: number) =>
        Object.fromEntries(optimizer.slots.map((slot, i) => [slot, new Float32Array(count).fill(1 / (i + 2))]));
      const slots = new Map(model.allParameters().map((p) => [p, filled(p.count)]));
      const compiled = {
        optimizer,
        loss: sparseCategoricalCrossentropy({ fromLogits: true }),
        metrics: [],
      };
      // As a model answers that is compiled, which takes a GPU.
      Object.defineProperty(model, "compiledWith", { value: compiled });
      Object.defineProperty(model, "readTrainingState", { value: async () => ({ iteration: 7, slots }) });
      const [{ bytes: plain }] = await saveModel(model, format);
      const [{ bytes }] = await saveModel(model, format, { optimizer: true });
      expect(trainingOf(await loadModel(plain))).toBeUndefined();
      const back = await loadModel(bytes);
      const training = trainingOf(back)!;
      expect(training.state.iteration).toBe(7);
      expect(training.state.slots.get(back.allParameters()[0])).toEqual(slots.get(kernel));
      expect(training.compile.optimizer.learningRate).toBeCloseTo(3e-3);
    },
  );

  it("ends with the signal's reason", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(saveModel(small(), "keras", { signal })).rejects.toThrow("enough");
  });
});

describe("TF.js", () => {
  const json = async (model: FunctionalModel) => {
    const files = await saveModel(model, "tfjs");
    return JSON.parse(new TextDecoder().decode(files.at(-1)!.bytes)) as {
      modelTopology: { model_config: unknown };
      weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; dtype: string }[] }[];
    };
  };

  it("cuts 4 MiB shards and names weights by the layer that has them, without the models around it", async () => {
    const x = input([8, 8, 3], { name: "x" });
    const y = new BatchNormalization({ name: "norm" }).apply(x);
    const z = new Dense({ name: "wide", units: 7000, useBias: false }).apply(new Flatten({ name: "flat" }).apply(y));
    const model = new FunctionalModel({ inputs: x, outputs: z, name: "large" });
    const files = await saveModel(model, "tfjs");
    expect(files.map((f) => [f.name, f.bytes.length]).slice(0, 2)).toEqual([
      ["group1-shard1of2.bin", 4 * 2 ** 20],
      ["group1-shard2of2.bin", 4 * (192 * 7000 + 12) - 4 * 2 ** 20],
    ]);
    const { weightsManifest } = await json(nestedModel());
    expect(weightsManifest[0].weights.map((w) => w.name)).toContain("inner_norm/moving_mean");
    expect((await json(model)).weightsManifest[0]).toEqual({
      paths: ["group1-shard1of2.bin", "group1-shard2of2.bin"],
      weights: [
        ...["gamma", "beta", "moving_mean", "moving_variance"].map((n) => ({
          name: `norm/${n}`,
          shape: [3],
          dtype: "float32",
        })),
        { name: "wide/kernel", shape: [192, 7000], dtype: "float32" },
      ],
    });
  });

  it("refuses names that collide there, and layers that it lacks, by name", async () => {
    const x = input([4], { name: "x" });
    const inner = new Sequential([new Dense({ name: "same", units: 4 })], { name: "inner", inputShape: [4] });
    const outputs = new Dense({ name: "same", units: 4 }).apply(inner.apply(x));
    const model = new FunctionalModel({ inputs: x, outputs, name: "both" });
    await expect(saveModel(model, "tfjs")).rejects.toThrow(
      /the weights of inner\/same and same are both named same\/kernel in TF\.js/,
    );
    const y = input([4, 4, 4], { name: "y" });
    const grouped = new Conv2D({ name: "in_groups", filters: 4, kernelSize: 1, groups: 2 }).apply(y);
    await expect(saveModel(new FunctionalModel({ inputs: y, outputs: grouped }), "tfjs")).rejects.toThrow(
      /TF\.js cannot say in_groups \(groups = 2\)/,
    );
  });

  it("is a model without weights too", async () => {
    const x = input([4, 4, 2], { name: "x" });
    const model = new FunctionalModel({ inputs: x, outputs: new Flatten({ name: "flat" }).apply(x), name: "bare" });
    const files = await saveModel(model, "tfjs");
    expect(files.map((f) => f.name)).toEqual(["model.json"]);
    expect((await loadModel(files[0].bytes)).outputs[0].shape).toEqual([32]);
    const [{ bytes }] = await saveModel(model, "safetensors");
    expect(bytes.length % 8).toBe(0);
    expect((await loadWeights(model, bytes)).loaded).toEqual([]);
  });
});

describe("safetensors", () => {
  it("has a sorted header that ends at a multiple of 8, and numbers without holes", async () => {
    const model = fillParameters(nestedModel());
    const [{ bytes }] = await saveModel(model, "safetensors");
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const { __metadata__: metadata, ...entries } = JSON.parse(
      new TextDecoder().decode(bytes.subarray(8, 8 + length)),
    ) as Record<string, { data_offsets: [number, number]; shape: number[] }>;
    expect(metadata).toEqual({ format: "keras", producer: "thaw" });
    expect(Object.keys(entries)).toEqual(
      model
        .allParameters()
        .map((p) => p.path)
        .toSorted(),
    );
    expect(Object.keys(entries)).toContain("base/inner/inner_conv/kernel");
    let at = 0;
    for (const {
      data_offsets: [begin, end],
    } of Object.values(entries)) {
      expect(begin).toBe(at);
      at = end;
    }
    expect(8 + length + at).toBe(bytes.length);
  });

  it("keeps the bits of numbers that are none", async () => {
    const model = small();
    const bias = model.allParameters().find((p) => p.path === "head/bias")!;
    bias.value = new Float32Array(new Uint32Array([0x7fc12345, 0x80000000]).buffer);
    const [{ bytes }] = await saveModel(model, "safetensors", { allowNonFinite: true });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
      string,
      { data_offsets: number[] }
    >;
    const view = new DataView(bytes.buffer, 8 + length + header["head/bias"].data_offsets[0]);
    expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([0x7fc12345, 0x80000000]);
  });
});
