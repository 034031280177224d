/** Metrics that count on the GPU, against Keras's on the same predictions, and in training. */
import { describe, expect, it } from "vitest";
import {
  Activation,
  binaryAccuracy,
  binaryCrossentropy,
  categoricalCrossentropy,
  Dense,
  ReLU,
  Sequential,
  sgd,
  sparseCategoricalCrossentropy,
  sparseTopKCategoricalAccuracy,
  type Dataset,
  type Gpu,
  type Objective,
} from "../../src/index";
import {
  auc,
  confusionMatrix,
  earlyStopping,
  evaluateDetailed,
  expectedCalibrationError,
  f1Score,
  precision,
  recall,
} from "../../src/transfer/index";
import goldens from "../fixtures/metrics.json";
import { normal, uniform } from "./random";

const factories = { auc, expectedCalibrationError, f1Score, precision, recall };

export interface MetricCase {
  readonly metric: keyof typeof factories;
  readonly options: object;
  readonly value: number | readonly number[];
}

export const metricSets = goldens.sets as readonly {
  name: string;
  outputs: number;
  scores: number[];
  labels: number[];
  matrix: number[][] | null;
  cases: MetricCase[];
}[];

export const makeMetric = ({ metric, options }: MetricCase, name?: string): Objective =>
  factories[metric]({ ...options, ...(name !== undefined && { name }) });

/** A model that gives back what it is given. */
function echo(outputs: number): Sequential {
  return new Sequential([new Activation({ activation: "linear" })], { inputShape: [outputs] });
}

const toIds = (labels: readonly number[], outputs: number) =>
  Array.from({ length: labels.length / outputs }, (_, r) => labels.slice(r * outputs, (r + 1) * outputs).indexOf(1));

function toyData(count: number, seed: number): Dataset {
  const random = uniform(seed);
  const y = Array.from({ length: count }, (_, i) => i % 3);
  const x = Float32Array.from({ length: count * 5 }, (_, i) => normal(random) + y[Math.floor(i / 5)] * (i % 2));
  return { x, y, shape: [5] };
}

function network(): Sequential {
  const layers = [
    new Dense({ units: 7, name: "first", seed: 1 }),
    new ReLU(),
    new Dense({ units: 3, name: "head", seed: 2 }),
  ];
  return new Sequential(layers, { inputShape: [5] });
}

export function metricSuite(getGpu: () => Gpu): void {
  describe("metrics that count", () => {
    for (const { name, outputs, scores, labels, cases, matrix } of metricSets) {
      for (const sparse of name === "softmax" ? [false, true] : [false]) {
        it(`equal Keras's on ${name} predictions${sparse ? " with class ids" : ""}`, async () => {
          const gpu = getGpu();
          const model = echo(outputs);
          // All are computed from the float64 references in tests/unit/transfer/metrics.test.ts.
          const some = cases.filter((_, i) => i % 4 === (sparse ? 1 : 0));
          const categorical = sparse ? sparseCategoricalCrossentropy() : categoricalCrossentropy();
          await model.compile({
            gpu,
            loss: name === "softmax" ? categorical : binaryCrossentropy(),
            metrics: some.map((c, i) => makeMetric(c, `m${i}_`)),
          });
          const y = sparse ? toIds(labels, outputs) : labels;
          const data: Dataset = { x: Float32Array.from(scores), y, shape: [outputs] };
          try {
            const logs = await model.evaluate(data, { batchSize: 32 });
            some.forEach((c, i) => {
              const expected = typeof c.value === "number" ? [c.value] : c.value;
              expected.forEach((value, k) => {
                const key = typeof c.value === "number" ? `m${i}_` : `m${i}_${k}`;
                // Keras computes in float32, and adds 1e-7 here and there.
                expect(Math.abs(logs[key] - value), `${c.metric} ${JSON.stringify(c.options)}`).toBeLessThan(2e-6);
              });
            });
            if (!matrix) return;
            expect(await confusionMatrix(model, data, { batchSize: 25 })).toEqual(matrix);
            const detailed = await evaluateDetailed(model, data);
            expect(detailed.confusionMatrix).toEqual(matrix);
            const value = (metric: string, options: object) =>
              cases.find((c) => c.metric === metric && JSON.stringify(c.options) === JSON.stringify(options))!.value;
            expect(detailed.expectedCalibrationError).toBeCloseTo(
              value("expectedCalibrationError", { bins: 15 }) as number,
              6,
            );
            const roc = { curve: "ROC", summationMethod: "interpolation", numThresholds: 200, multiLabel: true };
            expect(detailed.auc).toBeCloseTo(value("auc", roc) as number, 5);
            expect(detailed.loss).toBeCloseTo(logs.loss, 5);
            const rows = scores.length / outputs;
            expect(detailed.count).toBe(rows);
            expect(detailed.classes.reduce((n, c) => n + c.support, 0)).toBe(rows);
            expect(detailed.calibration.reduce((n, b) => n + b.count, 0)).toBe(rows);
            const hits = matrix.reduce((n, row, c) => n + row[c], 0);
            expect(detailed.accuracy).toBe(hits / rows);
            expect(detailed.classes[1].recall).toBe(matrix[1][1] / matrix[1].reduce((a, b) => a + b));
          } finally {
            model.dispose();
          }
          expect(gpu.memory.counters.liveBytes).toBe(0);
        });
      }
    }

    it("read logits as the probabilities that they stand for", async () => {
      const gpu = getGpu();
      const random = uniform(5);
      for (const outputs of [3, 1]) {
        const x = Float32Array.from({ length: 40 * outputs }, () => 2 * normal(random));
        const y = Array.from({ length: 40 }, (_, i) => (outputs === 3 ? i % 3 : (i * 7) % 2));
        const results: Record<string, number>[] = [];
        for (const fromLogits of [true, false]) {
          const activation = fromLogits ? "linear" : outputs === 3 ? "softmax" : "sigmoid";
          const model = new Sequential([new Activation({ activation })], { inputShape: [outputs] });
          const loss =
            outputs === 3 ? sparseCategoricalCrossentropy({ fromLogits }) : binaryCrossentropy({ fromLogits });
          const metrics = [
            precision({ threshold: 0.6 }),
            recall(),
            f1Score({ average: "weighted" }),
            auc(),
            expectedCalibrationError(),
          ];
          await model.compile({ gpu, loss, metrics });
          try {
            const { loss: _, ...logs } = await model.evaluate({ x, y, shape: [outputs] }, { batchSize: 17 });
            results.push(logs);
            expect(await confusionMatrix(model, { x, y, shape: [outputs] })).toHaveLength(outputs === 3 ? 3 : 2);
          } finally {
            model.dispose();
          }
        }
        for (const [name, value] of Object.entries(results[0])) {
          expect(value, name).toBeGreaterThan(0);
          expect(value, name).toBeCloseTo(results[1][name], 6);
        }
      }
    });

    for (const cacheFeatures of [false, true]) {
      it(`are logged by fit for training and validation${cacheFeatures ? ", on cached features" : ""}`, async () => {
        const gpu = getGpu();
        const model = network();
        if (cacheFeatures) model.freezeUpTo("first");
        const metrics = [
          "accuracy",
          "top5Accuracy",
          sparseTopKCategoricalAccuracy(2),
          f1Score(),
          auc(),
          recall({ average: null }),
          expectedCalibrationError({ bins: 10 }),
        ];
        // A rate of 0: all epochs see the same weights, so training and evaluation have to agree.
        const loss = sparseCategoricalCrossentropy({ fromLogits: true });
        await model.compile({ gpu, optimizer: sgd(0), loss, metrics });
        try {
          const train = toyData(22, 1);
          const validationData = toyData(9, 2);
          const stopping = earlyStopping({ monitor: "val_f1_score", patience: 1, restoreBestWeights: true });
          const { history, epochs } = await model.fit(train, {
            batchSize: 8,
            epochs: 5,
            validationData,
            cacheFeatures,
            callbacks: [stopping],
          });
          expect(epochs).toBe(2); // nothing improves
          const known = ["f1Score", "auc", "recall0", "recall1", "recall2", "expectedCalibrationError"];
          const onTrain = await model.evaluate(train, { batchSize: 22 });
          const onValidation = await model.evaluate(validationData, { batchSize: 4 });
          expect(Object.keys(onTrain)).toEqual(["loss", "accuracy", "top5Accuracy", "top2Accuracy", ...known]);
          for (const name of known) {
            const inValidation = `val${name[0].toUpperCase()}${name.slice(1)}`;
            for (const epoch of [0, 1]) {
              expect(history[name][epoch], name).toBeCloseTo(onTrain[name], 6);
              expect(history[inValidation][epoch], inValidation).toBeCloseTo(onValidation[name], 6);
            }
          }
          const recalls = [onTrain.recall0, onTrain.recall1, onTrain.recall2];
          const matrix = await confusionMatrix(model, train, { batchSize: 5 });
          expect(recalls).toEqual(matrix.map((row, c) => row[c] / row.reduce((a, b) => a + b)));
          const batch = await model.trainOnBatch(train.x as Float32Array, train.y as number[]);
          const again = await model.trainOnBatch(train.x as Float32Array, train.y as number[]);
          expect(batch.f1Score).toBeCloseTo(onTrain.f1Score, 6);
          expect(again).toEqual(batch);
        } finally {
          model.dispose();
        }
        expect(gpu.memory.counters.liveBytes).toBe(0);
      });
    }

    it("say what they cannot do", async () => {
      const gpu = getGpu();
      const loss = sparseCategoricalCrossentropy({ fromLogits: true });
      const model = network();
      const live = gpu.memory.counters.liveBytes;
      const twice = [recall({ classId: 0 }), recall({ classId: 1 })];
      await expect(model.compile({ gpu, loss, metrics: twice })).rejects.toThrow(/two metrics are called recall/);
      expect(gpu.memory.counters.liveBytes).toBe(live);
      const outside = model.compile({ gpu, loss, metrics: [recall({ classId: 3 })] });
      await expect(outside).rejects.toThrow(/recall: classId 3, and the model has 3 outputs; expected at most 2/);
      expect(gpu.memory.counters.liveBytes).toBe(live);
      const many = ["accuracy", "top5Accuracy", sparseTopKCategoricalAccuracy(2), binaryAccuracy()];
      await expect(model.compile({ gpu, loss, metrics: many })).rejects.toThrow(/4 metrics; expected at most 3/);
      model.dispose();
      await expect(confusionMatrix(model, toyData(9, 1))).rejects.toThrow(/confusionMatrix: .* is not compiled/);
    });
  });
}
