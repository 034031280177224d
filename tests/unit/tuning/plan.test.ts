/** Tuned answers in a plan: which kernels they change, and that the plan says so. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  adam,
  makePlan,
  resetNames,
  sparseCategoricalCrossentropy,
  type Plan,
  type PlanJson,
} from "../../../src/index";
import { gpuAdapter, miniMobileNet } from "../../support/nets";

const planWith = (tuned?: Readonly<Record<string, string>>): Plan =>
  makePlan({
    model: miniMobileNet(),
    batchSize: 4,
    mode: "train",
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: adam(),
    adapter: { ...gpuAdapter, ...(tuned && { tuned }) },
  });

const problemOf = (plan: Plan, op: string, layer: string) =>
  plan.fields.problems.find((p) => p.op === op && p.layers.includes(layer))!;

beforeEach(resetNames);

describe("a plan with tuned answers", () => {
  it("runs them, and nothing else changes", () => {
    const usual = planWith();
    const { key } = problemOf(usual, "conv2d", "expand");
    resetNames();
    const tuned = planWith({ [key]: "vec4", "conv2d {} x[1,1,1,1] w[1,1,1,1]": "plain" });
    const changed = tuned.steps.filter((s) => s.instead !== undefined);
    expect(changed.map((s) => [s.layer, s.op, s.variant, s.instead])).toEqual([
      ["expand", "conv2d", "vec4", "tilesVec4"],
    ]);
    const others = (plan: Plan) =>
      plan.steps.map((s) => [
        s.layer,
        s.op,
        changed.some((c) => c.layer === s.layer && c.op === s.op) ? "" : s.variant,
      ]);
    expect(others(tuned)).toEqual(others(usual));
    expect(tuned.fields.problems.map((p) => p.key)).toEqual(usual.fields.problems.map((p) => p.key));
  });

  it("says so in its table and as JSON", () => {
    const { key } = problemOf(planWith(), "conv2d", "expand");
    resetNames();
    const tuned = planWith({ [key]: "vec4" });
    expect(String(tuned)).toContain("tuned      conv2d by vec4 instead of tilesVec4: expand");
    expect(String(planWith())).not.toContain("tuned");
    const json = JSON.parse(JSON.stringify(tuned)) as PlanJson;
    expect(json.steps.filter((s) => "instead" in s)).toMatchObject([{ variant: "vec4", instead: "tilesVec4" }]);
  });

  it("is the same for the same table", () => {
    const { key } = problemOf(planWith(), "conv2d", "expand");
    const [a, b] = [1, 2].map(() => {
      resetNames();
      return JSON.stringify(planWith({ [key]: "vec4" }));
    });
    expect(a).toBe(b);
  });

  it("lists its problems by weight, equal ones once", () => {
    const { problems } = planWith().fields;
    expect(new Set(problems.map((p) => p.key)).size).toBe(problems.length);
    expect(problems.map((p) => p.weight)).toEqual(problems.map((p) => p.weight).toSorted((a, b) => b - a));
    expect(problems.map((p) => p.op)).toEqual(
      expect.arrayContaining(["conv2d", "conv2dFilterGradient", "depthwiseConv2d"]),
    );
  });
});
