/** Schedules equal Keras's classes and PyTorch's OneCycleLR over the first 51 steps, and refuse what makes no sense. */
import { describe, expect, it } from "vitest";
import { ThawError } from "../../../src/errors";
import {
  constantRate,
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  inverseTimeDecay,
  oneCycle,
  piecewiseConstant,
  polynomialDecay,
  stepDecay,
  warmUp,
  type Schedule,
} from "../../../src/transfer/index";
import { readGolden } from "../../support/fixtures";

type Config = Record<string, number> & { boundaries: number[]; values: number[]; staircase: boolean; cycle: boolean };

interface Goldens {
  readonly schedules: readonly { name: string; class_name: string; config: Config; rates: number[] }[];
  readonly oneCycle: readonly { options: Record<string, number>; rates: number[] }[];
}

const { json } = await readGolden<Goldens>("optimizers");

const made: Record<string, (c: Config) => Schedule> = {
  ExponentialDecay: (c) => exponentialDecay(c.initial_learning_rate, c.decay_steps, c.decay_rate, c),
  InverseTimeDecay: (c) => inverseTimeDecay(c.initial_learning_rate, c.decay_steps, c.decay_rate, c),
  PolynomialDecay: (c) =>
    polynomialDecay(c.initial_learning_rate, c.decay_steps, { ...c, endRate: c.end_learning_rate }),
  PiecewiseConstantDecay: (c) => piecewiseConstant(c.boundaries, c.values),
  CosineDecay: (c) => {
    if (!c.warmup_steps) return cosineDecay(c.initial_learning_rate, c.decay_steps, { alpha: c.alpha });
    return warmUp(c.warmup_steps, cosineDecay(c.warmup_target, c.decay_steps, { alpha: c.alpha }), {
      startRate: c.initial_learning_rate,
    });
  },
  CosineDecayRestarts: (c) =>
    cosineDecayRestarts(c.initial_learning_rate, c.first_decay_steps, { tMul: c.t_mul, mMul: c.m_mul, alpha: c.alpha }),
};

function expectRates(schedule: Schedule, rates: readonly number[]): void {
  expect(rates).toHaveLength(51);
  // Keras computes schedules in float32.
  const allowed = 1e-6 * Math.max(...rates);
  rates.forEach((rate, step) => expect(Math.abs(schedule(step) - rate), `step ${step}`).toBeLessThanOrEqual(allowed));
}

describe("schedules against Keras", () => {
  for (const { name, class_name: kind, config, rates } of json.schedules)
    it(name, () => expectRates(made[kind](config), rates));
});

describe("one cycle against PyTorch", () => {
  for (const { options: o, rates } of json.oneCycle)
    it(JSON.stringify(o), () => {
      const own = {
        pctStart: o.pct_start ?? 0.3,
        divFactor: o.div_factor ?? 25,
        finalDivFactor: o.final_div_factor ?? 1e4,
      };
      expectRates(oneCycle(o.max_lr, o.total_steps, own), rates);
    });
});

describe("schedules of one formula", () => {
  it("step down, stay, rise", () => {
    expect([0, 4, 5, 10].map(stepDecay(1, 5, 0.5))).toEqual([1, 1, 0.5, 0.25]);
    expect([0, 7].map(constantRate(0.3))).toEqual([0.3, 0.3]);
    expect([0, 1, 2, 4, 5].map(warmUp(4, stepDecay(1, 1, 0.5)))).toEqual([0, 0.25, 0.5, 1, 0.5]);
  });

  const wrong: readonly [string, () => unknown][] = [
    ["zero steps", () => cosineDecay(0.1, 0)],
    ["negative steps", () => exponentialDecay(0.1, -3, 0.5)],
    ["steps that are no number", () => polynomialDecay(0.1, NaN)],
    ["zero steps of warm-up", () => warmUp(0, 0.1)],
    ["one step of a cycle", () => oneCycle(0.1, 1)],
    ["a share above 1", () => oneCycle(0.1, 10, { pctStart: 1.5 })],
    ["spans that shrink", () => cosineDecayRestarts(0.1, 5, { tMul: 0.5 })],
    ["a negative rate", () => inverseTimeDecay(-1, 5, 0.5)],
    ["zero steps a step", () => stepDecay(0.1, 0)],
    ["boundaries out of order", () => piecewiseConstant([5, 3], [1, 2, 3])],
    ["too few values", () => piecewiseConstant([5], [1])],
  ];
  it.each(wrong)("refuse %s", (_, make) => expect(make).toThrow(ThawError));
});
