/** What the tests of variants leave out, and why: nothing but what an adapter has no features for. */
import { describe, expect, it } from "vitest";
import { operation, VariantUnfit, type AdapterTraits } from "../../src/kernels/operation";
import { lacking, neededFeatures, variantNames } from "../support/forced";
import { softwareAdapter } from "../support/nets";

/** An operation whose variants need features, or can do nothing at all. */
const picky = operation<object>({
  name: "picky",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => ({ y: x! }),
  gradients: {},
  variants: {
    plain: () => ({ dispatches: [] }),
    quads: (_, __, adapter) => need(adapter, "subgroups"),
    halves: (_, __, adapter) => need(adapter, "shader-f16"),
    both: (_, __, adapter) => (need(adapter, "subgroups"), need(adapter, "shader-f16")),
    never: () => {
      throw new VariantUnfit("for no shape");
    },
  },
  cases: [{ attrs: {}, inputs: { x: [1] } }],
});

function need(adapter: AdapterTraits, feature: AdapterTraits["features"][number]) {
  if (!adapter.features.includes(feature)) throw new VariantUnfit(feature);
  return { dispatches: [] };
}

describe("variants that an adapter cannot run", () => {
  it.each([
    ["plain", undefined],
    ["quads", "this adapter has no subgroups"],
    ["halves", "this adapter has no shader-f16"],
    ["both", "this adapter has no shader-f16 and no subgroups"],
    ["never", undefined], // nothing would help, so the contract fails instead of leaving it out
  ])("%s: %s", (variant, reason) => {
    expect(lacking(picky, variant, softwareAdapter)).toBe(reason);
    const all: AdapterTraits = { ...softwareAdapter, features: ["shader-f16", "subgroups"] };
    expect(lacking(picky, variant, all)).toBeUndefined();
  });

  it("asks for no feature where none is needed, and says so where none helps", () => {
    expect(neededFeatures(softwareAdapter, () => true)).toEqual([]);
    expect(neededFeatures(softwareAdapter, () => false)).toBeUndefined();
  });
});

it("the names of variants come from the operations", () => {
  expect(variantNames).toEqual(expect.arrayContaining(["plain", "vec4", "tiles", "tilesVec4", "strips", "workgroup"]));
});
