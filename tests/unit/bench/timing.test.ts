import { expect, test } from "vitest";
import { interleave, quantile, schedule, summarise } from "../../../bench/src/measure/timing";

test.each([
  [[7], 0.5, 7],
  [[1, 3], 0.5, 2],
  [[1, 2, 10], 0.5, 2],
  [[0, 10, 20, 30, 40], 0.25, 10],
  [[0, 10, 20, 30], 0.75, 22.5],
  [[1, 2, 3], 1, 3],
])("of %j the quantile %f is %f", (sorted, q, expected) => {
  expect(quantile(sorted, q)).toBeCloseTo(expected);
});

test("a summary has the median and half the distance of the quartiles, in any order", () => {
  expect(summarise([40, 0, 20, 10, 30])).toEqual({ median: 20, fastest: 0, spread: 10, runs: 5 });
});

test.each([
  [5, { rounds: 5, times: 4 }],
  [500, { rounds: 4, times: 1 }],
  [30_000, { rounds: 1, times: 1 }],
])("what takes %f ms runs %j", (first, expected) => {
  expect(schedule(first, { rounds: 5, least: 1, seconds: 2, shortest: 20 })).toEqual(expected);
});

test("a pace can ask for rounds that its seconds do not cover", () => {
  expect(schedule(30_000, { rounds: 7, least: 5, seconds: 60, shortest: 20 })).toEqual({ rounds: 5, times: 1 });
});

test("contestants take turns after each has been warmed up", async () => {
  const order: string[] = [];
  const contestant = (name: string) => ({
    name,
    run: (times: number) => {
      order.push(...Array.from({ length: times }, () => name));
      return new Promise<void>((resolve) => {
        setTimeout(resolve, 2);
      });
    },
  });
  const times = await interleave([contestant("a"), contestant("b")], { rounds: 2, least: 1, seconds: 60, shortest: 0 });
  expect(order.join("")).toBe("ababab");
  expect(times.a.runs).toBe(2);
  expect(times.b.median).toBeGreaterThan(0);
});
