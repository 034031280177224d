/** Preprocessing on a real device, pixel by pixel; in the browser and in Node. */
import { expect, it } from "vitest";
import { Flatten, FunctionalModel, input, resetNames, type Gpu } from "../../src/index";
import { withPreprocessing } from "../../src/loaders/preprocessing";

const pixels = Uint8Array.from({ length: 2 * 2 * 3 * 3 }, (_, i) => (i * 71) % 256);

/** By the formulas of keras.applications.imagenet_utils.preprocess_input. */
const formulas = {
  tf: (pixel: number[]) => pixel.map((v) => v / 127.5 - 1),
  torch: (pixel: number[]) => pixel.map((v, i) => (v / 255 - [0.485, 0.456, 0.406][i]) / [0.229, 0.224, 0.225][i]),
  caffe: ([r, g, b]: number[]) => [b - 103.939, g - 116.779, r - 123.68],
  none: (pixel: number[]) => pixel,
};

export function preprocessingSuite(getGpu: () => Gpu): void {
  it.each(Object.keys(formulas) as (keyof typeof formulas)[])(
    "%s: pixels become what Keras makes of them",
    async (mode) => {
      resetNames();
      const x = input([2, 3, 3]);
      const identity = new FunctionalModel({ inputs: x, outputs: new Flatten().apply(x) });
      const model = withPreprocessing(identity, mode);
      await model.compile({ gpu: getGpu() });
      const [bytes, floats] = [await model.predict(pixels), await model.predict(Float32Array.from(pixels))];
      model.dispose();
      const expected = Array.from({ length: pixels.length / 3 }, (_, i) =>
        formulas[mode](Array.from(pixels.subarray(3 * i, 3 * i + 3))),
      ).flat();
      expect(bytes.length).toBe(expected.length);
      expected.forEach((value, i) => expect(bytes[i], `value ${i}`).toBeCloseTo(value, 4));
      expect(floats).toEqual(bytes);
    },
  );
}
