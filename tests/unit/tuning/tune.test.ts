/** What is timed and what the times decide, with a made-up clock and made-up times. */
import { describe, expect, it } from "vitest";
import type { Answer } from "../../../src/gpu/tuning-store";
import { findOperation } from "../../../src/kernels/registry";
import { candidatesFor, digestOf } from "../../../src/kernels/tuning";
import { tuningKey } from "../../../src/kernels/tuning-key";
import type { PlanProblem } from "../../../src/nn/compile/problems";
import { decide, margin, tune, type CandidateTimer, type TuneRequest } from "../../../src/nn/tune";
import { TuningReport } from "../../../src/nn/tuning-report";
import { gpuAdapter } from "../../support/nets";

/** A matrix product of n rows; on the GPU adapter it has the usual tilesVec4 and several other candidates. */
function problem(n: number, weight = n): PlanProblem {
  const shapes = { x: [n, 64], w: [64, 64], y: [n, 64] };
  return {
    key: tuningKey(findOperation("matmul"), {}, shapes),
    op: "matmul",
    attrs: {},
    shapes,
    layers: ["a"],
    weight,
  };
}
const candidates = ({ op, attrs, shapes }: PlanProblem) => candidatesFor(findOperation(op), attrs, shapes, gpuAdapter);
const upToDate = async (p: PlanProblem, variant: string): Promise<Answer> => ({
  variant,
  programs: await digestOf(candidates(p)),
});

/** Microseconds of a run by variant (default 1000), those of one round after another, or the word that it fails. */
type Times = Readonly<Record<string, number | readonly number[] | "fails">>;

class FakeTimer implements CandidateTimer {
  readonly prepared: string[] = [];
  readonly runs: string[] = [];
  disposed = 0;
  milliseconds = 0;
  constructor(readonly times: Times) {}

  prepare: CandidateTimer["prepare"] = async ({ key }, candidates) => {
    this.prepared.push(key);
    const cost = candidates.map(({ variant }) => this.times[variant] ?? 1000);
    return await Promise.resolve({
      valid: cost.map((c) => c !== "fails"),
      round: async (runs) => {
        const spans = runs.map(({ candidate, repeats }) => {
          const { variant } = candidates[candidate];
          const rounds = [cost[candidate] as number | readonly number[]].flat();
          const before = this.runs.filter((v) => v === variant).length;
          this.runs.push(variant);
          return repeats * (rounds[before] ?? rounds.at(-1)!);
        });
        this.milliseconds += spans.reduce((a, b) => a + b, 0) / 1000;
        return await Promise.resolve(spans);
      },
      dispose: () => void this.disposed++,
    });
  };
}

async function run(times: Times, more: Partial<TuneRequest> = {}) {
  const timer = new FakeTimer(times);
  const now = () => timer.milliseconds;
  const problems = [problem(4096)];
  const request = { problems, adapter: gpuAdapter, known: () => undefined, timer, budget: Infinity, now, ...more };
  return { timer, result: await tune(request) };
}

describe("decide", () => {
  const from = (...times: (number | undefined)[]) =>
    decide(times.map((t, i) => ({ variant: `v${i}`, ...(t !== undefined && { microseconds: t }) })));

  it("wants more than the margin", () => {
    expect(from(100, 100 * (1 - margin) + 0.01)).toBe("v0");
    expect(from(100, 100 * (1 - margin) - 0.01)).toBe("v1");
    expect(from(100, 50, 40, 45)).toBe("v2");
    expect(from(100, 200)).toBe("v0");
  });

  it("does without what failed", () => {
    expect(from(undefined, 70, 60)).toBe("v2");
    expect(from(100, undefined)).toBe("v0");
    expect(from(undefined, undefined)).toBeUndefined();
  });
});

describe("tune", () => {
  it("takes the fastest, and keeps the usual variant where nothing beats it by the margin", async () => {
    const faster = await run({ "tilesVec4@128x64": 600, "tilesVec4@128x32": 800 });
    expect(faster.result.timed.map((t) => t.answer.variant)).toEqual(["tilesVec4@128x64"]);
    expect(faster.result.timed[0].answer.programs).toBe((await upToDate(problem(4096), "")).programs);
    const same = await run({ "tilesVec4@128x64": 970 });
    expect(same.result.timed.map((t) => t.answer.variant)).toEqual(["tilesVec4"]);
    expect(faster.timer.disposed).toBe(1);
  });

  it("times in turn, drops what is far behind after a look, and looks longer where rounds disagree", async () => {
    const often = (timer: FakeTimer, variant: string) => timer.runs.filter((v) => v === variant).length;
    const clear = (await run({ "tilesVec4@128x64": 600, vec4: 5000 })).timer;
    expect(often(clear, "vec4")).toBe(2);
    expect(often(clear, "tilesVec4")).toBe(2 + 3);
    const close = (await run({ "tilesVec4@128x64": [800, 800, 800, 980, 800], vec4: 5000 })).timer;
    expect(often(close, "tilesVec4@128x64")).toBe(2 + 7);
    const round = close.runs.slice(-2 * new Set(close.runs.filter((v) => v !== "vec4")).size);
    expect(round.slice(0, round.length / 2)).toEqual(round.slice(round.length / 2));
  });

  it("is not misled by what else the machine does in some rounds", async () => {
    const disturbed = [1000, 1000, 3000, 3000, 1000];
    const { result } = await run({ tilesVec4: disturbed, "tilesVec4@128x64": 990 });
    expect(result.timed[0].answer.variant).toBe("tilesVec4");
  });

  it("repeats what is too short for the clock", async () => {
    const { timer } = await run({ tilesVec4: 10, "tilesVec4@128x64": 7, "tilesVec4@128x32": 9 });
    // 2,000 microseconds of each candidate that is near, three rounds at least
    expect(timer.milliseconds).toBeGreaterThan(3 * 2 * 3);
    expect(timer.milliseconds).toBeLessThan(40);
  });

  it("takes problems in their order and stops at the budget; the rest keeps its turn for later", async () => {
    const problems = [problem(4096), problem(2048), problem(1024), problem(512)];
    const one = (await run({}, { problems: problems.slice(0, 1) })).timer.milliseconds;
    const { timer, result } = await run({}, { problems, budget: 2.5 * one });
    expect(timer.prepared).toEqual(problems.slice(0, 3).map((p) => p.key));
    expect(result.timed.map((t) => t.problem)).toEqual(problems.slice(0, 2));
    expect(result.left).toEqual(problems.slice(2)); // the third was cut off in the middle
    expect(timer.disposed).toBe(3);
  });

  it("times nothing without a budget, and nothing that weighs next to nothing", async () => {
    expect((await run({}, { budget: 0 })).timer.prepared).toEqual([]);
    const problems = [problem(4096), problem(64, 1)];
    expect((await run({}, { problems })).timer.prepared).toEqual([problems[0].key]);
  });

  it("counts candidates that fail, and goes on without them", async () => {
    const { result } = await run({ "tilesVec4@128x64": "fails", "tilesVec4@128x32": "fails", vec4: 500 });
    expect([result.failed, result.timed[0].answer.variant]).toEqual([2, "vec4"]);
    const usualFails = await run({ tilesVec4: "fails", vec4: 900 });
    expect(usualFails.result.timed[0].answer.variant).toBe("vec4");
  });

  it("leaves a problem of which no candidate runs", async () => {
    const all = Object.fromEntries(candidates(problem(4096)).map((c) => [c.variant, "fails" as const]));
    const { result } = await run(all);
    expect([result.timed, result.left]).toEqual([[], [problem(4096)]]);
  });

  it("believes answers whose programs are the same, and times the others again", async () => {
    const [a, b] = [problem(4096), problem(2048)];
    const answers: Record<string, Answer> = {
      [a.key]: await upToDate(a, "vec4"),
      [b.key]: { variant: "vec4", programs: "of another version" },
    };
    const { timer, result } = await run({}, { problems: [a, b], known: (key) => answers[key] });
    expect(timer.prepared).toEqual([b.key]);
    expect(result.known.map((k) => [k.problem.key, k.answer.variant])).toEqual([[a.key, "vec4"]]);
    expect(result.changed).toEqual([b.key]);
  });

  it("voids old answers even without time to find new ones", async () => {
    const known = () => ({ variant: "vec4", programs: "of another version" });
    const { result } = await run({}, { known, budget: 0 });
    expect([result.changed, result.left]).toEqual([[problem(4096).key], [problem(4096)]]);
  });

  it("looks once only at what is settled", async () => {
    const settled = new Set<string>();
    await run({ vec4: 100 }, { settled });
    expect(settled).toEqual(new Set([problem(4096).key]));
    expect((await run({ vec4: 100 }, { settled })).timer.prepared).toEqual([]);
  });
});

describe("the report", () => {
  it("adds up what a step gains, and shows every time", async () => {
    const twice = { ...problem(4096), layers: ["a", "b"] };
    const { result } = await run(
      { vec4: 500, "tilesVec4@128x32": "fails" },
      { problems: [twice, problem(2048), problem(64, 1)] },
    );
    const report = new TuningReport(result);
    expect(report.microseconds).toEqual({ before: 3000, after: 1500 });
    expect(report.changes).toHaveLength(2);
    expect(String(report)).toMatch(/^2 x +matmul +a +vec4 +tilesVec4 1\.0 ms, vec4 500 us, .*tilesVec4@128x32 failed/);
    expect(String(report)).toContain("these kernels: 3.0 ms a step by the usual variants, 1.5 ms as chosen");
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({
      before: 3000,
      failed: 2,
      timed: [{ variant: "vec4" }, {}],
    });
  });
});
