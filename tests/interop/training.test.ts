/** Five steps of training take the same losses in Thaw and in Keras, with the base frozen and with everything trained. */
import { afterAll, beforeAll } from "vitest";
import { requestGpu, sgd, type Gpu } from "../../src/index";
import { loadModel } from "../../src/loaders/index";
import type { Place } from "../support/fixtures";
import { interopCase } from "./support/cases";
import { readGoldenFile, sizeOf } from "./support/golden";
import { Maker } from "./support/maker";

const networks = ["mobilenet", "mobilenet_v2", "resnet50", "efficientnet_b0", "densenet121"];
const runs = ["frozen", "unfrozen"] as const;

interface Description {
  readonly freezeUpTo: string;
  readonly batches: Place;
  readonly labels: readonly (readonly number[])[];
  readonly runs: Readonly<
    Record<(typeof runs)[number], { rate: number; parameters: number; losses: readonly number[] }>
  >;
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
  for (const run of runs)
    interopCase(
      `training/${name}/${run}`,
      async () => {
        const request = `train:${name}`;
        const stem = await maker.make(request);
        if (i + 1 < networks.length) void maker.make(`train:${networks[i + 1]}`).catch(() => {});
        try {
          return await compare(stem, run);
        } finally {
          if (run === runs.at(-1)) maker.forget(request, stem);
        }
      },
      600_000,
    );

async function compare(stem: string, run: (typeof runs)[number]) {
  const { json, tensor } = readGoldenFile<Description>(stem);
  const expected = json.runs[run];
  const model = await loadModel(`${stem}.keras`);
  try {
    model.freezeUpTo(run === "frozen" ? json.freezeUpTo : null);
    const parameters = model.allParameters().reduce((sum, p) => sum + (p.trainable ? p.count : 0), 0);
    if (parameters !== expected.parameters)
      throw new Error(`Thaw trains ${parameters} parameters; expected Keras's ${expected.parameters}`);
    await model.compile({ gpu, loss: "sparseCategoricalCrossentropy", optimizer: sgd(expected.rate) });
    const [steps, ...batch] = json.batches.shape;
    const size = sizeOf(batch);
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      const images = tensor({ shape: batch, offset: json.batches.offset + step * size });
      losses.push((await model.trainOnBatch(images, json.labels[step])).loss);
    }
    const errors = losses.map((loss, k) => Math.abs(loss - expected.losses[k]) / Math.abs(expected.losses[k]));
    const list = losses.map((loss) => loss.toFixed(4)).join(" ");
    return {
      error: errors.reduce((a, b) => (a >= b ? a : b), 0),
      tolerance: 1e-3,
      detail: `rate ${expected.rate}, losses ${list}`,
    };
  } finally {
    model.dispose();
  }
}
