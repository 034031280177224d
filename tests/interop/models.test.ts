/** Real networks: one MobileNet in all formats gives one set of logits and knows photographs; a network of Teachable Machine tells cats from dogs. */
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Container, type Gpu } from "../../src/index";
import { loadModel, loadWeights } from "../../src/loaders/index";
import type { Place } from "../support/fixtures";
import { interopCase, recordFacts, relativeError } from "./support/cases";
import { readGoldenFile } from "./support/golden";
import { Maker } from "./support/maker";

const models = path.resolve("../shared/assets/models");
const written = path.join(models, "keras_written/mobilenet_v1_0.25_224_imagenet");
const classes = 1000;
/** Photographs that every format is asked about; Keras's own file is asked about all of them. */
const few = 20;

const maker = new Maker();
let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => {
  maker.stop();
  gpu.dispose();
});

interface Photographs {
  readonly count: number;
  readonly labels: readonly number[];
  /** Keras's probabilities. */
  readonly expected: Float32Array;
  /** Pixels as these networks take them, from -1 to 1. */
  readonly pixels: (begin: number, end: number) => Float32Array;
}

async function photographs(name: string): Promise<Photographs> {
  const stem = await maker.make(`images:${name}`);
  const { json, tensor } = readGoldenFile<{ images: number; size: number; labels: number[]; output?: Place }>(stem);
  const bytes = fs.readFileSync(`${stem}.u8`);
  const size = json.size ** 2 * 3;
  return {
    count: json.images,
    labels: json.labels,
    expected: json.output ? tensor(json.output) : new Float32Array(),
    pixels: (begin, end) => Float32Array.from(bytes.subarray(begin * size, end * size), (v) => v / 127.5 - 1),
  };
}

/** What the network says of the images, twenty at a time; the model is freed. */
async function predict(model: Container, images: Photographs, count: number): Promise<Float32Array> {
  try {
    await model.compile({ gpu });
    const parts: Float32Array[] = [];
    for (let i = 0; i < count; i += few)
      parts.push(await model.predict(images.pixels(i, Math.min(i + few, count)), { batchSize: few }));
    return Float32Array.from(parts.flatMap((part) => Array.from(part)));
  } finally {
    model.dispose();
  }
}

/** Logits up to what softmax does not see: the logarithms of the probabilities, less their mean in each sample. */
function logits(probabilities: Float32Array): Float32Array {
  const result = probabilities.map((p) => Math.log(p));
  for (let i = 0; i < result.length; i += classes) {
    const row = result.subarray(i, i + classes);
    const mean = row.reduce((a, b) => a + b, 0) / classes;
    row.forEach((v, k) => (row[k] = v - mean));
  }
  return result;
}

/** The share of images whose label is among the k likeliest classes. */
function topK(probabilities: Float32Array, labels: readonly number[], k: number): number {
  const width = probabilities.length / labels.length;
  const found = labels.filter((label, i) => {
    const row = probabilities.subarray(i * width, (i + 1) * width);
    return row.reduce((n, p) => n + (p > row[label] ? 1 : 0), 0) < k;
  });
  return found.length / labels.length;
}

async function fromWeights(): Promise<Container> {
  const model = await loadModel(`${written}.keras`);
  for (const parameter of model.allParameters()) parameter.value.fill(0.5); // so that nothing is left of the other file
  await loadWeights(model, `${written}.weights.h5`);
  return model;
}

const formats: Readonly<Record<string, () => Promise<Container>>> = {
  keras: () => loadModel(`${written}.keras`),
  h5: () => loadModel(`${written}.h5`),
  "weights.h5": fromWeights,
  tfjs: () => loadModel(path.join(models, "mobilenet_v1_0.25_224_tfjs/mobilenet_model.json")),
  onnx: () => loadModel(`${written}.onnx`),
};

for (const [format, load] of Object.entries(formats))
  interopCase(`models/mobilenet-0.25/${format}`, async () => {
    const images = await photographs("imagenet");
    const count = format === "keras" ? images.count : few;
    const actual = await predict(await load(), images, count);
    const error = relativeError(logits(actual), logits(images.expected.slice(0, count * classes)));
    if (format !== "keras") return { error, tolerance: 1e-4, detail: `logits of ${count} photographs` };
    const [top1, top5] = [1, 5].map((k) => topK(actual, images.labels, k));
    recordFacts({ imagenet: { images: count, top1, top5 } });
    const detail = `logits of ${count} photographs; top-1 ${percent(top1)}, top-5 ${percent(top5)}`;
    if (top1 < 0.5 || top5 < 0.75) throw new Error(`${detail}; expected about 59 % and 82 %`);
    return { error, tolerance: 1e-4, detail };
  });

interopCase("models/teachable-machine/cats_dogs", async () => {
  const images = await photographs("cats_dogs");
  const model = await loadModel(path.join(models, "teachable_machine_catdog_h5/keras_model.h5"));
  const accuracy = topK(await predict(model, images, images.count), images.labels, 1);
  recordFacts({ catsDogs: { images: images.count, accuracy } });
  const detail = `accuracy ${percent(accuracy)} on ${images.count} photographs`;
  if (accuracy < 0.97) throw new Error(`${detail}; expected 98 %`);
  return { error: null, tolerance: 0, detail };
});

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
