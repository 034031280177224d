/** Data sets from numbers: parts, classes, weights, orders. */
import { describe, expect, it } from "vitest";
import {
  balancedOrder,
  classWeights,
  concatenate,
  datasetFromTensors,
  filterClasses,
  shuffle,
  split,
  take,
} from "../../../src/transfer/index";

/** Samples of two bytes that tell their own place; classes of the given sizes one after the other. */
function numbered(...sizes: number[]) {
  const y = sizes.flatMap((n, id) => Array.from({ length: n }, () => id));
  const x = Uint8Array.from(y.flatMap((id, i) => [i, id]));
  return datasetFromTensors(x, y, { shape: [2], classNames: sizes.map((_, i) => `c${i}`) });
}
const places = ({ x }: { x: ArrayLike<number> }) => Array.from(x).filter((_, i) => i % 2 === 0);
const perClass = ({ y }: { y: Int32Array }, classes: number) =>
  Array.from({ length: classes }, (_, id) => y.filter((v) => v === id).length);

describe("datasetFromTensors", () => {
  it("refuses what does not fit together", () => {
    const x = new Uint8Array(6);
    expect(() => datasetFromTensors(x, [0, 1], { shape: [2] })).toThrow("2 labels for 3 samples");
    expect(() => datasetFromTensors(x, [0], { shape: [4] })).toThrow("a multiple of 4");
    expect(() => datasetFromTensors(x, [0, 1, 5], { shape: [2], classNames: ["a", "b"] })).toThrow(
      "label 5 of sample 2",
    );
    expect(() => datasetFromTensors(x, [0, 1, 1], { shape: [2], classNames: ["a", "a"] })).toThrow("named twice");
    expect(datasetFromTensors(x, [0, 2, 1], { shape: [2] }).classNames).toEqual(["0", "1", "2"]);
  });
});

describe("split", () => {
  it("gives every sample to one part, each class in its proportion", () => {
    const data = numbered(20, 10, 5);
    const parts = split(data, { fractions: [0.6, 0.2, 0.2], seed: 3 });
    expect(parts.flatMap(places).toSorted((a, b) => a - b)).toEqual(places(data));
    expect(parts.map((p) => perClass(p, 3))).toEqual([
      [12, 6, 3],
      [4, 2, 1],
      [4, 2, 1],
    ]);
    for (const p of parts) expect(Array.from(p.y)).toEqual(Array.from(p.x).filter((_, i) => i % 2 === 1));
  });

  it("is settled by its seed", () => {
    const data = numbered(30, 30);
    const first = (seed: number) => places(split(data, { fractions: [0.5, 0.5], seed })[0]);
    expect(first(1)).toEqual(first(1));
    expect(first(1)).not.toEqual(first(2));
  });

  it("puts a class with one or two images into the first parts, and others into every part", () => {
    const parts = split(numbered(40, 1, 2, 3), { fractions: [0.9, 0.05, 0.05] });
    expect(parts.map((p) => perClass(p, 4).slice(1))).toEqual([
      [1, 1, 1],
      [0, 1, 1],
      [0, 0, 1],
    ]);
  });

  it("makes parts of exact counts", () => {
    const parts = split(numbered(13, 7, 3), { counts: [-1, 5, 4], seed: 1 });
    expect(parts.map((p) => p.y.length)).toEqual([14, 5, 4]);
    expect(new Set(parts.flatMap(places)).size).toBe(23);
  });

  it("refuses impossible sizes", () => {
    const data = numbered(5, 5);
    expect(() => split(data, { fractions: [0.8, 0.3] })).toThrow("sum at most 1");
    expect(() => split(data, { fractions: [1, 0] })).toThrow("above 0");
    expect(() => split(data, { counts: [8, 3] })).toThrow("at most 10 samples");
    expect(() => split(data, {})).toThrow("no sizes");
    expect(() => split({ x: data.x, shape: [2] }, { fractions: [0.5, 0.5] })).toThrow("no class ids");
    expect(() => split(numbered(1), { fractions: [0.5, 0.5] })).toThrow("part 2 of 1 samples would be empty");
    const unlabelled = split({ x: data.x, shape: [2] }, { fractions: [0.5, 0.5], stratify: false });
    expect(unlabelled.map((p) => p.x.length)).toEqual([10, 10]);
  });
});

describe("parts and sums of data sets", () => {
  it("takes, shuffles, concatenates and filters", () => {
    const data = numbered(2, 3);
    expect(places(take(data, [4, 0, 4]))).toEqual([4, 0, 4]);
    expect(() => take(data, [5])).toThrow("index 5");
    expect(places(shuffle(data, 1)).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    const both = concatenate(data, take(data, [1]));
    expect(places(both)).toEqual([0, 1, 2, 3, 4, 1]);
    expect([...both.y]).toEqual([0, 0, 1, 1, 1, 0]);
    expect(() => concatenate(data, { ...data, classNames: ["c1", "c0"] })).toThrow("classes");
    const only = filterClasses(data, ["c1"]);
    expect([places(only), [...only.y], only.classNames]).toEqual([[2, 3, 4], [0, 0, 0], ["c1"]]);
    expect(() => filterClasses(data, ["dog"])).toThrow('no class "dog"');
  });

  it("keeps one-hot labels with their samples", () => {
    const data = { x: new Float32Array([1, 2, 3]), y: new Float32Array([1, 0, 0, 1, 0.5, 0.5]), shape: [1] };
    expect(take(data, [2, 0]).y).toEqual(new Float32Array([0.5, 0.5, 1, 0]));
  });
});

describe("rare classes", () => {
  it("weighs by n / (classes * count)", () => {
    expect(classWeights(numbered(6, 2))).toEqual([8 / 12, 2]);
    expect(() => classWeights(numbered(3, 0))).toThrow("class 1 has no samples");
  });

  it("orders samples so that classes alternate and none repeats before its class is through", () => {
    const { y } = numbered(7, 3, 1);
    const order = [...balancedOrder(y, 5)];
    expect(order).toEqual([...balancedOrder(y, 5)]);
    expect(order).not.toEqual([...balancedOrder(y, 6)]);
    expect(order.length).toBe(21);
    for (let at = 0; at < 21; at += 3) expect(new Set(order.slice(at, at + 3).map((i) => y[i])).size).toBe(3);
    const second = order.filter((i) => y[i] === 1);
    expect(new Set(second.slice(0, 3)).size).toBe(3);
    expect(new Set(second.slice(3, 6)).size).toBe(3);
    expect(new Set(order.filter((i) => y[i] === 0)).size).toBe(7);
  });
});
