import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runCli } from "../../src/cli/program";
import { requestGpu } from "../../src/index";
import { tuningSuite } from "../support/tuning";

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-tuning-"));
  vi.stubEnv("XDG_CACHE_HOME", folder);
});
afterAll(() => {
  vi.unstubAllEnvs();
  fs.rmSync(folder, { recursive: true });
});

tuningSuite();

describe("in Node", () => {
  it("answers are kept in a file, for the adapter that gave them", async () => {
    const [first, second] = [await requestGpu(), await requestGpu({ withoutFeatures: ["subgroups"] })];
    first.tuning.set("a problem", { variant: "plain", programs: "p" });
    await first.tuning.save();
    expect(first.tuning.problem).toBeUndefined();
    expect(fs.existsSync(path.join(folder, "thaw", "tuning.json"))).toBe(true);
    const again = await requestGpu();
    const other = await requestGpu({ withoutFeatures: ["subgroups"] });
    expect([again.tuning.table, other.tuning.table]).toEqual([{ "a problem": "plain" }, {}]);
    for (const gpu of [first, second, again, other]) gpu.dispose();
  });

  it("thaw tune times a network ahead, and prints a table that a run can be pinned to", async () => {
    let [out, err] = ["", ""];
    const io = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      interactive: false,
      width: 100,
    };
    const args = ["tune", "assets/thaw_cifar8.keras", "--batch", "1", "--mode", "predict", "--budget", "5", "--json"];
    expect(await runCli(args, io)).toBe(0);
    expect(err).toContain("assets/thaw_cifar8.keras, batch 1, predict, on ");
    const { timed, table } = JSON.parse(out) as {
      timed: { key: string; variant: string }[];
      table: Record<string, string>;
    };
    expect(timed.length).toBeGreaterThan(0);
    for (const { key, variant } of timed) expect(table[key]).toBe(variant);
    const pinned = await requestGpu({ tuning: { table } });
    expect(pinned.tuning.table).toEqual(table);
    pinned.dispose();
  });
});
