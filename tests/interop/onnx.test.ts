/** Whole ONNX files compute in Thaw what ONNX Runtime or PyTorch computes: networks of torchvision by both of PyTorch's exporters. */
import { afterAll, beforeAll } from "vitest";
import { requestGpu, type Gpu } from "../../src/index";
import { loadModel } from "../../src/loaders/index";
import type { Place } from "../support/fixtures";
import { interopCase, relativeError } from "./support/cases";
import { readGoldenFile, sizeOf } from "./support/golden";
import { Maker } from "./support/maker";

const shared = ["mobilenet_v3_small.dy", "mobilenet_v3_small.ts", "squeezenet1_1.dy", "squeezenet1_1.ts"];
// Each network by one of the exporters in the ordinary run, and by the other one too with THAW_LONG=1.
const made = [
  "resnet18.dy",
  "mobilenet_v2.dy",
  "efficientnet_b0.ts",
  "densenet121.ts",
  "convnext_tiny.ts",
  "vit_b_16.dy",
];
const other = (name: string) => (name.endsWith(".dy") ? name.replace(".dy", ".ts") : name.replace(".ts", ".dy"));
// Exported as it trains: Thaw predicts as PyTorch does after eval().
const training = ["mobilenet_v2.training"];
const networks = [...shared, ...made, ...training, ...(process.env.THAW_LONG ? made.map(other) : [])];

interface Description {
  readonly opset: number;
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
  interopCase(`onnx/${name}`, async () => {
    const request = `export:${name}`;
    const stem = await maker.make(request);
    if (i + 1 < networks.length) void maker.make(`export:${networks[i + 1]}`).catch(() => {});
    try {
      return await compare(stem);
    } finally {
      maker.forget(request, stem);
    }
  });

async function compare(stem: string) {
  const { json, tensor } = readGoldenFile<Description>(stem);
  const model = await loadModel(`${stem}.onnx`);
  try {
    await model.compile({ gpu });
    const { shape } = json.input;
    const images = toNhwc(tensor(json.input), shape);
    const error = relativeError(await model.predict(images, { batchSize: shape[0] }), tensor(json.output));
    return { error, tolerance: 1e-4, detail: `opset ${json.opset}, input ${shape.join("x")}` };
  } finally {
    model.dispose();
  }
}

/** Images as Thaw's models take them, from PyTorch's order. */
function toNhwc(images: Float32Array, [count, channels, height, width]: readonly number[]): Float32Array {
  const result = new Float32Array(sizeOf([count, channels, height, width]));
  let to = 0;
  for (let n = 0; n < count; n++)
    for (let pixel = 0; pixel < height * width; pixel++)
      for (let c = 0; c < channels; c++) result[to++] = images[(n * channels + c) * height * width + pixel];
  return result;
}
