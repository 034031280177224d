/** Which samples get pseudo-labels, and the orders in which trainings with few labels take samples. */
import { describe, expect, it } from "vitest";
import { Dense, Sequential } from "../../../src/index";
import { deck, fullBatches, mixedBatches, padded } from "../../../src/transfer/few-labels/orders";
import { givesLogits } from "../../../src/transfer/few-labels/probabilities";
import { select } from "../../../src/transfer/few-labels/pseudo-label";

const ascending = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);

/** Two classes by the probability of the first. */
const two = (...first: number[]) => ({
  p: Float64Array.from(first.flatMap((v) => [v, 1 - v])),
  count: first.length,
  classes: 2,
});

describe("select", () => {
  const sure = two(0.99, 0.02, 0.96, 0.5, 0.98, 0.04, 0.96);

  it("keeps as many of each class as of the rarest, the surest ones, in their order", () => {
    const { indices, labels, confidences, counts, kept, of } = select(sure, { threshold: 0.95 });
    expect([indices, labels, counts, kept, of]).toEqual([[0, 1, 4, 5], [0, 1, 0, 1], [2, 2], 4, 7]);
    confidences.forEach((v, i) => expect(v).toBeCloseTo([0.99, 0.98, 0.98, 0.96][i]));
    expect(select(sure, { threshold: 0.95, maxPerClass: 1 }).indices).toEqual([0, 1]);
    expect(select(sure, { threshold: 0.95, balanced: false }).indices).toEqual([0, 1, 2, 4, 5, 6]);
    // Of equally sure ones the earlier.
    expect(select(sure, { threshold: 0.95, balanced: false, maxPerClass: 3 }).indices).toEqual([0, 1, 2, 4, 5]);
  });

  it("says what other thresholds would keep where this one keeps nothing", () => {
    expect(() => select(two(0.92, 0.3, 0.15))).toThrow(
      "none of 3 samples reaches the threshold 0.95; the highest probability is 0.92; " +
        "expected a threshold at most that high (0.9 keeps 1, 0.8 keeps 2, 0.7 keeps 3, 0.6 keeps 3, 0.5 keeps 3).",
    );
  });

  it("refuses one class only unless it is not to be balanced, and names classes without labels", () => {
    expect(() => select(two(0.99, 0.97, 0.6))).toThrow(/all 2 samples.*are of class 0/);
    expect(select(two(0.99, 0.97, 0.6), { balanced: false }).counts).toEqual([2, 0]);
    const three = { p: Float64Array.from([0.9, 0.1, 0, 0, 0.1, 0.9]), count: 2, classes: 3 };
    const { counts, missing } = select(three, { threshold: 0.8 });
    expect([counts, missing]).toEqual([[1, 0, 1], [1]]);
  });
});

describe("orders", () => {
  it("a deck gives every number once before one comes again", () => {
    const draw = deck(5, 3);
    const rounds = [0, 1, 2].map((r) => Array.from({ length: 5 }, (_, i) => draw(5 * r + i)));
    for (const round of rounds) expect(ascending(round)).toEqual([0, 1, 2, 3, 4]);
    expect(rounds[0]).not.toEqual(rounds[1]);
    expect(draw(3)).toBe(rounds[0][3]);
  });

  it("full batches hold every sample, none twice in a batch", () => {
    const order = fullBatches(11, 4, 1)(2);
    expect(order.length).toBe(12);
    expect(new Set(order).size).toBe(11);
    for (let at = 0; at < 12; at += 4) expect(new Set(order.slice(at, at + 4)).size).toBe(4);
    const data = padded({ x: Float32Array.from({ length: 11 }, (_, i) => i), shape: [1] }, 4);
    expect([...data.x]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]);
    expect(padded(data, 6)).toBe(data);
  });

  it("mixed batches go on through both parts from epoch to epoch", () => {
    const order = mixedBatches({ labelled: 3, unlabelled: 8, batchSize: 2, mu: 2, steps: 2, seed: 5 });
    const steps = [0, 1, 2, 3].flatMap((epoch) => [order(epoch).slice(0, 6), order(epoch).slice(6)]);
    const first = steps.flatMap((s) => Array.from(s.slice(0, 2)));
    const second = steps.flatMap((s) => Array.from(s.slice(2)));
    for (let at = 0; at + 3 <= first.length; at += 3) expect(ascending(first.slice(at, at + 3))).toEqual([0, 1, 2]);
    for (let at = 0; at + 8 <= second.length; at += 8)
      expect(ascending(second.slice(at, at + 8))).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

it("a softmax or sigmoid at the end says that a model gives probabilities", () => {
  const ending = (activation: "softmax" | "sigmoid" | "relu", units: number) =>
    givesLogits(new Sequential([new Dense({ units, activation })], { inputShape: [3] }));
  expect([ending("softmax", 3), ending("sigmoid", 1), ending("relu", 3)]).toEqual([false, false, true]);
});
