/** The studio's freeze line, and the step that is played slowly: what they make of blocks and plans. */
import { describe, expect, it } from "vitest";
import { below, isLine, lineAt, stateOf, toggled } from "../../../demo/studio/network/freeze-line";
import { beatsOf } from "../../../demo/studio/network/slow-step";
import { Speed } from "../../../demo/worker/speed";
import type { BlockInfo, StepPlan } from "../../../demo/worker/protocol";

const blocks: BlockInfo[] = ["a", "b", "c"].map((name) => ({
  name,
  layers: ["conv", "norm"].map((part) => ({ name: `${name}_${part}`, className: "Conv2D", parameters: 9 })),
}));

describe("the freeze line", () => {
  it("lies above the blocks that are frozen from the input up", () => {
    expect(lineAt(blocks, new Set())).toBe(0);
    expect([...below(blocks, 2)]).toEqual(["a_conv", "a_norm", "b_conv", "b_norm"]);
    expect(lineAt(blocks, below(blocks, 2))).toBe(2);
    expect(isLine(blocks, below(blocks, 2))).toBe(true);
    expect(lineAt(blocks, below(blocks, 3))).toBe(3);
  });

  it("says nothing of what is frozen above it", () => {
    const one = toggled(below(blocks, 1), ["c_norm"]);
    expect([lineAt(blocks, one), isLine(blocks, one)]).toEqual([1, false]);
    expect(blocks.map((block) => stateOf(block, one))).toEqual(["frozen", "trainable", "mixed"]);
    // A block that is frozen in part is frozen whole, and only then thawed.
    const whole = toggled(one, ["c_conv", "c_norm"]);
    expect(stateOf(blocks[2], whole)).toBe("frozen");
    expect(stateOf(blocks[2], toggled(whole, ["c_conv", "c_norm"]))).toBe("trainable");
  });
});

/** A plan in which backward reaches down to block number `lowest`. */
const planDownTo = (lowest: number) =>
  ({
    layers: [
      ...blocks.flatMap((b, i) => b.layers.map(({ name }) => ({ name: `base/${name}`, i }))),
      { name: "head", i: 3 },
    ].map(({ name, i }) => ({ name, dx: i > lowest, dw: i >= lowest, savedActivationBytes: i >= lowest ? 10 : 0 })),
  }) as unknown as StepPlan;

describe("a step played slowly", () => {
  it("goes up through all blocks, and down to the lowest that learns", () => {
    const beats = beatsOf(blocks, planDownTo(2));
    expect(beats.map(({ pass, at }) => `${pass} ${at}`)).toEqual([
      ...[0, 1, 2, 3].map((at) => `forward ${at}`),
      "backward 3",
      "backward 2",
      "stop 1",
    ]);
    expect(beats.map(({ saved }) => saved)).toEqual([0, 0, 20, 30, 20, 0, 0]);
    expect(beats.slice(4, 6).map(({ dx, dw }) => [dx, dw])).toEqual([
      [true, true],
      [false, true],
    ]);
  });

  it("has no stop where everything learns", () => {
    const beats = beatsOf(blocks, planDownTo(0));
    expect(beats.at(-1)).toMatchObject({ pass: "backward", at: 0 });
    expect(Math.max(...beats.map(({ saved }) => saved))).toBe(70);
  });
});

describe("the time of a step", () => {
  it("is a time a FLOP and a time a dispatch, once steps of both kinds ran", () => {
    const speed = new Speed();
    expect(speed.predict(1e9, 100)).toBeUndefined();
    const seconds = (flops: number, dispatches: number) => 2e-11 * flops + 5e-5 * dispatches;
    speed.add({ flops: 1e9, dispatches: 300, seconds: seconds(1e9, 300) });
    expect(speed.predict(1e9, 300)).toBeCloseTo(seconds(1e9, 300), 9);
    speed.add({ flops: 4e8, dispatches: 40, seconds: seconds(4e8, 40) });
    expect(speed.predict(7e8, 120)).toBeCloseTo(seconds(7e8, 120), 9);
  });

  it("does not follow from steps that were far smaller", () => {
    const speed = new Speed();
    speed.add({ flops: 6e4, dispatches: 6, seconds: 1e-3 });
    expect(speed.predict(4e8, 40)).toBeUndefined();
    expect(speed.predict(6e4, 6)).toBeCloseTo(1e-3, 9);
  });
});
