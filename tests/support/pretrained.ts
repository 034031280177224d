/** The embedded pretrained network computes what Keras computes with it. */
import { describe, expect, it } from "vitest";
import type { Gpu } from "../../src/index";
import { loadModel } from "../../src/loaders/index";
import { readBytes } from "../setup/files";
import { readGolden, type Place } from "./fixtures";
import { readTiles } from "./sprite";

interface Embedded {
  readonly tiles: readonly number[];
  readonly features: Place;
  readonly probabilities: Place;
}

export function pretrainedSuite(getGpu: () => Gpu): void {
  describe("the embedded network", () => {
    for (const [what, cut] of [
      ["probabilities", "predictions"],
      ["features", "global_average_pooling2d"],
    ] as const) {
      it(`gives Keras's ${what}, also for a last batch that is not full`, async () => {
        const golden = await readGolden<Embedded>("embedded");
        const whole = await loadModel(await readBytes("assets/thaw_cifar8.keras"));
        const model = whole.upTo(cut);
        await model.compile({ gpu: getGpu() });
        try {
          const actual = await model.predict(await readTiles(golden.json.tiles), { batchSize: 12 });
          const expected = golden.tensor(golden.json[what]);
          expect(actual.length).toBe(expected.length);
          const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
          actual.forEach((v, i) => expect(Math.abs(v - expected[i]), `${what}[${i}]`).toBeLessThan(1e-5 * largest));
        } finally {
          model.dispose();
        }
      });
    }
  });
}
