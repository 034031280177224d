/** Layers that no network of keras.applications has compute in Thaw what Keras computes, and train as there. */
import { afterAll, beforeAll } from "vitest";
import { requestGpu, sgd, type Gpu } from "../../src/index";
import { loadModel } from "../../src/loaders/index";
import type { Place } from "../support/fixtures";
import { interopCase, relativeError } from "./support/cases";
import { readGoldenFile, sizeOf } from "./support/golden";
import { Maker } from "./support/maker";

interface Description {
  readonly batches: Place;
  readonly output: Place;
  readonly labels: readonly (readonly number[])[];
  readonly rate: number;
  readonly losses: readonly number[];
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

for (const name of ["attention", "decoder", "embedding"]) {
  for (const format of ["keras", "h5"])
    interopCase(`layers/${name}.${format}`, async () => {
      const stem = await maker.make(`layers:${name}`);
      const { json, tensor } = readGoldenFile<Description>(stem);
      const model = await loadModel(`${stem}.${format}`);
      try {
        await model.compile({ gpu });
        const [, ...batch] = json.batches.shape;
        const actual = await model.predict(tensor({ shape: batch, offset: json.batches.offset }), {
          batchSize: batch[0],
        });
        return { error: relativeError(actual, tensor(json.output)), tolerance: 1e-4 };
      } finally {
        model.dispose();
      }
    });
  interopCase(`layers/${name}/training`, async () => {
    const { json, tensor } = readGoldenFile<Description>(await maker.make(`layers:${name}`));
    const model = await loadModel(`${await maker.make(`layers:${name}`)}.keras`);
    try {
      await model.compile({ gpu, loss: "sparseCategoricalCrossentropy", optimizer: sgd(json.rate) });
      const [steps, ...batch] = json.batches.shape;
      const losses: number[] = [];
      for (let step = 0; step < steps; step++) {
        const samples = tensor({ shape: batch, offset: json.batches.offset + step * sizeOf(batch) });
        losses.push((await model.trainOnBatch(samples, json.labels[step])).loss);
      }
      return {
        error: relativeError(losses, json.losses),
        tolerance: 1e-4,
        detail: `rate ${json.rate}, losses ${losses.map((loss) => loss.toFixed(4)).join(" ")}`,
      };
    } finally {
      model.dispose();
    }
  });
}
