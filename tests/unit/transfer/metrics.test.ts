/** Metrics from the counts of the float64 references equal Keras's; what they are given is checked. */
import { describe, expect, it } from "vitest";
import { ThawError } from "../../../src/errors";
import { compileConfig } from "../../../src/loaders/keras/save/training-config";
import { binaryCrossentropy, categoricalCrossentropy, topKCategoricalAccuracy } from "../../../src/nn/objectives";
import { Graph } from "../../../src/nn/graph";
import { auc, expectedCalibrationError, f1Score, precision, recall } from "../../../src/transfer/index";
import { makeMetric, metricSets } from "../../support/metrics";
import { references } from "../../support/references";

describe("metrics from counts, against Keras", () => {
  for (const { name, outputs, scores, labels, cases } of metricSets)
    for (const c of cases)
      it(`${c.metric} ${JSON.stringify(c.options)} on ${name}`, () => {
        const metric = makeMetric(c);
        const rows = scores.length / outputs;
        const g = new Graph(rows);
        const [x, y] = ["x", "labels"].map((input) => g.input(input, [rows, outputs]));
        const loss = name === "softmax" ? categoricalCrossentropy() : binaryCrossentropy();
        expect(
          metric.accumulator!.add(g, metric, x, { x, labels: y, loss, metrics: [metric], output: [rows, outputs] }),
        ).toEqual([]);
        const node = g.nodes.at(-1)!;
        // In two batches, so that counts are added to.
        let counts = new Float64Array(metric.accumulator!.words(outputs));
        const half = outputs * 20;
        for (const part of [scores.slice(0, half), scores.slice(half)]) {
          const from = part.length === half ? 0 : half;
          const inputs = {
            x: Float64Array.from(part),
            labels: Float64Array.from(labels.slice(from, from + part.length)),
            counts,
          };
          const shapes = { x: [part.length / outputs, outputs] };
          ({ counts } = references.get(node.op)!.run(node.attrs, inputs, shapes, undefined as never) as {
            counts: Float64Array<ArrayBuffer>;
          });
        }
        const result = metric.accumulator!.finish(Uint32Array.from(counts), outputs);
        const [own, expected] = [result, c.value].map((v) => (typeof v === "number" ? [v] : v));
        expect(own).toHaveLength(expected.length);
        own.forEach((v, i) => expect(Math.abs(v - expected[i])).toBeLessThan(2e-6));
      });
});

describe("metrics beside a loss", () => {
  it("read several yes or no also where samples have weights", () => {
    const g = new Graph(4);
    const [x, y] = ["x", "labels"].map((input) => g.input(input, [4, 3]));
    const loss = { ...binaryCrossentropy({ fromLogits: true }), op: "weightedBinaryCrossEntropy" };
    const metric = recall();
    metric.accumulator!.add(g, metric, x, { x, labels: y, loss, metrics: [metric], output: [4, 3] });
    expect(g.nodes.map((n) => [n.op, n.attrs.threshold ?? n.attrs.kind])).toEqual([
      ["activation", "sigmoid"],
      ["countOutcomes", 0.5],
    ]);
  });

  it("are left out of a saved model's metrics, which Keras reads", () => {
    const accuracy = { ...topKCategoricalAccuracy(1), name: "accuracy" };
    const compiled = { loss: categoricalCrossentropy(), metrics: [auc(), accuracy] };
    const config = compileConfig("save", { compiled } as never) as { metrics: { class_name: string }[] };
    expect(config.metrics.map((m) => m.class_name)).toEqual(["CategoricalAccuracy"]);
    const none = compileConfig("save", { compiled: { ...compiled, metrics: [auc()] } } as never);
    expect((none as { metrics: unknown }).metrics).toBeNull();
  });
});

describe("metrics without samples", () => {
  it("are 0", () => {
    for (const metric of [precision(), recall(), f1Score({ average: "weighted" }), auc(), expectedCalibrationError()])
      expect(metric.accumulator!.finish(new Uint32Array(metric.accumulator!.words(3)), 3)).toBe(0);
  });

  const wrong: readonly [string, () => unknown][] = [
    ["an average that does not exist", () => precision({ average: "mean" as never })],
    ["a threshold above 1", () => recall({ threshold: 1.5 })],
    ["half a class", () => recall({ classId: 0.5 })],
    ["a beta of 0", () => f1Score({ beta: 0 })],
    ["a curve that does not exist", () => auc({ curve: "LIFT" as never })],
    ["one threshold", () => auc({ numThresholds: 1 })],
    ["a sum that does not exist", () => auc({ summationMethod: "exact" as never })],
    ["no bins", () => expectedCalibrationError({ bins: 0 })],
  ];
  for (const [what, make] of wrong) it(`refuse ${what}`, () => expect(make).toThrow(ThawError));
});
