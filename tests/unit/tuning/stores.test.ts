/** What tuned answers survive: broken and foreign files, stores that fail or hang, too many answers. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fileStore } from "../../../src/gpu/tuning-file";
import { mergeAnswers, parseAnswers, type Answers, type TuningStore } from "../../../src/gpu/tuning-store";
import { parseTuning, Tuning } from "../../../src/gpu/tuning";

const answer = (variant: string, programs = "p") => ({ variant, programs });
const answers = (entries: Record<string, string>): Answers =>
  new Map(Object.entries(entries).map(([key, variant]) => [key, answer(variant)]));

const gpu = { key: "a GPU", software: false };
const cpu = { key: "a CPU", software: true };

describe("answers that were kept", () => {
  it("are taken where they are answers, and whatever else is there is passed over", () => {
    for (const nothing of [undefined, null, 1, "text", [], [1, 2], {}]) expect(parseAnswers(nothing).size).toBe(0);
    const kept = {
      good: answer("vec4"),
      ["x".repeat(2000)]: answer("vec4"),
      a: null,
      b: "vec4",
      c: { variant: "vec4" },
      d: { variant: 1, programs: "p" },
      e: answer("y".repeat(1000)),
      f: { ...answer("tiles"), more: "that a later version may add" },
    };
    expect([...parseAnswers(kept)]).toEqual([
      ["good", answer("vec4")],
      ["f", answer("tiles")],
    ]);
  });

  it("give way to newer ones, and the oldest go where they are too many", () => {
    const merged = mergeAnswers(answers({ a: "old", b: "old", c: "old" }), answers({ a: "new", d: "new" }), 3);
    expect(Object.entries(merged).map(([key, { variant }]) => [key, variant])).toEqual([
      ["c", "old"],
      ["a", "new"],
      ["d", "new"],
    ]);
  });
});

describe("the file", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-tuning-"));
    file = path.join(folder, "deep", "tuning.json");
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
  });

  it("keeps answers by adapter, adds to them, and leaves nothing else behind", async () => {
    const store = fileStore(file);
    expect((await store.load("one")).size).toBe(0);
    await store.save("one", answers({ a: "vec4" }));
    await store.save("two", answers({ a: "tiles" }));
    await fileStore(file).save("one", answers({ b: "plain" }));
    expect(await fileStore(file).load("one")).toEqual(answers({ a: "vec4", b: "plain" }));
    expect(await store.load("two")).toEqual(answers({ a: "tiles" }));
    expect(fs.readdirSync(path.dirname(file))).toEqual(["tuning.json"]);
  });

  it.each([
    ["half a document", '{"version":1,"adapters":{"one":{"a":{"vari'],
    ["another program's", '{"version":7,"adapters":{"one":{"a":{"variant":"vec4","programs":"p"}}}}'],
    ["a list", "[1,2]"],
    ["null", "null"],
    ["adapters that are none", '{"version":1,"adapters":"all"}'],
    ["nothing", ""],
  ])("is begun anew where it holds %s", async (_, text) => {
    fs.mkdirSync(path.dirname(file));
    fs.writeFileSync(file, text);
    const store = fileStore(file);
    expect((await store.load("one")).size).toBe(0);
    await store.save("one", answers({ b: "tiles" }));
    expect(await store.load("one")).toEqual(answers({ b: "tiles" }));
  });

  it("is not read when it is far too large to be ours", async () => {
    fs.mkdirSync(path.dirname(file));
    const ours = JSON.stringify({ version: 1, adapters: { one: { a: answer("vec4") } } });
    fs.writeFileSync(file, ours + " ".repeat(17 * 2 ** 20));
    expect((await fileStore(file).load("one")).size).toBe(0);
  });

  it("remembers the adapters that were written last", async () => {
    const store = fileStore(file);
    for (let i = 0; i < 20; i++) await store.save(`adapter ${i}`, answers({ a: `v${i}` }));
    expect((await store.load("adapter 3")).size).toBe(0);
    expect(await store.load("adapter 4")).toEqual(answers({ a: "v4" }));
    expect(await store.load("adapter 19")).toEqual(answers({ a: "v19" }));
  });

  it("lies in XDG_CACHE_HOME", async () => {
    vi.stubEnv("XDG_CACHE_HOME", folder);
    await fileStore().save("one", answers({ a: "vec4" }));
    expect(fs.existsSync(path.join(folder, "thaw", "tuning.json"))).toBe(true);
    expect((await fileStore().load("one")).size).toBe(1);
  });

  it("fails where it cannot be written, and leaves no half file", async () => {
    fs.mkdirSync(file, { recursive: true }); // a folder where the file should be
    await expect(fileStore(file).save("one", answers({ a: "vec4" }))).rejects.toThrow(/tuning\.json/);
    expect(fs.readdirSync(path.dirname(file))).toEqual(["tuning.json"]);
  });
});

describe("Tuning", () => {
  const memory = (kept: Answers = new Map()) => {
    const saved: Answers[] = [];
    const store: TuningStore = {
      load: async () => await Promise.resolve(kept),
      save: async (_, fresh) => void saved.push(new Map(await Promise.resolve(fresh))),
    };
    return { store, saved };
  };

  it("reads what is kept, and keeps what is new, once", async () => {
    const { store, saved } = memory(answers({ a: "vec4" }));
    const tuning = await Tuning.open({ store }, gpu);
    expect(tuning.table).toEqual({ a: "vec4" });
    await tuning.save();
    expect(saved).toEqual([]);
    const { revision } = tuning;
    tuning.set("b", answer("tiles"));
    expect(tuning.revision).toBeGreaterThan(revision);
    expect(tuning.table).toEqual({ a: "vec4", b: "tiles" });
    await tuning.save();
    await tuning.save();
    expect(saved).toEqual([answers({ a: "vec4", b: "tiles" })]);
  });

  it("times for a while on GPUs, and on software adapters only when asked", async () => {
    const { store } = memory();
    expect((await Tuning.open({ store }, gpu)).budget).toBe(400);
    expect((await Tuning.open({ store }, cpu)).budget).toBe(0);
    expect((await Tuning.open({ store, budget: 9 }, cpu)).budget).toBe(9);
    expect((await Tuning.open({ store, budget: 0 }, gpu)).budget).toBe(0);
  });

  it("goes on without a store that fails, and says why", async () => {
    const fails = async () => await Promise.reject(new Error("private mode"));
    const tuning = await Tuning.open({ store: { load: fails, save: fails } }, gpu);
    expect(tuning.problem).toBe("tuned answers could not be read: Error: private mode");
    tuning.set("a", answer("vec4"));
    await tuning.save();
    expect(tuning.problem).toBe("tuned answers could not be kept: Error: private mode");
    expect(tuning.table).toEqual({ a: "vec4" });
  });

  it("does not wait for a store that never answers", async () => {
    vi.useFakeTimers();
    try {
      const hangs = async () => await new Promise<never>(() => {});
      const opening = Tuning.open({ store: { load: hangs, save: hangs } }, gpu);
      await vi.advanceTimersByTimeAsync(1000);
      expect((await opening).problem).toContain("no answer in 1000 ms");
    } finally {
      vi.useRealTimers();
    }
  });

  it("neither times nor stores with a pinned table, nor when it is off", async () => {
    const pinned = await Tuning.open({ table: { a: "vec4" } }, gpu);
    expect([pinned.pinned, pinned.budget, pinned.table]).toEqual([true, 0, { a: "vec4" }]);
    const off = await Tuning.open(parseTuning("off"), gpu);
    expect([off.pinned, off.budget, off.table]).toEqual([true, 0, {}]);
  });

  it("refuses settings that contradict each other", () => {
    const { store } = memory();
    expect(parseTuning("auto")).toEqual({});
    expect(() => parseTuning({ table: {}, budget: 5 })).toThrow(/^tuning: a table together with a budget or a store/);
    expect(() => parseTuning({ table: {}, store })).toThrow(/Leave table out to time/);
    expect(() => parseTuning({ budget: -1 })).toThrow("tuning: budget -1; expected milliseconds, 0 or more.");
    expect(() => parseTuning({ budget: Number.NaN })).toThrow("budget NaN");
  });
});
