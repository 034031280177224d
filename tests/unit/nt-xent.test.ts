/** The float64 reference of NT-Xent equals PyTorch's cross-entropy over cosine similarities; the kernels are tested against it. */
import { describe, expect, it } from "vitest";
import { exampleStep, type Shape } from "../../src/kernels/operation";
import { ntXentReference, ntXentGradientReference } from "../../src/kernels/ntXent/ntXent.reference";
import { findOperation } from "../support/operations";
import { readGolden, type Place } from "../support/fixtures";

interface Json {
  readonly ntXent: readonly { temperature: number; z: Place; loss: Place; gradient: Place }[];
}

describe("ntXent", () => {
  it("equals PyTorch: losses of all views, and the gradient of their mean", async () => {
    const golden = await readGolden<Json>("inside");
    const { json } = golden;
    expect(json.ntXent.length).toBe(4);
    for (const { temperature, z, loss, gradient } of json.ntXent) {
      const x = Float64Array.from(golden.tensor(z));
      const shapes = { x: z.shape, labels: [z.shape[0] / 2] };
      const near = (actual: Float64Array, expected: Float32Array) =>
        actual.forEach((v, i) => expect(Math.abs(v - expected[i])).toBeLessThan(1e-6 * (1 + Math.abs(v))));
      near(ntXentReference.run({ temperature }, { x }, shapes, exampleStep).loss, golden.tensor(loss));
      near(ntXentGradientReference.run({ temperature }, { x }, shapes, exampleStep).dx, golden.tensor(gradient));
    }
  });

  it("refuses a single pair, an odd number of views, and a temperature of zero", () => {
    const shapes = (temperature: number, x: Shape) =>
      findOperation("ntXent").shapes({ temperature }, { x, labels: [1] });
    expect(() => shapes(0.5, [2, 4])).toThrow(/two samples or more/);
    expect(() => shapes(0.5, [5, 4])).toThrow(/\[5, 4\]/);
    expect(() => shapes(0, [4, 4])).toThrow(/temperature 0/);
  });
});
