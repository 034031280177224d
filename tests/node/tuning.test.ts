import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
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
});
