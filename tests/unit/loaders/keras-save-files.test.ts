/** Keras's files: byte-equal, read back bit for bit, with the state of every optimizer, and what is refused. */
import { expect, test } from "vitest";
import { adam, adamW, categoricalCrossentropy, rmsprop, sgd, sparseCategoricalCrossentropy } from "../../../src/index";
import { openHdf5 } from "../../../src/loaders/hdf5";
import { Hdf5Group } from "../../../src/loaders/hdf5-tree";
import { layOutHdf5 } from "../../../src/loaders/hdf5-writer";
import { loadModel, loadWeights, trainingOf } from "../../../src/loaders/index";
import { writeKeras, writeKerasWeights, writeLegacyModel } from "../../../src/loaders/keras/save/keras-file";
import type { TrainedWith } from "../../../src/loaders/saved-file";
import { unzip } from "../../../src/loaders/zip";
import { zip } from "../../../src/loaders/zip-writer";
import type { Objective } from "../../../src/nn/compile/trace";
import type { Optimizer } from "../../../src/nn/compile/update";
import { Dense } from "../../../src/nn/layers/dense";
import { Add } from "../../../src/nn/layers/merge";
import { FunctionalModel, input, type Container } from "../../../src/nn/model";
import { binaryAccuracy, meanSquaredError, topKCategoricalAccuracy } from "../../../src/nn/objectives";
import { summary } from "../../../src/nn/summary";
import * as networks from "../../support/export-networks";

const makers = {
  images: networks.everyImageLayer,
  nested: networks.nestedModel,
  sequential: networks.sequentialModel,
};

const bitsOf = (model: Container) =>
  model.allParameters().map((p) => Buffer.from(p.value.slice().buffer).toString("base64"));
const same = (a: Uint8Array, b: Uint8Array) => Buffer.from(a).equals(Buffer.from(b));

for (const [name, make] of Object.entries(makers))
  for (const [format, write] of [
    ["keras", writeKeras],
    ["h5", writeLegacyModel],
  ] as const)
    test(`${name}.${format}: the same bytes twice, the same model back, and its bytes again`, async () => {
      const model = networks.fillParameters(make());
      const bytes = await write(model);
      expect(same(bytes, await write(model))).toBe(true);
      const back = await loadModel(bytes);
      expect(bitsOf(back)).toEqual(bitsOf(model));
      const options = { expandNested: true, showTrainable: true };
      expect(summary(back, options)).toBe(summary(model, options));
      expect(same(await write(back), bytes)).toBe(true);
      expect(trainingOf(back)).toBeUndefined();
    });

test("weights alone fill a model that is there", async () => {
  const model = networks.fillParameters(networks.everyVectorLayer());
  const other = networks.everyVectorLayer();
  await loadWeights(other, await writeKerasWeights(model));
  expect(bitsOf(other)).toEqual(bitsOf(model));
});

/** Layers of one class in branches of different depths, which Keras does not count in the order in which they were made. */
function branches(): FunctionalModel {
  const x = input([4], { name: "x" });
  const short = new Dense({ name: "short", units: 4 }).apply(x);
  const long = new Dense({ name: "long_2", units: 4 }).apply(new Dense({ name: "long_1", units: 4 }).apply(x));
  const outputs = new Dense({ name: "out", units: 2 }).apply(new Add({ name: "sum" }).apply([short, long]));
  const model = new FunctionalModel({ inputs: x, outputs, name: "branches" });
  model.reorder(["x", "short", "long_1", "long_2", "sum", "out"].map((name) => model.getLayer(name)));
  networks.fillParameters(model);
  return model;
}

test("paths of weights count layers as Keras does once it has built the model, and are found by the names in the groups", async () => {
  const model = branches();
  const bytes = await writeKeras(model);
  const file = await openHdf5("w", (await unzip("f", bytes, (m) => m.endsWith("h5"))).get("model.weights.h5")!);
  expect(["dense", "dense_1", "dense_2", "dense_3"].map((d) => file.attribute(`layers/${d}/vars`, "name"))).toEqual([
    "long_1",
    "short",
    "long_2",
    "out",
  ]);
  file.close();
  const back = await loadModel(bytes);
  expect(bitsOf(back)).toEqual(bitsOf(model));
  expect(back.layers.map((l) => l.name)).toEqual(model.layers.map((l) => l.name));
});

test("a .keras file is an archive of stored members without a time", async () => {
  const bytes = await writeKeras(branches());
  const members = await unzip("f", bytes, () => true);
  expect([...members.keys()]).toEqual(["metadata.json", "config.json", "model.weights.h5"]);
  expect(new TextDecoder().decode(members.get("metadata.json"))).toBe('{"keras_version":"3.15.1"}');
  const size = [...members].reduce((sum, [name, data]) => sum + data.length + 2 * name.length + 30 + 46, 22);
  expect(bytes.length).toBe(size);
  expect(new DataView(bytes.buffer).getUint32(10, true)).toBe(0x21 << 16);
});

/** Slots with numbers of their own for what trains, as if it had been trained. */
function trained(
  model: Container,
  optimizer: Optimizer,
  loss: Objective,
  metrics: readonly Objective[] = [],
): TrainedWith {
  let n = 0;
  const slots = new Map(
    model.trainableParameters.map((p) => [
      p,
      Object.fromEntries(optimizer.slots.map((slot) => [slot, Float32Array.from({ length: p.count }, () => ++n / 7)])),
    ]),
  );
  return { compiled: { optimizer, loss, metrics }, state: { iteration: 12, slots } };
}

const sparse = sparseCategoricalCrossentropy({ fromLogits: true });
const cases: readonly (readonly [string, Optimizer, Objective, readonly Objective[]])[] = [
  ["sgd", sgd(0.1), meanSquaredError(), []],
  ["momentum", sgd(0.1, { momentum: 0.9, nesterov: true, weightDecay: 0.01 }), sparse, []],
  ["rmsprop", rmsprop(1e-3, { momentum: 0.5, centered: true, clipvalue: 2 }), sparse, []],
  [
    "adam",
    adam(2e-3, { beta1: 0.8, globalClipnorm: 1 }),
    categoricalCrossentropy({ labelSmoothing: 0.1 }),
    [topKCategoricalAccuracy(3)],
  ],
  ["adamW", adamW(1e-4), sparse, [{ ...binaryAccuracy(0.3), name: "accuracy" }]],
];

for (const [name, optimizer, loss, metrics] of cases)
  for (const [format, write] of [
    ["keras", writeKeras],
    ["h5", writeLegacyModel],
  ] as const)
    test(`${name} in .${format}: compiled with the same, and every slot comes back to its weight`, async () => {
      const model = networks.fillParameters(networks.nestedModel());
      const given = trained(model, optimizer, loss, metrics);
      const bytes = await write(model, { trained: given });
      const back = await loadModel(bytes);
      const training = trainingOf(back)!;
      const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
      expect(plain(training.compile)).toEqual(plain(given.compiled));
      expect(training.compile.optimizer.effectiveRate?.(1, 3)).toBe(optimizer.effectiveRate?.(1, 3));
      expect(training.leftOut).toEqual([]);
      expect(training.state.iteration).toBe(12);
      const slotNames = ["first", "second", "third"];
      const slotsOf = (m: Container, state: TrainedWith["state"]) =>
        m.trainableParameters.map((p) => [p.path, slotNames.map((slot) => state.slots.get(p)?.[slot])]);
      expect(slotsOf(back, training.state)).toEqual(slotsOf(model, given.state));
      const again = { compiled: { loss: undefined, ...training.compile }, state: training.state };
      expect(same(await write(back, { trained: again }), bytes)).toBe(true);
    });

test("slots of weights that are frozen by now are left out, those of weights never trained are zeros", async () => {
  const model = branches();
  model.getLayer("long_1").trainable = false;
  const given = trained(model, sgd(0.1, { momentum: 0.5 }), meanSquaredError());
  model.getLayer("long_1").trainable = true;
  model.getLayer("short").trainable = false;
  const back = await loadModel(await writeKeras(model, { trained: given }));
  const { slots } = trainingOf(back)!.state;
  const first = (path: string) => [...(slots.get(back.allParameters().find((p) => p.path === path)!)?.first ?? [])];
  expect(first("short/kernel")).toEqual([]);
  expect(first("long_1/kernel")).toEqual(Array<number>(16).fill(0));
  expect(first("out/kernel")).toEqual([
    ...given.state.slots.get(model.allParameters().find((p) => p.path === "out/kernel")!)!.first,
  ]);
});

test("a schedule is written as the rate of the next step", async () => {
  const model = branches();
  const given = trained(
    model,
    sgd((step) => 1 / (step + 1)),
    meanSquaredError(),
  );
  const training = trainingOf(await loadModel(await writeKeras(model, { trained: given })))!;
  expect(training.compile.optimizer.learningRate).toBe(1 / 13);
});

test("an optimizer's options are written and read back; those without a place in Keras's configuration are refused", async () => {
  const model = branches();
  const options = { clipnorm: 0.5, useEma: true, emaMomentum: 0.9, emaOverwriteFrequency: 7 } as const;
  const optimizer = adam(1e-3, { ...options, gradientAccumulationSteps: 3, amsgrad: true });
  const written = await writeKeras(model, { trained: trained(model, optimizer, meanSquaredError()) });
  const { compile, state } = trainingOf(await loadModel(written))!;
  expect(compile.optimizer.options).toEqual({ ...options, gradientAccumulationSteps: 3 });
  expect(compile.optimizer.attrs).toEqual(optimizer.attrs);
  expect(compile.optimizer.slots).toEqual(["first", "second", "third", "average", "accumulator"]);
  for (const slots of state.slots.values()) expect(Object.keys(slots).toSorted()).toEqual(optimizer.slots.toSorted());
  const factors = adam(1e-3, { learningRateMultipliers: { "*": 0.5 } });
  await expect(writeKeras(model, { trained: trained(model, factors, meanSquaredError()) })).rejects.toThrow(
    "the optimizer has learningRateMultipliers, which no configuration of Keras's has a place for",
  );
});

test("optimizers and losses without a name in Keras are refused", async () => {
  const model = branches();
  const strange = { ...sgd(), op: "lion" };
  await expect(writeKeras(model, { trained: trained(model, strange, meanSquaredError()) })).rejects.toThrow(
    "branches: the optimizer lion has no name in Keras; expected sgd, rmsprop, adam.",
  );
  const loss = { ...meanSquaredError(), name: "huber", op: "huber" };
  await expect(writeKeras(model, { trained: trained(model, sgd(), loss) })).rejects.toThrow(
    "the loss huber has no name",
  );
});

test("what a file says of training and Thaw has not is told when it is asked for, and does not keep the model from loading", async () => {
  const model = branches();
  const given = trained(model, sgd(0.1), meanSquaredError());
  const members = await unzip("f", await writeKeras(model, { trained: given }), () => true);
  const config = JSON.parse(new TextDecoder().decode(members.get("config.json"))) as {
    compile_config: {
      optimizer: { class_name: string; config: Record<string, unknown> };
      loss: unknown;
      metrics: unknown;
    };
  };
  const load = async (change: (c: typeof config.compile_config) => void) => {
    const changed = structuredClone(config);
    change(changed.compile_config);
    members.set("config.json", new TextEncoder().encode(JSON.stringify(changed)));
    const bytes = await zip("f", Object.fromEntries(members));
    return await loadModel(bytes);
  };
  const asked = async (change: Parameters<typeof load>[0]) => trainingOf(await load(change));
  await expect(asked((c) => (c.optimizer.class_name = "Lion"))).rejects.toThrow(
    "optimizer: is Lion; expected SGD, RMSprop",
  );
  await expect(asked((c) => (c.optimizer.config.loss_scale_factor = 2))).rejects.toThrow(
    "has loss_scale_factor = 2; expected null",
  );
  await expect(asked((c) => (c.optimizer.config.momentum = "a"))).rejects.toThrow(
    'has momentum = "a"; expected a number',
  );
  await expect(asked((c) => (c.optimizer.config.learning_rate = { class_name: "CosineDecay" }))).rejects.toThrow(
    "Compile with an optimizer and schedule of your own.",
  );
  await expect(asked((c) => (c.loss = "poisson"))).rejects.toThrow('loss: is "poisson"');
  await expect(asked((c) => (c.optimizer.config.momentum = 0.5))).resolves.toBeDefined(); // not run yet: no slots
  const training = await asked((c) => (c.metrics = ["auc", "mse"]));
  expect(training?.leftOut).toEqual(["the metric auc"]);
  expect(training?.compile.metrics.map((metric) => metric.op)).toEqual(["meanSquaredError"]);
});

test("HDF5: lists of any length, long texts, names in UTF-8, empty tensors", async () => {
  const root = new Hdf5Group();
  root.attributes.text = "é".repeat(100_000);
  const names = Array.from({ length: 9000 }, (_, i) => `läyer_${i}`);
  root.setTexts("names", names);
  root.group("none").setTexts("names", []);
  root.add("a/ü/1", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -0) });
  root.add("step", { shape: [], data: BigInt64Array.of(5n) });
  root.add("count", { shape: [], data: Int32Array.of(-3) });
  root.add("empty", { shape: [0, 4], data: new Float32Array(0) });
  const laid = layOutHdf5(root);
  const bytes = new Uint8Array(laid.bytes);
  laid.write(bytes);
  const file = await openHdf5("own", bytes);
  expect(file.attribute("/", "text")).toBe(root.attributes.text);
  expect(file.texts("/", "names")).toEqual(names);
  expect(file.texts("none", "names")).toEqual([]);
  expect(file.get("a/ü/1")).toEqual({ shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -0) });
  expect([...file.get("step")!.data, ...file.get("count")!.data]).toEqual([5, -3]);
  expect(file.get("empty")).toEqual({ shape: [0, 4], data: new Float32Array(0) });
  file.close();
  expect(() => root.add("a/ü/1", { shape: [], data: Float32Array.of(1) })).toThrow("is written twice");
});
