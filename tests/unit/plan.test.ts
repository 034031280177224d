/** What a plan holds, what freezing removes from it, and why. */
import { loadPrograms, readInterface } from "../../src/kernels/kernel";
import { beforeEach, describe, expect, it } from "vitest";
import {
  adam,
  makePlan,
  resetNames,
  sgd,
  sparseCategoricalCrossentropy,
  type FunctionalModel,
  type Plan,
} from "../../src/index";
import { miniMobileNet, softwareAdapter } from "../support/nets";

function planOf(model: FunctionalModel, mode: "train" | "evaluate" | "predict" = "train", batchSize = 4): Plan {
  const loss = sparseCategoricalCrossentropy({ fromLogits: true });
  return makePlan({
    model,
    batchSize,
    mode,
    loss,
    adapter: softwareAdapter,
    ...(mode === "train" && { optimizer: adam() }),
  });
}

const gradients = (plan: Plan) => [...plan.fields.gradients.keys()].map((p) => p.path);
const layer = (plan: Plan, name: string) => plan.fields.layers.find((l) => l.name === name)!;
const backwardBut = (plan: Plan, layers: readonly string[]) =>
  plan.steps
    .filter((s) => s.phase === "backward" && !layers.includes(s.layer))
    .map((s) => `${s.layer} ${s.op} ${s.gradient}`);
const backwardLayers = (plan: Plan) => [
  ...new Set(plan.steps.filter((s) => s.phase === "backward").map((s) => s.layer)),
];

beforeEach(resetNames);

describe("plan of a training step", () => {
  it("has a gradient for every weight when all is trainable", () => {
    const model = miniMobileNet();
    const plan = planOf(model);
    expect(gradients(plan).toSorted()).toEqual(
      model
        .allParameters()
        .filter((p) => p.kind === "weight")
        .map((p) => p.path)
        .toSorted(),
    );
    expect(layer(plan, "conv1")).toMatchObject({
      dw: true,
      dx: false,
      reason: "dx skipped: nothing trainable below conv1",
    });
    expect(layer(plan, "expand")).toMatchObject({ dw: true, dx: true, reason: "" });
  });

  it("has nothing but the head's gradients when the base is frozen", () => {
    const model = miniMobileNet();
    model.freezeUpTo("pool");
    const plan = planOf(model);
    expect(gradients(plan)).toEqual(["head/kernel", "head/bias"]);
    expect(backwardLayers(plan).toSorted()).toEqual(["head", "loss"]);
    expect(plan.steps.filter((s) => s.gradient === "dx").map((s) => s.layer)).toEqual(["loss"]);
    expect(layer(plan, "conv2").reason).toContain("dw skipped: conv2 is frozen");
    expect(layer(plan, "conv2").reason).toContain("dx skipped: nothing trainable below conv2");
    // Only the input of the head and the logits are read again.
    expect(plan.fields.savedActivationBytes).toBe(4 * (4 * 12 + 4 * 3 + 4));
  });

  it("folds frozen batch normalization, activation and residual sum into the convolutions", () => {
    const model = miniMobileNet();
    model.freezeUpTo("pool");
    const forward = planOf(model).steps.filter((s) => s.phase === "forward" && s.layer !== "loss");
    expect(forward.map((s) => s.layer)).toEqual(["conv1", "expand", "depthwise", "project", "conv2", "pool", "head"]);
    expect(forward.find((s) => s.layer === "project")!.merged).toEqual(["batch normalization", "add"]);
    expect(forward.find((s) => s.layer === "conv1")!.merged).toEqual(["batch normalization", "relu"]);
    // Three normalizations and their vectors, and the bias that one of them scales.
    expect(planOf(model).totals("setup").dispatches).toBe(5);
  });

  it("keeps dx and drops dw of a frozen layer above a trainable one", () => {
    const model = miniMobileNet();
    model.trainable = false;
    model.getLayer("conv1").trainable = true;
    const plan = planOf(model);
    expect(gradients(plan)).toEqual(["conv1/kernel"]);
    expect(layer(plan, "project")).toMatchObject({ dx: true, dw: false, reason: "dw skipped: project is frozen" });
    expect(layer(plan, "head")).toMatchObject({ dx: true, dw: false });
  });

  it("removes exactly the dispatches of the frozen layers, and no dispatch elsewhere changes", () => {
    const model = miniMobileNet();
    const full = planOf(model);
    model.freezeUpTo("relu1");
    const half = planOf(model);
    const frozen = ["conv1", "bn1", "relu1"];
    // dx of the first trainable convolution has no reader any more either, nor has the sum over its two readers.
    const gone = ["expand conv2dInputGradient dx", "relu1 add sum"];
    expect(backwardBut(half, frozen)).toEqual(backwardBut(full, frozen).filter((k) => !gone.includes(k)));
    expect(backwardLayers(half).filter((l) => frozen.includes(l))).toEqual([]);
    expect(half.fields.savedActivationBytes).toBeLessThan(full.fields.savedActivationBytes);
  });

  it("never reads and writes one buffer in one dispatch, which WebGPU refuses", async () => {
    const model = miniMobileNet();
    for (const cut of [undefined, "relu1", "expand_bn", "pool"]) {
      if (cut) model.freezeUpTo(cut);
      const { steps } = planOf(model);
      await loadPrograms(steps.map((s) => s.dispatch));
      for (const step of steps) {
        const writes = new Set<string>();
        const reads = new Set<string>();
        const { bindings } = readInterface(step.dispatch.kernel.program.text);
        for (const { name, place } of step.bindings) {
          const buffer =
            place.kind === "slot"
              ? `slot ${place.slot}`
              : place.kind === "constant"
                ? `constants ${place.level}`
                : place.kind === "arena"
                  ? place.arena
                  : place.name;
          const writable = bindings.find((b) => b.name === name)!.access === "read_write";
          (writable ? writes : reads).add(buffer);
        }
        expect(
          [...writes].filter((buffer) => reads.has(buffer)),
          `${step.kernel} for ${step.layer} (${step.phase})`,
        ).toEqual([]);
      }
    }
  });

  it("has no backward pass when everything is frozen, and says why", () => {
    const model = miniMobileNet();
    model.trainable = false;
    const plan = planOf(model);
    expect(plan.totals("backward").dispatches).toBe(0);
    expect(plan.fields.savedActivationBytes).toBe(0);
    expect(layer(plan, "head").reason).toBe("dw skipped: head is frozen; dx skipped: nothing trainable below head");
  });

  it("saves less and needs less memory the more is frozen", () => {
    const cuts = [null, "relu1", "add", "relu2", "pool"];
    const plans = cuts.map((cut) => {
      const model = miniMobileNet();
      model.freezeUpTo(cut);
      return planOf(model);
    });
    const saved = plans.map((p) => p.fields.savedActivationBytes);
    const flops = plans.map((p) => p.totals("backward").flops);
    expect(saved).toEqual(saved.toSorted((a, b) => b - a));
    expect(flops).toEqual(flops.toSorted((a, b) => b - a));
  });

  it("never binds one buffer for reading and for writing in a dispatch", () => {
    for (const cut of [null, "add", "pool"]) {
      const model = miniMobileNet();
      model.freezeUpTo(cut);
      for (const step of planOf(model).steps) {
        const slots = step.bindings
          .map((b) => b.place)
          .filter((p) => p.kind === "slot")
          .map((p) => p.slot);
        const written = step.bindings.filter(
          (b) => b.place.kind === "slot" && /^(y|d|partial|sum|mean|inv|out)/.test(b.name) && !b.name.startsWith("dy"),
        );
        for (const w of written)
          expect(
            slots.filter((s) => s === (w.place as { slot: number }).slot).length,
            `${step.kernel} of ${step.layer}`,
          ).toBe(1);
      }
    }
  });

  it("is a pure function of model, flags, batch, loss and optimizer", () => {
    const model = miniMobileNet();
    expect(JSON.stringify(planOf(model))).toBe(JSON.stringify(planOf(model)));
    const bigger = planOf(model, "train", 8);
    expect(bigger.totals("forward").dispatches).toBe(planOf(model).totals("forward").dispatches);
  });

  it("has no gradients, optimizer or batch statistics in evaluation and prediction", () => {
    const model = miniMobileNet();
    for (const mode of ["evaluate", "predict"] as const) {
      const plan = planOf(model, mode);
      expect(plan.totals("backward").dispatches).toBe(0);
      expect(plan.steps.some((s) => s.op === "batchNormTraining")).toBe(false);
      expect(plan.fields.memory.optimizer).toBe(0);
      expect(plan.fields.savedActivationBytes).toBe(0);
    }
  });

  it("is printed as a table with reasons", () => {
    const model = miniMobileNet();
    model.freezeUpTo("add");
    const text = String(planOf(model));
    expect(text).toContain("dw skipped: conv1 is frozen");
    expect(text).toContain("1 submit");
    expect(text).toContain("saved activations");
  });

  it("has the optimizer as one dispatch, whatever it is", () => {
    const model = miniMobileNet();
    const loss = sparseCategoricalCrossentropy({ fromLogits: true });
    for (const optimizer of [sgd(), sgd(0.1, { momentum: 0.9 }), adam()]) {
      const plan = makePlan({ model, batchSize: 2, mode: "train", loss, optimizer, adapter: softwareAdapter });
      expect(plan.steps.filter((s) => s.op === optimizer.op)).toHaveLength(1);
    }
  });
});

describe("wrong requests", () => {
  it("a batch size that is none", () => {
    expect(() => planOf(miniMobileNet(), "train", 0)).toThrow("mini: batch size 0; expected a whole number above 0.");
  });

  it("a layer to freeze that does not exist", () => {
    expect(() => miniMobileNet().freezeUpTo("conv9")).toThrow(/mini: has no layer conv9; expected one of image, conv1/);
  });
});
