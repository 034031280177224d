/**
 * Losses equal Keras's, in value and gradient. The network is one dense layer with the identity as its kernel, so that its
 * output is the given prediction, and its kernel's gradient is the transposed prediction times the loss's gradient.
 */
import { describe, expect, it } from "vitest";
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  Dense,
  meanSquaredError,
  Sequential,
  sgd,
  sparseCategoricalCrossentropy,
  type Gpu,
  type Objective,
} from "../../src/index";
import { readGolden, type Place } from "./fixtures";

interface LossCase {
  readonly name: string;
  readonly loss: { readonly class_name: string; readonly config: { from_logits?: boolean; label_smoothing?: number } };
  readonly targets: Place;
  readonly predictions: Place;
  readonly value: number;
  readonly gradient: Place;
}

function lossOf({ class_name: kind, config }: LossCase["loss"]): Objective {
  const fromLogits = config.from_logits ?? false;
  const labelSmoothing = config.label_smoothing ?? 0;
  if (kind === "CategoricalCrossentropy") return categoricalCrossentropy({ fromLogits, labelSmoothing });
  if (kind === "SparseCategoricalCrossentropy") return sparseCategoricalCrossentropy({ fromLogits });
  if (kind === "BinaryCrossentropy") return binaryCrossentropy({ fromLogits, labelSmoothing });
  if (kind === "MeanSquaredError") return meanSquaredError();
  throw new Error(`losses.json: ${kind} has no counterpart in this test`);
}

export async function lossSuite(getGpu: () => Gpu): Promise<void> {
  const golden = await readGolden<{ readonly cases: readonly LossCase[] }>("losses");
  describe("losses against Keras", () => {
    for (const { name, loss, targets, predictions, value, gradient } of golden.json.cases) {
      it(name, async () => {
        const x = golden.tensor(predictions);
        const [, ...inputShape] = predictions.shape;
        const width = inputShape.at(-1)!;
        const dense = new Dense({ name: "same", units: width, useBias: false });
        const model = new Sequential([dense], { inputShape });
        dense.parameters[0].assign(
          Float32Array.from({ length: width * width }, (_, i) => Number(i % (width + 1) === 0)),
        );
        await model.compile({ gpu: getGpu(), loss: lossOf(loss), optimizer: sgd(0) });
        try {
          const result = await model.trainOnBatch(x, golden.tensor(targets));
          expect(Math.abs(result.loss - value) / Math.max(1, Math.abs(value))).toBeLessThan(2e-6);
          const [dw] = [...(await model.readGradients()).values()];
          const dy = golden.tensor(gradient);
          for (let row = 0; row < width; row++) {
            for (let column = 0; column < width; column++) {
              let [expected, size] = [0, 0];
              for (let i = 0; i < x.length; i += width) {
                expected += x[i + row] * dy[i + column];
                size += Math.abs(x[i + row] * dy[i + column]);
              }
              const error = Math.abs(dw[row * width + column] - expected);
              expect(error, `dw[${row}, ${column}]`).toBeLessThan(1e-6 + 5e-6 * size);
            }
          }
        } finally {
          model.dispose();
        }
      });
    }
  });
}
