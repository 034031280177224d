/** Operations that importers register: found once registered, and what they refuse. */
import { describe, expect, it } from "vitest";
import { joinAxes } from "../../src/kernels/elementwise/broadcasting";
import { walkOf } from "../../src/kernels/math/reduction";
import { operations as core } from "../../src/kernels/registry";
import { moreOperations, registerMoreOperations } from "../../src/kernels/registry-more";
import { Graph } from "../../src/nn/graph";
import { differentiate } from "../../src/nn/compile/differentiate";
import { requireGrad } from "../../src/nn/compile/require-grad";
import { Parameter } from "../../src/nn/parameter";
import { findOperation } from "../support/operations";

registerMoreOperations();

const shapesOf = (op: string, attrs: object, inputs: Record<string, readonly number[]>) =>
  findOperation(op).shapes(attrs, inputs);

describe("registerMoreOperations", () => {
  it("makes operations known under names that no other has", () => {
    const names = [...core, ...moreOperations].map((op) => op.name);
    expect(new Set(names).size).toBe(names.length);
    for (const op of moreOperations) expect(findOperation(op.name)).toBe(op);
  });

  it("covers every operation that a gradient table names", () => {
    for (const op of moreOperations)
      for (const { op: name } of Object.values(op.gradients)) expect(findOperation(name).name).toBe(name);
  });
});

describe("joined axes", () => {
  it("are as few as broadcasting allows", () => {
    expect(joinAxes([2, 3, 4], [[2, 3, 4], []])).toEqual({ y: [24], operands: [[24], [1]] });
    expect(
      joinAxes(
        [2, 3, 1, 4, 5],
        [
          [2, 3, 1, 1, 1],
          [4, 5],
        ],
      ),
    ).toEqual({
      y: [6, 20],
      operands: [
        [6, 1],
        [1, 20],
      ],
    });
    expect(joinAxes([], [[], []])).toEqual({ y: [], operands: [[], []] });
  });

  it("of a reduction are runs of kept and reduced ones", () => {
    const walk = walkOf("reduce", [2, 3, 1, 4, 5], [1, 2, 3]);
    expect(walk.kept).toMatchObject([
      { size: 2, stride: 60 },
      { size: 5, stride: 1 },
    ]);
    expect(walk.reduced).toMatchObject([{ size: 12, stride: 5 }]);
    expect([walk.results, walk.terms, walk.across]).toEqual([10, 12, true]);
  });
});

describe("refusals name what was received and what was expected", () => {
  const refused: readonly (readonly [string, object, Record<string, readonly number[]>, RegExp])[] = [
    ["unary", { kind: "gamma" }, { x: [1] }, /unary: received kind "gamma"; expected one of abs, /],
    ["arithmetic", { kind: "where" }, { a: [1], b: [1] }, /received kind "where"; expected one of sub, /],
    ["arithmetic", { kind: "div" }, { a: [2, 3], b: [4] }, /div: operands of shape \[2, 3\] and \[4\]/],
    [
      "arithmetic",
      { kind: "div" },
      { a: [2, 1, 2, 1, 2, 1], b: [1, 3, 1, 3, 1, 3] },
      /at most 5 of them once neighbours are joined/,
    ],
    ["where", {}, { c: [3], a: [2, 2], b: [1] }, /operands of shape \[2, 2\] and \[3\]/],
    ["reduce", { kind: "sum", axes: [1, 0], keepDims: true }, { x: [2, 3] }, /axes \[1, 0\].*in ascending order/],
    ["reduce", { kind: "median", axes: [0], keepDims: true }, { x: [2] }, /kind "median"/],
    [
      "reduce",
      { kind: "sum", axes: [0, 2, 4, 6], keepDims: true },
      { x: [2, 2, 2, 2, 2, 2, 2] },
      /alternate with kept ones too often; expected at most 3 runs of each/,
    ],
    ["argReduce", { kind: "argmax", axis: 2, keepDims: true }, { x: [2, 3] }, /axes \[2\].*numbers from 0 to 1/],
    ["expand", { shape: [2, 4] }, { x: [3, 1, 3] }, /operands of shape \[3, 1, 3\] and \[2, 4\]/],
    ["gatherAxis", { axis: -1 }, { x: [2, 3], indices: [1] }, /received axis -1.*expected 0 to 1/],
    ["gatherElements", { axis: 0 }, { x: [2, 3], indices: [2, 2] }, /indices have shape \[2, 2\].*Slice x first/],
    ["cumSum", { axis: 1 }, { x: [4] }, /received axis 1/],
    ["stridedSlice", { begin: [3], size: [3], steps: [-2] }, { x: [5] }, /reach out of x of shape \[5\]/],
    ["stridedSlice", { begin: [3], size: [1], steps: [0] }, { x: [5] }, /steps other than 0/],
    ["padMode", { mode: "reflect", before: [3], after: [0] }, { x: [3] }, /less than the axis has elements/],
    ["padMode", { mode: "symmetric", before: [0], after: [0] }, { x: [3] }, /received mode "symmetric"/],
    [
      "convTranspose2d",
      { strides: [2, 2], dilation: [1, 1], groups: 1, pads: [0, 0, 0, 0], outputPadding: [2, 0] },
      { x: [1, 2, 2, 3], w: [2, 2, 4, 3] },
      /received outputPadding \[2, 0\] for strides \[2, 2\]/,
    ],
    [
      "convTranspose2d",
      { strides: [1, 1], dilation: [1, 1], groups: 1, pads: [0, 0, 0, 0] },
      { x: [1, 2, 2, 5], w: [2, 2, 4, 3] },
      /expected x of shape \[1, 2, 2, 3\]/,
    ],
    [
      "resize",
      { size: [2, 2], mode: "linear", coordinates: "tf_crop_and_resize" },
      { x: [1, 2, 2, 1] },
      /tf_crop_and_resize with a roi/,
    ],
    ["resize", { size: [0, 2], mode: "linear", coordinates: "asymmetric" }, { x: [1, 2, 2, 1] }, /size \[0, 2\]/],
    [
      "windowPool",
      { kind: "max", size: [2, 2], strides: [1, 1], dilation: [2, 2], pads: [3, 0, 0, 0] },
      { x: [1, 9, 9, 1] },
      /received pads \[3, 0, 0, 0\] for windows that reach over 3x3/,
    ],
    ["slice", { begin: [0, 0, 0, 0, 0, 0], size: [2, 2, 2, 2, 2, 2] }, { x: [3, 3, 3, 3, 3, 3] }, /move on their own/],
  ];
  it.each(refused)("%s %j", (op, attrs, inputs, message) => {
    expect(() => shapesOf(op, attrs, inputs)).toThrow(message);
  });
});

describe("sizes", () => {
  it("of pooling that rounds up are those of PyTorch and ONNX", () => {
    const pooled = (x: number, size: number, stride: number, pad: number) =>
      shapesOf(
        "windowPool",
        {
          kind: "max",
          size: [size, 1],
          strides: [stride, 1],
          dilation: [1, 1],
          pads: [pad, pad, 0, 0],
          ceilMode: true,
        },
        { x: [1, x, 1, 1] },
      )["y"][1];
    expect([
      pooled(4, 3, 2, 0),
      pooled(6, 3, 2, 0),
      pooled(5, 3, 2, 0),
      pooled(4, 1, 2, 0),
      pooled(4, 2, 3, 1),
    ]).toEqual([2, 3, 2, 2, 2]);
  });

  it("of slices of images turn back to front", () => {
    expect(shapesOf("stridedSlice", { begin: [4, 0], size: [5, 2], steps: [-1, 2] }, { x: [5, 3] })["y"]).toEqual([
      5, 2,
    ]);
  });
});

describe("gradients", () => {
  it("do not keep what they do not read", () => {
    const g = new Graph(2);
    const w = g.parameter(new Parameter("w", [2, 3], "weight", new Float32Array(6), () => true));
    const centred = g.apply("arithmetic", { kind: "sub" }, { a: w, b: g.input("x", [2, 3]) });
    const x = g.apply("reduce", { kind: "mean", axes: [1], keepDims: true }, { x: centred });
    const { loss } = g.emit("meanSquaredError", {}, { x, labels: g.input("labels", [2, 1]) });
    const gradients = differentiate(g, loss, requireGrad(g));
    const backward = g.nodes.filter((n) => n.phase === "backward");
    expect(backward.map(({ op, inputs }) => [op, Object.keys(inputs)])).toEqual([
      ["meanSquaredErrorGradient", ["x", "labels"]],
      ["reduceGradient", ["dy"]],
      ["arithmeticGradient", ["dy"]],
    ]);
    expect([...gradients.values()].map(({ shape }) => shape)).toEqual([[2, 3]]);
  });
});
