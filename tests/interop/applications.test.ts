/**
 * MobileNet, MobileNetV2 and ResNet50 as Keras writes them: loaded strictly, they compute what Keras computes.
 *
 * Needs Python with the packages of tools/requirements.txt; `npm run test:interop` runs it. The files (100 MB) are made once.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requestGpu, sgd, type Gpu } from "../../src/index";
import { loadModel } from "../../src/loaders/index";
import type { Place } from "../support/fixtures";

const folder = path.resolve("out/interop");
const networks = ["mobilenet", "mobilenet_v2", "resnet50"];

interface Description {
  readonly parameters: number;
  readonly input: Place;
  readonly features: Place;
  readonly featuresFrom: string;
  readonly output: Place;
}

let gpu: Gpu;
beforeAll(async () => {
  const missing = networks.filter((name) => !fs.existsSync(path.join(folder, `${name}.json`)));
  if (missing.length > 0)
    execFileSync("python3", ["tools/make_application_models.py", folder, ...missing], { stdio: "inherit" });
  gpu = await requestGpu({ tuning: "off" });
}, 600_000);
afterAll(() => gpu.dispose());

function open(name: string) {
  const json = JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`), "utf8")) as Description;
  const bytes = fs.readFileSync(path.join(folder, `${name}.bin`));
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const tensor = ({ shape, offset }: Place) => floats.subarray(offset, offset + shape.reduce((a, b) => a * b, 1));
  return { json, tensor };
}

describe.each(networks)("%s", (name) => {
  it("computes what Keras computes", async () => {
    const { json, tensor } = open(name);
    const model = await loadModel(path.join(folder, `${name}.keras`));
    expect(model.allParameters().reduce((n, p) => n + p.count, 0)).toBe(json.parameters);
    for (const [part, place] of [
      [model.upTo(json.featuresFrom), json.features],
      [model, json.output],
    ] as const) {
      await part.compile({ gpu });
      const actual = await part.predict(tensor(json.input), { batchSize: 2 });
      part.dispose();
      const expected = tensor(place);
      expect(actual.length).toBe(expected.length);
      const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const worst = actual.reduce((m, v, i) => Math.max(m, Math.abs(v - expected[i])), 0);
      expect(worst).toBeLessThan(5e-5 * largest);
    }
  });

  it("freezes, and trains a step of what is left", async () => {
    const { json, tensor } = open(name);
    const model = await loadModel(path.join(folder, `${name}.keras`));
    model.freezeUpTo(json.featuresFrom);
    const frozen = model.allParameters().filter((p) => !p.trainable);
    const before = frozen.map((p) => p.value.slice());
    await model.compile({ gpu, loss: "sparseCategoricalCrossentropy", optimizer: sgd(1e-4) });
    const first = await model.trainOnBatch(tensor(json.input), [3, 7]);
    const second = await model.trainOnBatch(tensor(json.input), [3, 7]);
    expect(second.loss).toBeLessThan(first.loss);
    await model.readWeights();
    frozen.forEach((p, i) => expect(p.value, p.path).toEqual(before[i]));
    model.dispose();
  });
});
