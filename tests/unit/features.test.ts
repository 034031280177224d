/** Where features are cut off, what the two halves of a plan hold, and what is said of it. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  adam,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  makePlan,
  ReLU,
  Rescaling,
  resetNames,
  Sequential,
  sparseCategoricalCrossentropy,
  type Container,
  type Layer,
  type Plan,
} from "../../src/index";
import { loadPrograms } from "../../src/kernels/kernel";
import { operations } from "../support/operations";
import { chooseVariant, type Lower, type Operation, type Shape } from "../../src/kernels/operation";
import type { FeatureCut, FeatureFormat } from "../../src/nn/compile/cut-features";
import { featureCut } from "../../src/nn/compile/make-plan";
import { checksum } from "../../src/train/checksum";
import { gpuAdapter, miniMobileNet, softwareAdapter } from "../support/nets";

const loss = sparseCategoricalCrossentropy({ fromLogits: true });
const count = 10;
const batchSize = 4;

function request(model: Container, mode: "train" | "evaluate" = "train") {
  const sample = model.inputShape.reduce((a, b) => a * b, 1);
  return {
    model,
    batchSize,
    mode,
    loss,
    adapter: softwareAdapter,
    ...(mode === "train" && { optimizer: adam() }),
    feed: {
      x: { sample, count, format: "uint8" as const },
      labels: { sample: 1, count, format: "float32" as const },
    },
  };
}

const cutOf = (model: Container, mode: "train" | "evaluate" = "train") => featureCut({ ...request(model, mode) });

function found(model: Container): FeatureCut {
  const cut = cutOf(model);
  if ("reason" in cut) throw new Error(cut.reason);
  return cut;
}

const layersOfCut = (model: Container) => found(model).values.map((v) => v.layer);

function halves(model: Container, format: FeatureFormat = "float32", mode: "train" | "evaluate" = "train") {
  const whole = request(model, mode);
  const half = (part: "below" | "above"): Plan =>
    makePlan({ ...whole, feed: part === "below" ? undefined : whole.feed, features: { part, format, count } });
  return { below: half("below"), above: half("above"), whole: makePlan(whole) };
}

/** A frozen convolution, pooled, and a trainable head, with something in between. */
function classifier(between: readonly Layer[] = [], before: readonly Layer[] = []): Sequential {
  const conv = new Conv2D({ name: "conv", filters: 5, kernelSize: 3, trainable: false, seed: 1 });
  const pool = new GlobalAveragePooling2D({ name: "pool" });
  const head = new Dense({ name: "head", units: 3, seed: 2 });
  return new Sequential([...before, conv, ...between, pool, head], { inputShape: [8, 8, 3], name: "net" });
}

beforeEach(resetNames);

describe("the cut", () => {
  it("lies above the pooling, which has no weights, and below the trainable head", () => {
    const cut = cutOf(classifier());
    expect(cut).toMatchObject({ limit: "head is trainable" });
    expect(layersOfCut(classifier())).toEqual(["pool"]);
  });

  it("has a value for each connection that crosses it", () => {
    const model = miniMobileNet();
    model.freezeUpTo("expand_relu");
    expect(layersOfCut(model)).toEqual(["relu1", "expand_relu"]);
    const { above } = halves(model);
    expect(above.reads("features:0") && above.reads("features:1") && !above.reads("features:2")).toBe(true);
  });

  it("goes through a nested base, whose frozen normalization does not move", () => {
    const image = input([8, 8, 3]);
    const base = miniMobileNet().upTo("relu2");
    base.trainable = false;
    const pooled = new GlobalAveragePooling2D({ name: "pool" }).apply(base.apply(image));
    const y = new Dense({ name: "head", units: 2 }).apply(pooled);
    const model = new FunctionalModel({ inputs: image, outputs: y });
    expect(layersOfCut(model)).toEqual(["pool"]);
    const paths = found(model).parameters.map((p) => p.path);
    expect(paths).toContain("mini/bn1/moving_mean");
    expect(paths.some((p) => p.startsWith("head"))).toBe(false);
  });

  it("lies below a dropout between the frozen layers and the head", () => {
    const cut = cutOf(classifier([new Dropout({ name: "drop", rate: 0.5 })]));
    expect(cut).toMatchObject({ limit: "drop is random" });
    expect(layersOfCut(classifier([new Dropout({ name: "drop", rate: 0.5 })]))).toEqual(["conv"]);
    // Evaluation drops nothing.
    expect(cutOf(classifier([new Dropout({ rate: 0.5 })]), "evaluate")).toMatchObject({ limit: "head is trainable" });
  });

  it("lies below a trainable normalization, whose statistics are those of the batch", () => {
    const model = classifier([new BatchNormalization({ name: "norm", scale: false, center: false }), new ReLU()]);
    expect(cutOf(model)).toMatchObject({ limit: "norm is trainable" });
    expect(layersOfCut(model)).toEqual(["conv"]);
  });

  it("lies below a trainable normalization in evaluation too, where its weights are folded", () => {
    const model = miniMobileNet();
    model.freezeUpTo("conv1");
    expect(cutOf(model, "evaluate")).toMatchObject({ limit: "bn1 is trainable" });
  });

  it("leaves a frozen layer above a trainable one alone", () => {
    const model = miniMobileNet();
    model.trainable = false;
    model.getLayer("project").trainable = true;
    expect(layersOfCut(model)).toEqual(["relu1", "depthwise_relu"]);
    const { above } = halves(model);
    expect(above.steps.filter((s) => s.phase === "forward").map((s) => s.layer)).toContain("conv2");
    // What the normalization above is folded to depends on frozen weights alone, and is computed when they change.
    expect(above.steps.filter((s) => s.phase === "setup").map((s) => s.layer)).toContain("project_bn");
  });

  const none: [string, () => Container, string][] = [
    ["nothing is frozen", () => miniMobileNet(), "conv1 is trainable, and nothing frozen lies below it"],
    [
      "something random lies below every frozen layer",
      () => classifier([], [new Rescaling({ scale: 1 / 255 }), new Dropout({ name: "drop", rate: 0.1 })]),
      "drop is random, and nothing frozen lies below it",
    ],
    [
      "everything is frozen",
      () => {
        const model = miniMobileNet();
        model.trainable = false;
        return model;
      },
      "nothing is trained",
    ],
  ];
  for (const [when, model, reason] of none) {
    it(`is nowhere when ${when}`, () => expect(cutOf(model())).toEqual({ reason }));
  }
});

describe("the two halves", () => {
  it("hold every dispatch of the whole once", () => {
    const model = miniMobileNet();
    model.freezeUpTo("pool");
    const { below, above, whole } = halves(model);
    expect(below.fields.mode).toBe("features");
    expect(below.steps.filter((s) => s.op === "store").map((s) => s.layer)).toEqual(["pool"]);
    // The gathering of the features takes the place of the gathering of the samples.
    expect(below.dispatches - 1 + above.dispatches).toBe(whole.dispatches);
    expect(above.steps.filter((s) => s.phase === "forward").map((s) => s.layer)).toEqual(["head"]);
    expect(above.totals("backward")).toEqual(whole.totals("backward"));
    expect(above.reads("data:x")).toBe(false);
    expect(above.reads("data:labels")).toBe(true);
    expect(below.totals("backward").dispatches + below.totals("update").dispatches).toBe(0);
  });

  it("run the same variants on the same problems as the whole", () => {
    for (const cut of ["relu1", "expand_relu", "pool"]) {
      const model = miniMobileNet();
      model.freezeUpTo(cut);
      const { below, above, whole } = halves(model);
      const forward = (plan: Plan) =>
        plan.steps
          .filter((s) => s.phase === "forward" && s.op !== "store")
          .map((s) => JSON.stringify([s.layer, s.kernel, s.dispatch.problem]));
      expect([...forward(below), ...forward(above)].toSorted()).toEqual(forward(whole).toSorted());
    }
  });

  it("count the cache, half as large in float16, with odd samples rounded up", () => {
    const model = classifier(); // five channels
    const block = (bytes: number) => Math.ceil(bytes / 256) * 256;
    expect(halves(model).above.fields.memory.features).toBe(block(10 * 5 * 4));
    expect(halves(model, "float16").above.fields.memory.features).toBe(block(10 * 3 * 4));
    expect(halves(model).above.fields.memory.data).toBe(2 * block(10 * 4)); // labels and order
    expect(halves(model).whole.fields.memory.data).toBe(block(10 * 192) + 2 * block(10 * 4));
    expect(halves(model).above.peakBytes).toBeLessThan(halves(model).whole.peakBytes);
  });

  it("change what evaluation runs in the same way", () => {
    const { below, above, whole } = halves(classifier(), "float32", "evaluate");
    expect(below.dispatches - 1 + above.dispatches).toBe(whole.dispatches);
  });

  it("say which weights and statistics a step changes", () => {
    const model = miniMobileNet();
    const { above } = halves(classifier());
    expect(above.fields.changes.map((p) => p.path)).toEqual(["head/kernel", "head/bias"]);
    const plan = makePlan(request(model));
    expect(plan.fields.changes).toEqual(expect.arrayContaining(model.allParameters()));
  });
});

describe("what a plan says", () => {
  it("of a cache: how far, why no further, and what it saves", () => {
    const model = miniMobileNet();
    model.freezeUpTo("pool");
    const { above } = halves(model);
    const text = String(above);
    expect(text).toContain("cached: everything up to pool is frozen, and head is trainable;\n");
    expect(text).toContain("dispatches run once for the data set instead of each step;\n");
    expect(text).toContain("kept: pool [12], 12 numbers a sample as float32, 512 B for 10 samples");
    expect(text).toMatch(/^conv1 .* cached: runs once for the data set$/m);
    expect(text).toContain("cached features 512 B");
    expect(above.toJSON().features).toMatchObject({ cached: true });
  });

  it("of none: the reason", () => {
    const plan = makePlan({ ...request(miniMobileNet()), features: { part: "none", reason: "conv1 is trainable" } });
    expect(String(plan)).toContain("not cached: conv1 is trainable\n");
    expect(String(makePlan(request(miniMobileNet())))).not.toContain("cached");
  });

  it("when a half is asked for where nothing can be cut", () => {
    const half = { format: "float32", count } as const;
    const plan = makePlan({ ...request(miniMobileNet()), features: { ...half, part: "above" } });
    expect(String(plan)).toContain("not cached: conv1 is trainable, and nothing frozen lies below it");
    expect(plan.dispatches).toBe(makePlan(request(miniMobileNet())).dispatches);
    expect(() => makePlan({ ...request(miniMobileNet()), features: { ...half, part: "below" } })).toThrow(
      "mini: features cannot be cached: conv1 is trainable, and nothing frozen lies below it",
    );
  });
});

it("an operation whose program draws random numbers says so, or its results would be cached", async () => {
  const launches = (op: Operation) =>
    op.cases.flatMap(({ attrs, inputs }) => {
      const shapes = { ...inputs, ...op.shapes(attrs, inputs) } as Record<string, Shape>;
      return [softwareAdapter, gpuAdapter].flatMap((adapter) => {
        const lower = op.variants[chooseVariant(op, attrs, shapes, adapter)] as Lower<unknown> | undefined;
        return lower?.(attrs, shapes, adapter).dispatches ?? [];
      });
    });
  await loadPrograms(operations.flatMap(launches));
  const drawing = operations.filter((op) => launches(op).some((d) => d.kernel.program.text.includes("step.seed")));
  expect(drawing.map((op) => op.name)).toContain("dropout");
  expect(drawing.filter((op) => !op.random)).toEqual([]);
});

describe("the checksum of data", () => {
  const data = Float32Array.from({ length: 1001 }, (_, i) => Math.sin(i));

  it("is another one when a number changes, wherever, and when two change places", () => {
    const sums = new Set([checksum(data)]);
    for (const change of [
      (v: Float32Array) => (v[0] = -v[0] + 1),
      (v: Float32Array) => (v[1000] += 1e-7),
      (v: Float32Array) => ([v[3], v[4]] = [v[4], v[3]]),
      // Only the highest bits of two words.
      (v: Float32Array) => ([v[5], v[6]] = [-v[5], -v[6]]),
    ]) {
      const copy = data.slice();
      change(copy);
      sums.add(checksum(copy));
    }
    expect(sums.size).toBe(5);
  });

  it("does not depend on where bytes lie, but on how many there are", () => {
    const bytes = Uint8Array.from({ length: 39 }, (_, i) => i * 7);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(checksum(shifted.subarray(3))).toBe(checksum(bytes));
    expect(checksum(Uint8Array.of(...bytes, 0))).not.toBe(checksum(bytes));
  });
});
