/** Every convolutional family of keras.applications, written by Keras in both of its formats, computes in Thaw what Keras computes. */
import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { loadModel } from "../../src/loaders/index";
import type { Place } from "../support/fixtures";
import { interopCase, relativeError } from "./support/cases";
import { readGoldenFile } from "./support/golden";
import { Maker } from "./support/maker";

const networks = [
  "mobilenet",
  "mobilenet_v2",
  "mobilenet_v3_small",
  "mobilenet_v3_large",
  "resnet50",
  "resnet101",
  "resnet50_v2",
  "resnet101_v2",
  "efficientnet_b0",
  "efficientnet_b1",
  "efficientnet_b2",
  "efficientnet_b3",
  "efficientnet_v2_b0",
  "vgg16",
  "vgg19",
  "xception",
  "inception_v3",
  "inception_resnet_v2",
  "densenet121",
  "nasnet_mobile",
  "convnext_tiny",
];
const formats = ["keras", "h5"];

interface Description {
  readonly note: string;
  readonly parameters: number;
  readonly input: Place;
  readonly output: Place;
}

const maker = new Maker();
let gpu: Gpu;
beforeAll(async () => {
  gpu = await requestGpu({ tuning: "off" });
});
afterAll(() => {
  maker.stop();
  gpu.dispose();
});

for (const [i, name] of networks.entries())
  for (const format of formats)
    interopCase(`keras/${name}.${format}`, async () => {
      const request = `keras:${name}`;
      const stem = await maker.make(request);
      if (i + 1 < networks.length) void maker.make(`keras:${networks[i + 1]}`).catch(() => {}); // while the GPU computes
      try {
        return await compare(stem, format);
      } finally {
        if (format === formats.at(-1)) maker.forget(request, stem);
      }
    });

async function compare(stem: string, format: string) {
  const { json, tensor } = readGoldenFile<Description>(stem);
  const model = await loadModel(`${stem}.${format}`);
  try {
    const parameters = model.allParameters().reduce((sum, p) => sum + (p.trainable ? p.count : 0), 0);
    if (parameters !== json.parameters)
      throw new Error(`Thaw has ${parameters} trainable parameters; expected Keras's ${json.parameters}`);
    await model.compile({ gpu });
    const actual = await model.predict(tensor(json.input), { batchSize: json.input.shape[0] });
    const [, ...shape] = json.input.shape;
    const detail = [`input ${shape.join("x")}`, `${(parameters / 1e6).toFixed(1)} M parameters`, json.note];
    return {
      error: relativeError(actual, tensor(json.output)),
      tolerance: 1e-4,
      detail: detail.filter(Boolean).join(", "),
    };
  } finally {
    model.dispose();
  }
}
