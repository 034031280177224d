/** What Thaw writes, Keras reads: the same bits, the same predictions, and training that goes on with the same losses. */
import fs from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { adam, requestGpu, sgd, type Gpu } from "../../src/index";
import { loadModel, trainingOf } from "../../src/loaders/index";
import { writeKeras } from "../../src/loaders/keras/save/keras-file";
import { BatchNormalization } from "../../src/nn/layers/batch-normalization";
import { Dense } from "../../src/nn/layers/dense";
import { Dropout } from "../../src/nn/layers/dropout";
import { GlobalAveragePooling2D } from "../../src/nn/layers/global-pooling2d";
import { FunctionalModel, input, type Container } from "../../src/nn/model";
import { summary } from "../../src/nn/summary";
import type { Optimizer } from "../../src/nn/compile/update";
import type { TrainedWith } from "../../src/loaders/saved-file";
import * as networks from "../support/export-networks";
import { interopCase, relativeError } from "./support/cases";
import { Maker } from "./support/maker";
import { checkInKeras, flagsOf, type Batch } from "./support/saved";

const maker = new Maker();
let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => {
  maker.stop();
  gpu.dispose();
});

let state = 7;
/** The same numbers in each run, from -1 to 1. */
const random = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 2 - 1;
const samplesOf = (model: Container, count: number) =>
  Float32Array.from({ length: count * model.inputShape.reduce((a, b) => a * b, 1) }, random);

function batchesOf(model: Container, steps: number, size: number): Batch[] {
  const classes = model.outputs[0].shape.at(-1)!;
  return Array.from({ length: steps }, () => ({
    x: samplesOf(model, size),
    y: Array.from({ length: size }, () => Math.floor(((random() + 1) / 2) * classes)),
  }));
}

/** A network of keras.applications with random weights. */
async function startFrom(name: string) {
  const stem = await maker.make(`start:${name}`);
  const model = await loadModel(`${stem}.keras`);
  maker.forget(`start:${name}`, stem);
  return model;
}

/** Bits, flags and predictions, and five more steps of training where that shall go on. */
async function compare(name: string, model: Container, continued = false) {
  const x = samplesOf(model, 3);
  const batches = continued ? batchesOf(model, 5, 8) : undefined;
  await model.readWeights();
  const compiled = model.compiledWith;
  const trained = continued && compiled ? { compiled, state: await model.readTrainingState() } : undefined;
  const { json, tensor, stem } = await checkInKeras(maker, name, {
    model,
    x,
    ...(batches && { batches }),
    trained,
    legacy: !name.startsWith("onnx_vit"),
  });
  const wrong = [...json.differences, ...(json.legacyDifferences ?? []), ...json.weightsDifferences];
  if (wrong.length > 0) throw new Error(`${name}: Keras reads other weights: ${wrong.slice(0, 5).join(", ")}`);
  // Layers that Keras cannot say are written as others, with names of their own.
  const own = flagsOf(model).filter(([layer]) => json.flags.some(([other]) => other === layer));
  const read = json.flags.filter(([layer]) => own.some(([other]) => other === layer));
  if (JSON.stringify(read) !== JSON.stringify(own))
    throw new Error(`${name}: Keras has the flags ${JSON.stringify(read)}; expected ${JSON.stringify(own)}`);
  const bytes = await again(name, model, trained);
  const actual = await model.predict(x, { batchSize: 3 });
  const error = relativeError(actual, tensor(json.output));
  if (!(error <= 1e-4)) throw new Error(`${name}: predictions differ by ${error}; expected 1e-4`);
  if (!batches) {
    maker.forget(`check-keras:${name}`, stem);
    return { error, tolerance: 1e-4 };
  }
  const losses: number[] = [];
  for (const { x: samples, y } of batches) losses.push((await model.trainOnBatch(samples, y)).loss);
  const errors = losses.map((loss, k) => Math.abs(loss - json.losses![k]) / Math.abs(json.losses![k]));
  // From Thaw's own file, and from Keras's: it has read ours and written it again.
  const resumed = [
    ...(await resume(bytes, batches)),
    ...(await resume(fs.readFileSync(`${stem}.again.keras`), batches)),
  ];
  maker.forget(`check-keras:${name}`, stem);
  if (resumed.some((loss, i) => Math.abs(loss - losses[i % 5]) > 1e-5 * Math.abs(losses[i % 5])))
    throw new Error(`${name}: read back, Thaw goes on with ${resumed.join(" ")}; expected ${losses.join(" ")}`);
  if (json.iterations !== trained?.state.iteration)
    throw new Error(`${name}: Keras goes on at ${json.iterations}; expected ${trained?.state.iteration}`);
  const detail = `predictions ${error.toExponential(1)}; losses ${losses.map((loss) => loss.toFixed(4)).join(" ")}`;
  return { error: Math.max(...errors), tolerance: 1e-3, detail };
}

/** Read back, the model is the same, and is written the same again. */
async function again(name: string, model: Container, trained: TrainedWith | undefined): Promise<Uint8Array> {
  const bytes = await writeKeras(model, { trained });
  if (!Buffer.from(bytes).equals(Buffer.from(await writeKeras(model, { trained }))))
    throw new Error(`${name}: written twice, its bytes differ`);
  const plain = Buffer.from(await writeKeras(model));
  const back = await loadModel(bytes);
  if (!plain.equals(Buffer.from(await writeKeras(back))))
    throw new Error(`${name}: read and written, its bytes differ`);
  const options = { expandNested: true, showTrainable: true };
  // Those two have layers that Keras has not, and come back as the layers that say the same.
  if (!/^(vectors|onnx)/.test(name) && summary(back, options) !== summary(model, options))
    throw new Error(`${name}: read back, its summary differs`);
  return bytes;
}

/** Thaw's own losses, from the file. */
async function resume(bytes: Uint8Array, batches: readonly Batch[]): Promise<number[]> {
  const model = await loadModel(bytes);
  const training = trainingOf(model);
  if (!training || training.leftOut.length > 0)
    throw new Error(`left out: ${training?.leftOut.join(", ") ?? "everything"}`);
  try {
    await model.compile({ gpu, ...training.compile });
    model.writeTrainingState(training.state);
    const losses: number[] = [];
    for (const { x, y } of batches) losses.push((await model.trainOnBatch(x, y)).loss);
    return losses;
  } finally {
    model.dispose();
  }
}

/** Head first, then the upper layers too, as in the lesson: some slots belong to parameters that were frozen at first. */
async function fineTune(model: Container, optimizer: Optimizer, thawed: string) {
  await model.compile({ gpu, optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  for (const { x, y } of batchesOf(model, 3, 8)) await model.trainOnBatch(x, y);
  model.freezeUpTo(thawed);
  for (const { x, y } of batchesOf(model, 2, 8)) await model.trainOnBatch(x, y);
}

for (const [name, make] of [
  ["images", () => networks.everyImageLayer()],
  ["vectors", () => networks.everyVectorLayer({ oneInput: true })],
  ["nested", () => networks.nestedModel()],
  ["sequential", () => networks.sequentialModel()],
  ["on demand", networks.layersOnDemand],
] as const)
  interopCase(`export-keras/${name}`, async () => {
    const model = networks.fillParameters(await make());
    await model.compile({ gpu });
    try {
      return await compare(name, model);
    } finally {
      model.dispose();
    }
  });

for (const file of ["cnn.dy", "cnn.ts", "vit.ts"])
  interopCase(`export-keras/onnx/${file}`, async () => {
    const model = await loadModel(fs.readFileSync(`tests/fixtures/onnx/${file}.onnx`));
    if (file.startsWith("vit")) model.trainable = false; // Keras has no layer that trains a class token
    await model.compile({ gpu });
    try {
      return await compare(`onnx_${file}`, model);
    } finally {
      model.dispose();
    }
  });

for (const [kind, make] of [
  ["adam", () => adam(2e-3)],
  ["sgd", () => sgd(0.02, { momentum: 0.9, nesterov: true })],
  [
    "options",
    () => adam(2e-3, { amsgrad: true, clipnorm: 0.05, useEma: true, emaMomentum: 0.9, gradientAccumulationSteps: 2 }),
  ],
] as const)
  interopCase(`export-keras/embedded/${kind}`, async () => {
    const base = await loadModel(fs.readFileSync("assets/thaw_cifar8.keras"));
    const features = base.upTo("global_average_pooling2d");
    features.trainable = false;
    const outputs = new Dense({ name: "head", units: 5, activation: "softmax", seed: 3 }).apply(features.outputs[0]);
    const model = new FunctionalModel({ inputs: features.inputs, outputs, name: "fine_tuned" });
    for (const layer of model.layers)
      if (layer instanceof Dropout) throw new Error("dropout draws other numbers in Keras");
    const convolutions = model.layers.filter((layer) => layer.className.endsWith("Conv2D"));
    try {
      await fineTune(model, make(), convolutions.at(-3)!.name);
      return await compare(`embedded_${kind}`, model, true);
    } finally {
      model.dispose();
    }
  });

interopCase("export-keras/mobilenet_v2, nested", async () => {
  const base = (await startFrom("mobilenet_v2")) as FunctionalModel;
  const trunk = base.upTo(base.layers.findLast((layer) => layer instanceof GlobalAveragePooling2D)!.name);
  trunk.freezeUpTo("block_13_project_BN");
  // Keras 3 trains with the batch's statistics in spite of `training=False` at the call (tried with 3.15.1), unless they are frozen.
  for (const layer of trunk.layers) if (layer instanceof BatchNormalization) layer.trainable = false;
  const pixels = input(trunk.inputShape, { name: "pixels" });
  const outputs = new Dense({ name: "head", units: 5, activation: "softmax", seed: 3 }).apply(
    trunk.apply(pixels, { training: false }),
  );
  const model = new FunctionalModel({ inputs: pixels, outputs, name: "around" });
  try {
    await model.compile({ gpu, optimizer: adam(2e-5), loss: "sparseCategoricalCrossentropy" });
    for (const { x, y } of batchesOf(model, 2, 8)) await model.trainOnBatch(x, y);
    return await compare("mobilenet_v2", model, true);
  } finally {
    model.dispose();
  }
});

interopCase("export-keras/resnet50", async () => {
  const model = await startFrom("resnet50");
  try {
    await model.compile({ gpu });
    return await compare("resnet50", model);
  } finally {
    model.dispose();
  }
});
