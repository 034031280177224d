/** Orders of dimensions while ONNX is written: which dimensions of two shapes hold the same numbers. */
import { expect, it } from "vitest";
import { channelsFirst, commonRuns, liesPlain } from "../../../src/loaders/onnx/save/order";

const text = (from: number[], to: number[]) =>
  commonRuns(from, to)
    .map((run) => `${run.from.join("")}>${run.to.join("")}`)
    .join(" ");

it.each<[number[], number[], string]>([
  [[9, 4, 5, 6], [9, 4, 5, 2, 3], "0>0 1>1 2>2 3>34"],
  [[9, 4, 5, 2, 3], [9, 4, 5, 6], "0>0 1>1 2>2 34>3"],
  [[9, 4, 5, 6], [9, 120], "0>0 123>1"],
  [[9, 6], [9, 1, 1, 6], "0>0 1>123"],
  [[9, 6], [9, 6, 1, 1], "0>0 1>123"],
  [[9], [9, 1], "0>01"],
  [[9, 2, 3], [9, 3, 2], "0>0 12>12"],
  [[9, 1, 2], [9, 2, 1], "0>0 12>12"],
])("%j as %j", (from, to, expected) => expect(text(from, to)).toBe(expected));

it("ones may stand anywhere", () => {
  expect(channelsFirst(4)).toEqual([0, 3, 1, 2]);
  expect(channelsFirst(2)).toEqual([0, 1]);
  expect(liesPlain([9, 1, 1, 6], channelsFirst(4))).toBe(true);
  expect(liesPlain([9, 1, 2, 6], channelsFirst(4))).toBe(false);
});
