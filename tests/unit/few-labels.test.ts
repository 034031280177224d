/** The float64 references of FixMatch, rotations and nearest views equal PyTorch and NumPy; the kernels are tested against them. */
import { describe, expect, it } from "vitest";
import {
  fixMatchGradientReference,
  fixMatchReference,
  fixMatchReportReference,
} from "../../src/kernels/fixMatch/fixMatch.reference";
import { contrastiveAccuracyReference } from "../../src/kernels/ntXent/ntXent.reference";
import { exampleStep, type Shape } from "../../src/kernels/operation";
import { rotationsReference } from "../../src/kernels/rotations/rotations.reference";
import { softmaxRows } from "../../src/kernels/softmax/softmax.reference";
import { readGolden, type Place } from "../support/fixtures";
import { findOperation } from "../support/operations";

interface Json {
  readonly fixMatch: readonly {
    labelled: number;
    threshold: number;
    lambda: number;
    logits: Place;
    labels: number[];
    loss: number;
    gradient: Place;
    accuracy: number;
    confident: number;
  }[];
  readonly rotations: { x: Place; y: Place };
  readonly nearest: readonly { z: Place; correct: number[] }[];
}

const golden = () => readGolden<Json>("few-labels");
const mean = (v: Float64Array) => v.reduce((a, b) => a + b, 0) / v.length;

describe("fixMatch", () => {
  it("equals PyTorch: the mean over all rows, its gradient, accuracy and share of pseudo-labels", async () => {
    const file = await golden();
    expect(file.json.fixMatch.length).toBe(3);
    for (const step of file.json.fixMatch) {
      const { labelled, threshold, lambda, logits, loss, gradient } = step;
      const [rows] = logits.shape;
      const attrs = { labelled, threshold, lambda, fromLogits: true };
      const labels = Float64Array.from({ length: rows }, (_, r) => step.labels[r] ?? 0);
      const arrays = { x: Float64Array.from(file.tensor(logits)), labels };
      const shapes = { x: logits.shape, labels: [rows] };
      expect(mean(fixMatchReference.run(attrs, arrays, shapes, exampleStep).loss)).toBeCloseTo(loss, 6);
      const { dx } = fixMatchGradientReference.run(attrs, arrays, shapes, exampleStep);
      file.tensor(gradient).forEach((v, i) => expect(dx[i]).toBeCloseTo(v, 6));
      for (const kind of ["accuracy", "confident"] as const) {
        const { y } = fixMatchReportReference.run({ ...attrs, kind }, arrays, shapes, exampleStep);
        expect(mean(y)).toBeCloseTo(step[kind], 6);
      }
    }
  });

  it("is the plain cross-entropy where a batch has no views", async () => {
    const logits = Float64Array.from([1, 0, 0, 2, 0.5, 0.5, 3, 1]);
    const arrays = { x: logits, labels: Float64Array.from([0, 1, 1, 0]) };
    const attrs = { fromLogits: true, threshold: 0.9, lambda: 1 };
    const { loss } = fixMatchReference.run(attrs, arrays, { x: [4, 2], labels: [4] }, exampleStep);
    const expected = [1, 2, 0, 2].map((d, i) => Math.log(i === 2 ? 2 : 1 + Math.exp(-d)));
    loss.forEach((v, i) => expect(v).toBeCloseTo(expected[i], 10));
  });

  it("of probabilities is that of their logarithms, and its gradient with respect to them", async () => {
    const file = await golden();
    const [{ labelled, threshold, lambda, logits, labels }] = file.json.fixMatch;
    const [rows, classes] = logits.shape;
    const shapes = { x: logits.shape, labels: [rows] };
    const ids = Float64Array.from({ length: rows }, (_, r) => labels[r] ?? 0);
    const x = Float64Array.from(file.tensor(logits));
    const p = softmaxRows(x, classes);
    const attrs = (fromLogits: boolean) => ({ labelled, threshold, lambda, fromLogits });
    const a = fixMatchReference.run(attrs(true), { x, labels: ids }, shapes, exampleStep).loss;
    const b = fixMatchReference.run(attrs(false), { x: p, labels: ids }, shapes, exampleStep).loss;
    a.forEach((v, i) => expect(b[i]).toBeCloseTo(v, 9));
  });

  it("refuses other numbers of rows, one class, and options out of range", () => {
    const shapes = (attrs: object, x: Shape, labels: Shape) =>
      findOperation("fixMatch").shapes({ labelled: 2, threshold: 0.9, lambda: 1, ...attrs }, { x, labels });
    expect(shapes({}, [10, 3], [10])).toEqual({ loss: [10] });
    expect(() => shapes({}, [9, 3], [9])).toThrow(/\[9, 3\], 2 of them labelled/);
    expect(() => shapes({}, [10, 1], [10])).toThrow(/two classes/);
    expect(() => shapes({}, [10, 3], [6])).toThrow(/a label a row/);
    expect(() => shapes({ threshold: 1.2 }, [10, 3], [10])).toThrow(/threshold 1.2.*0 to 1/);
    expect(() => shapes({ lambda: -1 }, [10, 3], [10])).toThrow(/lambda -1/);
  });
});

it("rotations equal NumPy's rot90, and images that are no squares are refused", async () => {
  const file = await golden();
  const { x, y } = file.json.rotations;
  const turned = rotationsReference.run({}, { x: Float64Array.from(file.tensor(x)) }, { x: x.shape }, exampleStep).y;
  expect([...turned]).toEqual([...file.tensor(y)]);
  expect(() => findOperation("rotations").shapes({}, { x: [2, 4, 6, 3] })).toThrow(/\[2, 4, 6, 3\].*Crop or resize/);
});

it("the nearest view is NumPy's, and projections that are all the same have none", async () => {
  const file = await golden();
  for (const { z, correct } of file.json.nearest) {
    const shapes = { x: z.shape, labels: [z.shape[0] / 2] };
    const result = contrastiveAccuracyReference.run({}, { x: Float64Array.from(file.tensor(z)) }, shapes, exampleStep);
    expect([...result.correct]).toEqual(correct);
  }
  const same = { x: new Float64Array(12).fill(1) };
  const { correct } = contrastiveAccuracyReference.run({}, same, { x: [6, 2], labels: [3] }, exampleStep);
  expect([...correct]).toEqual([0, 0, 0, 0, 0, 0]);
});
