import { describe, expect, it } from "vitest";
import { readingHalves } from "../../src/kernels/half/reading";

const program = `@group(0) @binding(2) var<storage, read> w: array<vec4f>;
fn weights(i: u32) -> vec4f { return w[i]; }
`;

describe("readingHalves", () => {
  it("reads w as packed pairs", () => {
    const text = readingHalves(program);
    expect(text).toContain("w: array<vec2u>;");
    expect(text).toContain("unpack2x16float(four.x), unpack2x16float(four.y)");
  });

  it("refuses a program that reads w in another way, or twice", () => {
    expect(() => readingHalves(program.replace("w[i]", "w[i + 1u]"))).toThrow("exactly once");
    expect(() => readingHalves(program + program)).toThrow("exactly once");
  });
});
