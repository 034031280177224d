/** The float64 references of augmentation equal Keras's layers, and what they draw has the distributions that were asked for; the kernels are tested against them. */
import { describe, expect, it } from "vitest";
import { augmentBlurReference } from "../../../src/kernels/augment/blur.reference";
import { augmentDrawReference } from "../../../src/kernels/augment/draw.reference";
import { augmentPixelsReference, moved, noise } from "../../../src/kernels/augment/pixels.reference";
import { entry, headerFloats, quantiles, recordFloats, slotFloats } from "../../../src/kernels/augment/transforms";
import { exampleStep, type Shape } from "../../../src/kernels/operation";
import * as toolkit from "../../../src/transfer/augmentation";
import { betaQuantiles } from "../../../src/transfer/augmentation/mixing";
import { tableOf } from "../../../src/transfer/augmentation/table";
import { readGolden, type Place } from "../../support/fixtures";

const factories = {
  randomBrightness: toolkit.randomBrightness,
  randomGrayscale: toolkit.randomGrayscale,
  randomRotation: toolkit.randomRotation,
  randomSaturation: toolkit.randomSaturation,
  randomTranslation: toolkit.randomTranslation,
  randomZoom: toolkit.randomZoom,
};

interface Json {
  readonly images: Place;
  readonly cases: readonly { factory: keyof typeof factories; arguments: readonly unknown[]; result: Place }[];
  readonly drawn: readonly { kind: "contrast" | "hue"; factor: number; result: Place }[];
  readonly blur: { readonly sigma: number; readonly radius: number; readonly result: Place };
  readonly beta: readonly { alpha: number; at: readonly number[]; below: readonly number[] }[];
}

const golden = await readGolden<Json>("augment");
const images = Float64Array.from(golden.tensor(golden.json.images));
const { shape } = golden.json.images;

/** A whole list in float64, as the operations run it. */
function augmented(list: toolkit.AugmentationList, x: Float64Array, size: Shape): Float64Array {
  const table = tableOf(list);
  const { entries, moves, fill, passes } = table;
  expect(passes.length).toBe(1);
  const numbers = Float64Array.from(table.numbers);
  const drawn = augmentDrawReference.run({ entries, salt: 1 }, { list: numbers }, { x: size }, exampleStep);
  const inputs = { x, list: numbers, parameters: drawn.parameters };
  return augmentPixelsReference.run({ entries, moves, ...fill, ...passes[0] }, inputs, { x: size }, exampleStep).y;
}

function near(actual: Float64Array, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((v, i) =>
    expect(Math.abs(v - expected[i]), `[${i}]: ${v}, Keras ${expected[i]}`).toBeLessThan(tolerance),
  );
}

describe("a transform with one number for its range equals Keras's layer", () => {
  golden.json.cases.forEach(({ factory, arguments: given, result }, i) => {
    it(`${i}: ${factory}(${JSON.stringify(given).slice(1, -1)})`, () => {
      const make = factories[factory] as (...values: unknown[]) => toolkit.Transform;
      const list = [make(...given.map((v) => v ?? undefined))];
      near(augmented(list, images, shape), golden.tensor(result), 2e-3);
    });
  });

  it.each(golden.json.drawn)("$kind by $factor", ({ kind, factor, result }) => {
    const list = Float64Array.from(entry(kind, [0, 0, 0, 255]));
    const parameters = new Float64Array(2 * recordFloats(1));
    for (const n of [0, 1]) parameters.set([1, 0, 0, 0, 1, 0, 1, n, factor, 0, 0, 0, 0, 0, 0, 1], n * recordFloats(1));
    const attrs = {
      entries: 1,
      first: 0,
      last: 1,
      moves: false,
      uses: [kind],
      contrasts: kind === "contrast" ? [0] : [],
      fillMode: "reflect",
      fillValue: 0,
      interpolation: "bilinear",
    } as const;
    const { y } = augmentPixelsReference.run(attrs, { x: images, list, parameters }, { x: shape }, exampleStep);
    near(y, golden.tensor(result), 2e-3);
  });

  it("blur, away from the borders", () => {
    const { sigma, radius, result } = golden.json.blur;
    const parameters = new Float64Array(2 * recordFloats(1));
    for (const n of [0, 1]) parameters.set([sigma, 0, 0, 0, 0, 0, 0, 1], n * recordFloats(1) + headerFloats);
    const { y } = augmentBlurReference.run(
      { entries: 1, entry: 0, radius },
      { x: images, parameters },
      { x: shape },
      exampleStep,
    );
    const expected = golden.tensor(result);
    const [, height, width, channels] = shape;
    let inner = 0;
    y.forEach((v, i) => {
      const column = Math.floor(i / channels) % width;
      const row = Math.floor(i / channels / width) % height;
      if (row === 0 || column === 0 || row === height - 1 || column === width - 1) return;
      inner++;
      expect(Math.abs(v - expected[i])).toBeLessThan(2e-3);
    });
    expect(inner).toBe(2 * 5 * 3 * 3);
  });

  it('"wrap" repeats the image', () => {
    const row = Float64Array.from([1, 2, 3, 4]);
    const fill = { fillMode: "wrap", fillValue: 0, interpolation: "bilinear" } as const;
    const shifted = (by: number) => Array.from(moved(row, [1, 4, 1], [1, 0, by, 0, 1, 0], fill));
    expect([shifted(1), shifted(-6), shifted(0.5)]).toEqual([
      [2, 3, 4, 1],
      [3, 4, 1, 2],
      [1.5, 2.5, 3.5, 2.5],
    ]);
  });
});

describe("what is drawn", () => {
  const rows = 4000;
  const size: Shape = [rows, 20, 30, 3];

  function draw(list: readonly number[][], step = exampleStep, shares: readonly number[] = [], count = rows) {
    const entries = list.length;
    const numbers = Float64Array.from([...list.flat(), ...shares]);
    const x = [count, ...size.slice(1)];
    const { parameters } = augmentDrawReference.run({ entries, salt: 5 }, { list: numbers }, { x }, step);
    return Array.from({ length: count }, (_, n) =>
      parameters.subarray(n * recordFloats(entries), (n + 1) * recordFloats(entries)),
    );
  }

  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const slotOf = (record: Float64Array, t: number) =>
    record.subarray(headerFloats + t * slotFloats, headerFloats + (t + 1) * slotFloats);

  it("mirrors half of the samples, each way by itself", () => {
    const records = draw([entry("flip", [0.5, 0.5])]);
    for (const at of [0, 4]) expect(Math.abs(mean(records.map((r) => r[at])))).toBeLessThan(0.05);
    expect(Math.abs(mean(records.map((r) => r[0] * r[4])))).toBeLessThan(0.05);
  });

  it("is uniform over a range, another number for each sample, entry, seed and step", () => {
    const list = [entry("brightness", [-10, 30]), entry("brightness", [-10, 30])];
    const values = draw(list).map((r) => slotOf(r, 0)[0]);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-10);
    expect(Math.max(...values)).toBeLessThan(30);
    for (let quarter = 0; quarter < 4; quarter++) {
      const share = mean(values.map((v) => Number(Math.floor((v + 10) / 10) === quarter)));
      expect(Math.abs(share - 0.25)).toBeLessThan(0.03);
    }
    expect(new Set(values).size).toBeGreaterThan(rows - 5);
    const others = [
      draw(list).map((r) => slotOf(r, 1)[0]),
      draw(list, { ...exampleStep, seed: 8 }).map((r) => slotOf(r, 0)[0]),
      draw(list, { ...exampleStep, iteration: 4 }).map((r) => slotOf(r, 0)[0]),
    ];
    for (const other of others) {
      const products = values.map((v, i) => (v - 10) * (other[i] - 10));
      expect(Math.abs(mean(products)) / (1600 / 12)).toBeLessThan(0.06); // correlation
    }
    expect(draw(list)).toEqual(draw(list));
  });

  it("applies a group's transforms together, and groups by themselves", () => {
    const records = draw([
      entry("brightness", [1, 1], 0.8, 0),
      entry("contrast", [2, 2], 0.8, 0),
      entry("hue", [1, 1], 0.3, 2),
    ]);
    const on = [0, 1, 2].map((t) => records.map((r) => slotOf(r, t)[7]));
    expect(on[1]).toEqual(on[0]);
    expect(Math.abs(mean(on[0]) - 0.8)).toBeLessThan(0.03);
    expect(Math.abs(mean(on[2]) - 0.3)).toBeLessThan(0.03);
    expect(Math.abs(mean(on[0].map((v, i) => v * on[2][i])) - 0.24)).toBeLessThan(0.03);
  });

  it("keeps crops and erased boxes inside of the image, with their mean area", () => {
    const crops = draw([entry("crop", [0.2, 0.6, Math.log(3 / 4), Math.log(4 / 3)])]);
    for (const r of crops) {
      expect(Math.abs(r[2])).toBeLessThanOrEqual((30 * (1 - r[0])) / 2 + 1e-9);
      expect(Math.abs(r[5])).toBeLessThanOrEqual((20 * (1 - r[4])) / 2 + 1e-9);
    }
    expect(Math.abs(mean(crops.map((r) => r[0] * r[4])) - 0.4)).toBeLessThan(0.02);
    const boxes = draw([entry("erasing", [0.5, 0.5, 0.1, 0.3, 1, 0, 255])]).map((r) => slotOf(r, 0));
    for (const [left, right, top, bottom] of boxes)
      expect(left >= 0 && right <= 30 + 1e-9 && top >= 0 && bottom <= 20 + 1e-9).toBe(true);
    expect(Math.abs(mean(boxes.map((s) => s[7])) - 0.5)).toBeLessThan(0.03);
  });

  it("pairs each sample with another one by a shift of the batch, and one alone with itself, unmixed", () => {
    const shares = betaQuantiles(1);
    const records = draw([entry("mixUp", [])], exampleStep, shares, 7);
    const shifts = new Set(records.map((r, n) => (r[7] - n + 7) % 7));
    expect(shifts.size).toBe(1);
    expect([...shifts][0]).toBeGreaterThan(0);
    const steps = Array.from(
      { length: 60 },
      (_, i) => draw([entry("mixUp", [])], { ...exampleStep, iteration: i }, shares, 7)[0][7],
    );
    expect(new Set(steps)).toEqual(new Set([1, 2, 3, 4, 5, 6]));
    for (const kind of ["mixUp", "cutMix"] as const)
      expect(Array.from(draw([entry(kind, [])], exampleStep, shares, 1)[0].subarray(6, 8))).toEqual([1, 0]);
  });

  it.each([0.2, 1, 4])("mixes by beta(%d, %d)", (alpha) => {
    const shares = draw([entry("mixUp", [])], exampleStep, betaQuantiles(alpha)).map((r) => r[6]);
    expect(Math.abs(mean(shares) - 0.5)).toBeLessThan(0.02);
    const variance = mean(shares.map((v) => (v - 0.5) ** 2));
    expect(Math.abs(variance * 4 * (2 * alpha + 1) - 1)).toBeLessThan(0.06); // 1 / (4 (2 alpha + 1))
  });

  it("cuts whole pixels, and counts them", () => {
    for (const record of draw([entry("cutMix", [])], exampleStep, betaQuantiles(1), 300)) {
      const [left, right, top, bottom] = slotOf(record, 0);
      expect([left, right, top, bottom].every((v) => Number.isInteger(v))).toBe(true);
      expect(left >= 0 && right <= 30 && top >= 0 && bottom <= 20).toBe(true);
      expect(record[6]).toBeCloseTo(1 - ((right - left) * (bottom - top)) / 600, 12);
    }
  });

  it("fills erased boxes with normal noise", () => {
    const values = Array.from({ length: 20000 }, (_, i) => noise(77, i));
    expect(Math.abs(mean(values))).toBeLessThan(0.03);
    expect(Math.abs(mean(values.map((v) => v * v)) - 1)).toBeLessThan(0.04);
    expect(Math.abs(mean(values.map((v) => v ** 4)) - 3)).toBeLessThan(0.25); // a sum of twelve: 2.9
    const pairs = values.slice(1).map((v, i) => v * values[i]);
    expect(Math.abs(mean(pairs))).toBeLessThan(0.03);
  });
});

describe("quantiles of the beta distribution", () => {
  it.each(golden.json.beta)("alpha $alpha: as the regularized incomplete beta function", ({ alpha, at, below }) => {
    const table = betaQuantiles(alpha);
    expect(table.length).toBe(quantiles);
    expect([table[0], table[128], table[256]]).toEqual([0, 0.5, 1]);
    at.forEach((x, i) => {
      // The table read the other way round: the probability of a share below x.
      const k = Math.max(
        0,
        table.findLastIndex((v) => v <= x),
      );
      const probability = (k + (x - table[k]) / (table[Math.min(k + 1, 256)] - table[k] || 1)) / 256;
      expect(Math.abs(probability - below[i]), `below ${x}`).toBeLessThan(4e-3);
    });
  });
});
