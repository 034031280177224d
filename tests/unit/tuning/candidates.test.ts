/** Names of problems, and what a tuner may try for them. */
import { describe, expect, it } from "vitest";
import { dispatch, type Kernel } from "../../../src/kernels/kernel";
import { choose, operation, VariantUnfit, type AdapterTraits, type Operation } from "../../../src/kernels/operation";
import { findOperation, operations } from "../../support/operations";
import { candidatesFor, digestOf } from "../../../src/kernels/tuning";
import { operationOfKey, tuningKey } from "../../../src/kernels/tuning-key";
import { Program } from "../../../src/kernels/program";
import { gpuAdapter, softwareAdapter } from "../../support/nets";

const kernel = (name: string, source = name): Kernel => ({
  program: new Program(name, () => Promise.resolve(`${source}\nstruct Params { n: u32 }`)),
  params: () => ({ n: 1 }),
  workgroups: () => [1, 1, 1],
  sizes: () => ({ x: 1 }),
  cost: () => ({ flops: 1e7, bytes: 8 }),
});
const runs = (name: string, source?: string) => () => ({
  dispatches: [dispatch(kernel(name, source), {} as never, {})],
});

/** An operation of made-up variants; `usual` is what its table names. */
const made = (usual: string, more: Partial<Operation> = {}): Operation =>
  operation<object>({
    name: "made",
    inputs: ["x", "b?"],
    outputs: ["y"],
    shapes: (_, { x }) => ({ y: x! }),
    gradients: {},
    variants: {
      plain: runs("plain"),
      fast: runs("fast"),
      faster: runs("faster"),
      half: runs("half"),
      stubborn: () => {
        throw new VariantUnfit("never");
      },
    },
    f16Variants: ["half"],
    select: () => usual,
    cases: [],
    ...more,
  });

const shapes = { x: [2, 3], y: [2, 3] };
const names = (op: Operation, adapter: AdapterTraits = gpuAdapter) =>
  candidatesFor(op, {}, shapes, adapter).map((c) => c.variant);

describe("tuningKey", () => {
  it("depends on attributes and inputs, not on their order nor on outputs", () => {
    const op = made("fast");
    const key = tuningKey(op, { b: 2, a: { d: [1, { f: 1, e: 2 }], c: 1 } }, { y: [9], x: [2, 3] });
    expect(key).toBe('made {"a":{"c":1,"d":[1,{"e":2,"f":1}]},"b":2} x[2,3]');
    expect(tuningKey(op, { a: { c: 1, d: [1, { e: 2, f: 1 }] }, b: 2 }, { x: [2, 3], y: [1] })).toBe(key);
    expect(operationOfKey(key)).toBe("made");
  });

  it("tells problems with an epilogue from those without", () => {
    const key = (more: object) => tuningKey(made("fast"), {}, { x: [2, 3], ...more });
    expect(new Set([key({}), key({ b: [3] }), key({ b: [4] })]).size).toBe(3);
    expect(key({ b: undefined })).toBe(key({}));
  });

  it("differs between all cases of all operations that differ", () => {
    const keys = operations.flatMap((op) => op.cases.map((c) => tuningKey(op, c.attrs, c.inputs)));
    const problems = operations.flatMap((op) =>
      op.cases.map((c) => JSON.stringify([op.name, c.attrs, Object.entries(c.inputs).filter(([, s]) => s)])),
    );
    expect(new Set(keys).size).toBe(new Set(problems).size);
  });
});

describe("choose", () => {
  const key = tuningKey(made("fast"), {}, shapes);
  const chosen = (more: Partial<AdapterTraits>) => choose(made("fast"), {}, shapes, { ...gpuAdapter, ...more });

  it("takes a forced variant before a tuned one, and that before the table's", () => {
    expect(chosen({})).toEqual({ variant: "fast" });
    expect(chosen({ tuned: { [key]: "faster" } })).toEqual({ variant: "faster", instead: "fast" });
    expect(chosen({ tuned: { [key]: "faster" }, forceVariant: "plain" })).toEqual({ variant: "plain" });
  });

  it("stays with the table for answers that are the same, for other problems, unknown or cannot run", () => {
    for (const tuned of [{ [key]: "fast" }, { other: "plain" }, { [key]: "gone" }, { [key]: "stubborn" }]) {
      expect(chosen({ tuned })).toEqual({ variant: "fast" });
    }
    expect(chosen({ tuned: { [key]: "toString" } })).toEqual({ variant: "fast" });
  });
});

describe("candidatesFor", () => {
  it("has the usual variant first and leaves out what cannot run, half precision, and plain where there is work", () => {
    expect(names(made("fast"))).toEqual(["fast", "faster"]);
  });

  it("lets programs in half precision compete where one is the usual", () => {
    expect(names(made("half"))).toEqual(["half", "fast", "faster"]);
  });

  it("follows what the operation declares unlikely", () => {
    const on = (on: "gpu" | "software") => made("faster", { unlikely: { fast: { on } } });
    expect(names(on("gpu"))).toEqual(["faster"]);
    expect(names(on("gpu"), softwareAdapter)).toEqual(["faster", "fast"]);
    expect(names(on("software"))).toEqual(["faster", "fast"]);
    expect(names(made("faster", { unlikely: { fast: { above: 9e6 } } }))).toEqual(["faster"]);
    expect(names(made("faster", { unlikely: { fast: { above: 2e7 } } }))).toEqual(["faster", "fast"]);
    expect(names(made("half", { unlikely: { fast: { behind: "faster" } } }))).toEqual(["half", "faster"]);
    expect(names(made("half", { unlikely: { fast: { behind: "stubborn" } } }))).toEqual(["half", "fast", "faster"]);
    expect(names(made("fast", { unlikely: { plain: {} } }))).toEqual(["fast", "plain", "faster"]);
  });

  it("names a launch once, and forms by their variant's declaration", () => {
    const variants = { fast: runs("fast"), "fast@same": runs("fast"), "fast@other": runs("other") };
    expect(names(made("fast", { variants }))).toEqual(["fast", "fast@other"]);
    const unlikely = { fast: { on: "gpu" } } as const;
    expect(names(made("plain", { variants: { ...variants, plain: runs("plain") }, unlikely }))).toEqual(["plain"]);
  });

  it("offers tiles to GPUs and none to software adapters, without the launch that is usual anyway", () => {
    const conv = findOperation("conv2d");
    const attrs = { strides: [1, 1], dilation: [1, 1], groups: 1, pads: [1, 1, 1, 1] };
    const big = { x: [8, 56, 56, 64], w: [3, 3, 64, 64], y: [8, 56, 56, 64] };
    const variants = (adapter: AdapterTraits) => candidatesFor(conv, attrs, big, adapter).map((c) => c.variant);
    expect(variants(gpuAdapter)).toEqual([
      "tilesVec4",
      "tilesVec4@64x64",
      "tilesVec4@128x32",
      "tilesVec4@64x32",
      "tilesVec4@32x64",
      "winograd",
    ]);
    expect(variants({ ...softwareAdapter, features: ["subgroups"] })).toEqual(["winograd", "quadsVec4"]);
    const product = { x: [64, 8192], w: [8192, 64], y: [64, 64] };
    const long = candidatesFor(findOperation("matmul"), {}, product, gpuAdapter).map((c) => c.variant);
    expect(long).toContain("tilesVec4@fewerParts");
    expect(long).not.toContain("quadsVec4");
  });
});

describe("digestOf", () => {
  const digest = async (variants: Operation["variants"]) =>
    await digestOf(candidatesFor(made("fast", { variants }), {}, shapes, gpuAdapter));

  it("changes with a program and with a new variant, and with nothing else", async () => {
    const before = await digest({ fast: runs("fast"), faster: runs("faster") });
    expect(await digest({ fast: runs("fast"), faster: runs("faster") })).toBe(before);
    expect(await digest({ fast: runs("fast"), faster: runs("faster", "now even faster") })).not.toBe(before);
    expect(await digest({ fast: runs("fast"), faster: runs("faster"), fastest: runs("fastest") })).not.toBe(before);
    expect(before).toMatch(/^[0-9a-f]{16}$/);
  });
});
