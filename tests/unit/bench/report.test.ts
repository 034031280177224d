import { expect, test } from "vitest";
import { goalOf } from "../../../bench/src/command/goals";
import { formatNumber, layOut, reportLines } from "../../../bench/src/command/report";
import type { BenchResult, Row } from "../../../bench/src/result";

test.each([
  [0, "0"],
  [1234567, "1,234,567"],
  [1234.6, "1,235"],
  [0.012345, "0.0123"],
  [12.345, "12.3"],
])("%f is written %s", (value, expected) => {
  expect(formatNumber(value)).toBe(expected);
});

test("columns are as wide as their widest cell", () => {
  expect(
    layOut([
      ["", "Thaw"],
      ["step", "1"],
      ["a", "12345"],
    ]),
  ).toEqual(["       Thaw", "step      1", "a     12345"]);
});

const step = (ratio: number): Row => ({
  id: "step/mobilenetv2-0.35-96/all",
  unit: "ms",
  thaw: { median: 400, fastest: 397, spread: 3.25, runs: 5 },
  tfjs: { median: 400 * ratio, fastest: 400 * ratio, spread: 0, runs: 1 },
  ratio,
});

test.each([
  [step(30), true],
  [step(29.9), false],
  [{ id: "count/submits/head", unit: "count", thaw: 1, tfjs: 17 }, true],
  [{ id: "count/buffers/all", unit: "count", thaw: 1 }, false],
  [{ id: "count/peakBytes/head", unit: "bytes", thaw: 15, tfjs: 100 }, true],
  [{ id: "count/peakBytes/head", unit: "bytes", thaw: 16, tfjs: 100 }, false],
  [{ id: "kernel/matmul-1024/forward", unit: "ms", thaw: 1, ratio: 9, shareOfPeak: 0.2 }, false],
  [{ id: "kernel/matmul-1024/forward", unit: "ms", thaw: 1, ratio: 9, shareOfPeak: 0.25 }, true],
] as [Row, boolean][])("the goal of %j: %s", (row, met) => {
  expect(goalOf(row)?.met).toBe(met);
});

test("rows without a goal have none", () => {
  expect(goalOf({ id: "kernel/matmul-256/forward", unit: "ms", thaw: 1 })).toBeUndefined();
});

test("the table says what was missed, what is missing and why", () => {
  const result: BenchResult = {
    adapter: "an adapter",
    software: true,
    peaks: { gflops: 20, gbps: 2 },
    rows: [step(12), { id: "size/core", unit: "bytes", thaw: 50_000, tfjs: 200_000, ratio: 4 }],
    absent: { "step/mobilenetv2-0.35-96/all": { ort: "it cannot train" } },
    versions: { tfjs: "4.22.0" },
    commit: "abc1234",
    runtime: "node v20",
    quick: true,
    seconds: 12.3,
  };
  const text = reportLines(result).join("\n");
  expect(text).toContain("TF.js 4.22.0");
  expect(text).toMatch(/step\/mobilenetv2-0.35-96\/all +400 ±3\.25 +4,800 \(1 run\) +12 x +30 x +MISSED/);
  expect(text).toMatch(/size\/core +50,000 +200,000 +4 x +<= 60 KB +met/);
  expect(text).toContain("- step/mobilenetv2-0.35-96/all: ONNX RT Web: it cannot train");
});
