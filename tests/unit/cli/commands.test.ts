/** The command line's plan, summary, inspect and errors; nothing here touches a GPU. */
import { describe, expect, it } from "vitest";
import { runCli } from "../../../src/cli/program";
import type { PlanJson } from "../../../src/index";

const file = "assets/thaw_cifar8.keras";

async function run(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const status = await runCli(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    interactive: false,
    width: 100,
  });
  return { status, out, err };
}

async function plan(freeze: string): Promise<PlanJson> {
  const { status, out, err } = await run("plan", file, "--batch", "8", "--freeze", freeze, "--json");
  expect([status, err]).toEqual([0, ""]);
  return JSON.parse(out) as PlanJson;
}

describe("thaw plan", () => {
  it("counts phases, bytes and layers as JSON, less of each the more is frozen", async () => {
    const [none, half, base, all] = [
      await plan("none"),
      await plan("block_5_add"),
      await plan("base"),
      await plan("all"),
    ];
    for (const p of [none, half, base, all]) expect([p.submits, p.batchSize]).toEqual([1, 8]);
    expect(none.backward.dispatches).toBeGreaterThan(half.backward.dispatches);
    expect(half.backward.dispatches).toBeGreaterThan(base.backward.dispatches);
    expect(all.backward).toEqual({ dispatches: 0, flops: 0, bytes: 0 });
    expect(none.savedActivationBytes).toBeGreaterThan(2 * half.savedActivationBytes);
    expect(all.savedActivationBytes).toBe(0);
    expect(none.peakBytes).toBeGreaterThan(half.peakBytes);
    expect(half.peakBytes).toBeGreaterThan(all.peakBytes);
    // A trained step does the forward pass and about twice that backward.
    const ratio = none.backward.flops / none.forward.flops;
    expect(ratio).toBeGreaterThan(1.7);
    expect(ratio).toBeLessThan(2.2);
    const frozen = half.layers.filter((l) => !l.trainable);
    expect(frozen.every((l) => !l.dw)).toBe(true);
    const conv = half.layers.find((l) => l.name === "Conv1")!;
    expect(conv).toMatchObject({ trainable: false, dx: false, dw: false });
    expect(conv.reason).toBe("dw skipped: Conv1 is frozen; dx skipped: nothing trainable below Conv1");
  });

  it("prints a table with reasons and what freezing saves", async () => {
    const { status, out } = await run("plan", file, "--freeze", "Conv1_relu");
    expect(status).toBe(0);
    expect(out).toContain("dw skipped: Conv1 is frozen");
    expect(out).toMatch(/backward dispatches +\d+ -> +\d+/);
  });

  it("puts a new head on with --classes", async () => {
    const { out } = await run("plan", file, "--classes", "3", "--json");
    expect((JSON.parse(out) as PlanJson).layers.at(-1)).toMatchObject({ name: "predictions", dw: true });
  });

  it("caches features of a data set with --samples, and says what or why not", async () => {
    const cached = (await run("plan", file, "--freeze", "base", "--samples", "200")).out;
    expect(cached).toMatch(
      /\ncached: everything up to \S+ is frozen, and predictions is trainable;\n +\d+ of \d+ dispatches/,
    );
    expect(cached).toContain("for 200 samples\n");
    expect(cached).toMatch(/^Conv1 .* cached: runs once for the data set$/m);
    expect((await run("plan", file, "--samples", "200")).out).toContain(
      "\nnot cached: Conv1 is trainable, and nothing",
    );
  });

  it("tells wrong use from what went wrong", async () => {
    expect(await run("plan", "nowhere.keras")).toMatchObject({ status: 1, out: "" });
    expect((await run("plan", "nowhere.keras")).err).toMatch(/nowhere.keras: there is no such file; expected/);
    expect((await run("plan", file, "--freeze", "conv99")).err).toMatch(/has no layer conv99; expected one of .*Conv1/);
    expect((await run("plan", file, "--batch", "0")).status).toBe(2);
    expect((await run("frobnicate")).status).toBe(2);
  });
});

describe("thaw summary", () => {
  it("prints what Keras prints", async () => {
    const { status, out } = await run("summary", file);
    expect(status).toBe(0);
    expect(out).toContain("Total params: 237,816");
    expect(out).toContain("Non-trainable params: 8,304");
  });
});

describe("thaw inspect", () => {
  it("says what is in a file, what it wants of pixels, and where it can be frozen", async () => {
    const { status, out } = await run("inspect", file);
    expect(status).toBe(0);
    expect(out).toMatch(/^assets\/thaw_cifar8\.keras: Keras 3\.\S+, \.keras, 1\.2 MB\n/);
    expect(out).toMatch(/^ {2}pixels +0 to 255 as they are$/m);
    expect(out).toMatch(/^ {2}weights +229,512 /m);
    expect(out).toMatch(/^ {2}block_5_add +\[8, 8, 32\] +21\.8 % +\d+\.\d %$/m);
    expect(out).not.toContain("block_5_project"); // within a block
    expect((await run("inspect", file, "--all")).out.split("\n").length).toBeGreaterThan(out.split("\n").length + 10);
  });

  it("gives the same as JSON", async () => {
    const { network } = JSON.parse((await run("inspect", file, "--json")).out) as {
      network: {
        weights: number;
        preprocessing: { mode: string };
        freezePoints: { layer: string; shareOfFlops: number }[];
      };
    };
    expect([network.weights, network.preprocessing.mode]).toEqual([229_512, "none"]);
    const shares = network.freezePoints.map((p) => p.shareOfFlops);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  });

  it("prints why a file cannot be loaded, and ends with 1", async () => {
    const { status, out, err } = await run("inspect", "package.json");
    expect([status, err]).toEqual([1, ""]);
    expect(out).toMatch(
      /^package\.json: JSON, .*\n\nnot supported:\n {2}package\.json: is a JSON file of an unknown kind; expected/,
    );
    expect((await run("inspect", "nowhere.keras")).err).toMatch(/nowhere\.keras: there is no such file; expected/);
  });
});
