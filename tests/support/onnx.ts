/** Imported ONNX networks on the GPU: outputs as ONNX Runtime's, every weight with a gradient. */
import { describe, expect, it } from "vitest";
import { sparseCategoricalCrossentropy, type Gpu } from "../../src/index";
import { readOnnx } from "../../src/loaders/onnx/index";
import { hasSharedAssets, readBytes, readJson, readShared } from "../setup/files";

/** The input that the expected outputs were computed with, [images, height, width, channels]. */
export const pattern = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.37) + 0.5 * Math.cos(i * 0.0113));

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  expected.forEach((v, i) => expect(Math.abs(actual[i] - v), `output ${i}`).toBeLessThan(1e-4 * largest));
}

/** Small networks that tests/fixtures/onnx/make.py has PyTorch export: a convolutional one, and a vision transformer. */
const files = ["cnn.ts", "cnn.dy", "cnn.ts.batch1", "vit.ts", "vit.dy", "vit.ts.batch1"];

export function onnxSuite(getGpu: () => Gpu): void {
  describe("ONNX files of PyTorch", () => {
    it.each(files)(
      "%s computes what ONNX Runtime computes, also as a batch where the file says one image",
      async (name) => {
        const golden = await readJson<Record<string, number[]>>("tests/fixtures/onnx/golden.json");
        const model = await readOnnx(name, await readBytes(`tests/fixtures/onnx/${name}.onnx`));
        await model.compile({ gpu: getGpu() });
        try {
          expectClose(await model.predict(pattern(2 * 16 * 16 * 3), { batchSize: 2 }), golden[`${name}.onnx`]);
        } finally {
          model.dispose();
        }
      },
    );

    it.each(["cnn.ts", "vit.dy"])("%s trains in every layer, and only above what is frozen", async (name) => {
      const model = await readOnnx(name, await readBytes(`tests/fixtures/onnx/${name}.onnx`));
      await model.compile({
        gpu: getGpu(),
        loss: sparseCategoricalCrossentropy({ fromLogits: true }),
        optimizer: "sgd",
      });
      const x = pattern(4 * 16 * 16 * 3);
      const y = [0, 1, 2, 0];
      try {
        const first = (await model.trainOnBatch(x, y)).loss;
        const gradients = await model.readGradients();
        for (const p of model.trainableParameters)
          expect(
            gradients.get(p)?.some((v) => v !== 0 && Number.isFinite(v)),
            p.path,
          ).toBe(true);
        for (let i = 0; i < 8; i++) await model.trainOnBatch(x, y);
        expect((await model.trainOnBatch(x, y)).loss).toBeLessThan(first);
        const cut = model.layers.at(-2)!.name;
        model.freezeUpTo(cut);
        await model.readWeights();
        const before = model.allParameters().map((p) => [p, Float32Array.from(p.value), p.trainable] as const);
        expect(before.some(([, , trainable]) => trainable)).toBe(true);
        await model.trainOnBatch(x, y);
        await model.readWeights();
        for (const [p, value, trainable] of before) {
          if (p.kind === "weight")
            expect(
              p.value.some((v, i) => v !== value[i]),
              p.path,
            ).toBe(trainable);
        }
      } finally {
        model.dispose();
      }
    });
  });

  describe.skipIf(!hasSharedAssets)("ONNX files of the shared collection", () => {
    const shared = [
      "keras_fixtures/keras_small_export",
      "onnx_exports/squeezenet1_1.ts",
      "onnx_exports/squeezenet1_1.dy",
      "models/keras_written/mobilenet_v1_0.25_224_imagenet",
    ];
    it.each(shared)("%s computes what ONNX Runtime computes", async (name) => {
      const golden = await readJson<Record<string, number[]>>("tests/fixtures/onnx/shared.json");
      const model = await readOnnx(name, await readShared(`${name}.onnx`));
      await model.compile({ gpu: getGpu() });
      try {
        const [height, width, channels] = model.inputShape;
        const expected = golden[name];
        const actual = await model.predict(inFileOrder(name, height, width, channels), { batchSize: 1 });
        expectClose(actual.subarray(0, expected.length), expected);
      } finally {
        model.dispose();
      }
    });
  });
}

/** The pattern as the file counts it: in [channels, height, width] for PyTorch's, turned to how images come here. */
function inFileOrder(name: string, height: number, width: number, channels: number): Float32Array {
  const values = pattern(height * width * channels);
  if (name.includes("keras")) return values;
  return values.map((_, at) => values[(at % channels) * height * width + Math.floor(at / channels)]);
}
