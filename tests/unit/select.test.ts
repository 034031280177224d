/** Which variant of products and convolutions an adapter gets, direction by direction. */
import { describe, expect, it } from "vitest";
import { chooseVariant, type AdapterTraits, type Shape } from "../../src/kernels/operation";
import { findOperation } from "../../src/kernels/registry";
import { gpuAdapter, softwareAdapter } from "../support/nets";

const quads: AdapterTraits = { ...softwareAdapter, features: ["subgroups"] };

function chosen(name: string, attrs: object, inputs: Readonly<Record<string, Shape>>, adapter: AdapterTraits): string {
  const op = findOperation(name);
  return chooseVariant(op, attrs, { ...inputs, ...op.shapes(attrs, inputs) }, adapter);
}

/** Forward, dx and dw of a convolution with padding that keeps the size. */
function directions(x: Shape, size: number, filters: number, adapter: AdapterTraits): string[] {
  const pad = (size - 1) / 2;
  const attrs = { strides: [1, 1], dilation: [1, 1], groups: 1, pads: [pad, pad, pad, pad] };
  const w = [size, size, x[3], filters];
  const dy = [x[0], x[1], x[2], filters];
  return [
    chosen("conv2d", attrs, { x, w }, adapter),
    chosen("conv2dInputGradient", { ...attrs, inputShape: x }, { dy, w }, adapter),
    chosen("conv2dFilterGradient", { ...attrs, filterShape: w }, { x, dy }, adapter),
  ];
}

describe("software without subgroups (Firefox on llvmpipe)", () => {
  it("takes vectors in registers for products, tiles for other convolutions, and others where the result is narrow", () => {
    expect(chosen("matmul", {}, { x: [64, 32], w: [32, 16] }, softwareAdapter)).toBe("vec4");
    expect(chosen("matmul", {}, { x: [64, 33], w: [33, 17] }, softwareAdapter)).toBe("tiles");
    expect(chosen("matmul", {}, { x: [64, 33], w: [33, 3] }, softwareAdapter)).toBe("narrow");
    expect(directions([2, 8, 8, 16], 1, 24, softwareAdapter)).toEqual(["vec4", "vec4", "vec4"]);
    expect(directions([2, 8, 8, 16], 3, 24, softwareAdapter)).toEqual(["tilesVec4", "tilesVec4", "tilesVec4"]);
    expect(directions([2, 8, 8, 9], 3, 24, softwareAdapter)).toEqual(["tiles", "tiles", "tiles"]);
    expect(directions([2, 8, 8, 3], 3, 24, softwareAdapter)).toEqual(["tiles", "plain", "tiles"]);
  });
});

describe("other adapters", () => {
  it("software with subgroups takes quads, a GPU tiles", () => {
    expect(directions([2, 8, 8, 16], 1, 24, quads)).toEqual(["quadsVec4", "quadsVec4", "quadsVec4"]);
    expect(directions([2, 8, 8, 16], 3, 24, quads)).toEqual(["quadsVec4", "quadsVec4", "quadsVec4"]);
    expect(directions([2, 8, 8, 3], 3, 24, quads)).toEqual(["registers", "registers", "registers"]);
    expect(directions([2, 8, 8, 64], 3, 64, quads)).toEqual(["winograd", "winograd", "quadsVec4"]);
    expect(directions([64, 224, 224, 64], 3, 64, quads)).toEqual(["quadsVec4", "quadsVec4", "quadsVec4"]); // too large
    expect(directions([2, 8, 8, 16], 3, 24, gpuAdapter)).toEqual(["tilesVec4", "tilesVec4", "tilesVec4"]);
    expect(directions([2, 8, 8, 3], 3, 24, gpuAdapter)).toEqual(["tiles", "tiles", "tiles"]);
  });
});
