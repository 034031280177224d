import { describe, expect, it } from "vitest";
import { readingHalves } from "../../src/kernels/half/reading";
import { Program } from "../../src/kernels/program";

const text = `@group(0) @binding(2) var<storage, read> w: array<vec4f>;
fn weights(i: u32) -> vec4f { return w[i]; }
`;

const halved = async (source: string) =>
  await readingHalves("w16", new Program("whole", () => Promise.resolve(source))).load();

describe("readingHalves", () => {
  it("reads w as packed pairs", async () => {
    const halves = await halved(text);
    expect(halves).toContain("w: array<vec2u>;");
    expect(halves).toContain("unpack2x16float(four.x), unpack2x16float(four.y)");
  });

  it("refuses a program that reads w in another way, or twice", async () => {
    await expect(halved(text.replace("w[i]", "w[i + 1u]"))).rejects.toThrow("exactly once");
    await expect(halved(text + text)).rejects.toThrow("exactly once");
  });
});
