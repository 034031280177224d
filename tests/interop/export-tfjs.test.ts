/** Models that Thaw writes for TF.js are loaded by TF.js and predict the same; safetensors are read by the package of their makers. */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";
import { catOrDog, pretrained } from "../../examples/cats-vs-dogs";
import {
  adam,
  Dense,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  requestGpu,
  summary,
  type Container,
  type Gpu,
} from "../../src/index";
import { loadModel, saveModel, type SavedFile } from "../../src/loaders/index";
import { knownLayers } from "../../src/nn/layers/registry";
import * as networks from "../support/export-networks";
import { uniform } from "../support/random";
import { readTiles } from "../support/sprite";
import { interopCase, relativeError } from "./support/cases";
import { Maker } from "./support/maker";
import { runInTfjs } from "./support/tfjs";

const maker = new Maker();
const batch = 2;
let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => {
  maker.stop();
  gpu.dispose();
});

/** The same numbers for each case, whichever ran before; each sample is brighter than the one before. */
function samples(shape: readonly number[], count = batch): Float32Array {
  const random = uniform(5);
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: count * size }, (_, i) => 2 * random() - 1 + 2 * Math.floor(i / size));
}

interface Wanted {
  /** Samples of the input; default: about 0. */
  readonly x?: Float32Array;
  /** Whether all layers are written as themselves, so that reading gives the same summary. */
  readonly exact?: boolean;
}

/** The same bits, flags and predictions in TF.js, and the same model back from its files. */
async function compare(name: string, model: Container, { x = samples(model.inputShape), exact = true }: Wanted = {}) {
  const folder = path.join(process.env.THAW_INTEROP_FILES ?? "", `tfjs-${name}`);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const files = await saveModel(model, path.join(folder, "model.json"));
  if (!sameFiles(await saveModel(model, "tfjs"), files)) throw new Error(`${name}: written twice, its bytes differ`);
  const count = x.length / model.inputShape.reduce((a, b) => a * b, 1);
  const {
    outputs: [output],
    weights,
    flags,
    version,
  } = await runInTfjs(folder, [x], count);

  const missing: string[] = [];
  let same = 0;
  for (const [tfjsName, p] of namedWeights(model)) {
    const bits = weights.get(tfjsName);
    if (!bits) missing.push(p.path);
    else if (bytesOf(bits).equals(bytesOf(p.value))) same++;
    else throw new Error(`${name}: TF.js has other numbers as ${tfjsName}`);
  }
  assert.deepEqual([same, missing.filter((path) => exact || !path.startsWith("normalization"))], [weights.size, []]);
  for (const layer of model.flatLayers())
    if (layer.parameters.length > 0 && flags.has(layer.name))
      assert.deepEqual([layer.name, flags.get(layer.name)], [layer.name, layer.trainable]);

  const back = await loadModel(path.join(folder, "model.json"));
  if (!sameFiles(await saveModel(back, "tfjs"), files)) throw new Error(`${name}: read and written, its bytes differ`);
  const options = { expandNested: true, showTrainable: true };
  if (exact) assert.equal(summary(back, options), summary(model, options));
  fs.rmSync(folder, { recursive: true });

  const size = output.length / count;
  if (count > 1 && relativeError(output.subarray(0, size), output.subarray(size, 2 * size)) < 1e-3)
    throw new Error(`${name}: two samples give the same output, which shows nothing`);
  await model.compile({ gpu });
  const error = relativeError(output, await model.predict(x, { batchSize: count }));
  const detail = `TF.js ${version}, ${same} weights of the same bits, ${files.length - 1} shards`;
  return { error, tolerance: 1e-4, detail };
}

/** By TF.js's names: `layer/variable`, whatever models stand around it. */
const namedWeights = (model: Container) =>
  model.flatLayers().flatMap((layer) =>
    layer.parameters.map((p) => {
      const variable = layer.className === "DepthwiseConv2D" && p.name === "kernel" ? "depthwise_kernel" : p.name;
      return [`${layer.name.replaceAll("/", ".")}/${variable}`, p] as const;
    }),
  );

/** Vitest would compare a hundred million numbers one by one. */
const sameFiles = (a: readonly SavedFile[], b: readonly SavedFile[]) =>
  a.length === b.length && a.every((f, i) => f.name === b[i].name && Buffer.from(f.bytes).equals(b[i].bytes));

const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

interopCase("export-tfjs/embedded, fine-tuned", async () => {
  const base = await pretrained(new Uint8Array(fs.readFileSync("assets/thaw_cifar8.keras")));
  base.trainable = false;
  const model = catOrDog(base, { seed: 1, training: false });
  try {
    const images = await readTiles([0, 1, 2, 3, 4, 5, 6, 7]);
    const y = [0, 1, 0, 1, 1, 0, 1, 0];
    await model.compile({ gpu, optimizer: adam(1e-3), loss: "sparseCategoricalCrossentropy" });
    for (let step = 0; step < 3; step++) await model.trainOnBatch(images, y);
    base.trainable = true;
    for (let step = 0; step < 3; step++) await model.trainOnBatch(images, y);
    return await compare("embedded", model, { x: Float32Array.from(images) });
  } finally {
    model.dispose();
  }
});

interopCase("export-tfjs/mobilenet_v2, nested, half frozen", async () => {
  const loaded = (await loadModel(`${await maker.make("start:mobilenet_v2")}.keras`)) as FunctionalModel;
  const base = loaded.upTo(loaded.layers.findLast((layer) => layer instanceof GlobalAveragePooling2D)!.name);
  base.freezeUpTo("block_8_add");
  const pixels = input(base.inputShape, { name: "pixels" });
  const outputs = new Dense({ name: "head", units: 5, activation: "softmax", seed: 3 }).apply(
    base.apply(pixels, { training: false }),
  );
  const model = new FunctionalModel({ inputs: pixels, outputs, name: "around" });
  try {
    return await compare("mobilenet_v2", model);
  } finally {
    model.dispose();
  }
});

interopCase("export-tfjs/resnet50", async () => {
  const request = "start:resnet50";
  const stem = await maker.make(request);
  const model = await loadModel(`${stem}.keras`);
  try {
    return await compare("resnet50", model, { x: samples(model.inputShape, 1) });
  } finally {
    model.dispose();
    maker.forget(request, stem);
  }
});

interopCase("export-tfjs/imported from ONNX", async () => {
  const model = await loadModel("tests/fixtures/onnx/cnn.dy.onnx");
  try {
    return await compare("onnx", model, { exact: false });
  } finally {
    model.dispose();
  }
});

for (const [name, make, exact] of [
  ["nested", () => networks.nestedModel(), true],
  ["sequential", () => networks.sequentialModel(), false],
  ["images", () => networks.everyImageLayer({ forTfjs: true }), false],
  ["vectors", () => networks.everyVectorLayer({ forTfjs: true, oneInput: true }), false],
] as const)
  interopCase(`export-tfjs/${name}`, async () => {
    const model = networks.fillParameters(make());
    try {
      return await compare(name, model, { exact });
    } finally {
      model.dispose();
    }
  });

interopCase("export-tfjs/every layer or refused by name", async () => {
  const models = [networks.everyImageLayer({ forTfjs: true }), networks.everyVectorLayer({ forTfjs: true })];
  const shown = new Set(models.flatMap((model) => model.flatLayers().map((layer) => layer.className)));
  const full = networks.everyImageLayer();
  await assert.rejects(saveModel(full, "tfjs"), /TF\.js cannot say .*grouped.*layer_scale.*up \(bilinear/s);
  const refused = new Set(["LayerScale"]);
  const missing = knownLayers().filter((name) => !shown.has(name) && !refused.has(name));
  if (missing.length > 0) throw new Error(`no network has ${missing.join(", ")}`);
  return { error: null, tolerance: 0, detail: `${shown.size} classes of layers; refused: ${[...refused].join(", ")}` };
});

interopCase("export-safetensors/every layer", async () => {
  const folder = process.env.THAW_INTEROP_FILES ?? "";
  fs.mkdirSync(folder, { recursive: true });
  const model = networks.fillParameters(networks.everyImageLayer());
  const stem = path.join(folder, "check-safetensors-every");
  for (const end of ["json", "bin"]) fs.rmSync(`${stem}.${end}`, { force: true });
  await saveModel(model, `${stem}.safetensors`);
  const parameters = model.allParameters();
  fs.writeFileSync(`${stem}.given.json`, JSON.stringify(parameters.map((p) => [p.path, p.shape])));
  fs.writeFileSync(`${stem}.given.bin`, Buffer.concat(parameters.map((p) => bytesOf(p.value))));
  await maker.make("check-safetensors:every");
  const { differences, tensors, metadata, version } = JSON.parse(fs.readFileSync(`${stem}.json`, "utf8")) as {
    differences: string[];
    tensors: number;
    metadata: Record<string, string>;
    version: string;
  };
  assert.deepEqual([differences, tensors, metadata], [[], parameters.length, { format: "keras", producer: "thaw" }]);
  return { error: null, tolerance: 0, detail: `${tensors} tensors of the same bits in safetensors ${version}` };
});
