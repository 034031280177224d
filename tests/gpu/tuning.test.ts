import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { requestGpu } from "../../src/index";
import { databaseStore } from "../../src/gpu/tuning-database";
import { tuningSuite } from "../support/tuning";

tuningSuite();

const deleteDatabase = async (name: string) =>
  await new Promise<void>((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.addEventListener("success", () => resolve());
    request.addEventListener("error", () => reject(new Error(`could not delete ${name}`)));
    request.addEventListener("blocked", () => reject(new Error(`somebody still has ${name} open`)));
  });

describe("in a page", () => {
  const name = "thaw-test";
  beforeEach(async () => await deleteDatabase(name));
  afterAll(async () => {
    await deleteDatabase(name);
    await deleteDatabase("thaw");
  });
  const answer = (variant: string) => ({ variant, programs: "p" });

  it("answers are kept in IndexedDB by adapter, and added to", async () => {
    const store = databaseStore(name);
    expect((await store.load("one")).size).toBe(0);
    await store.save("one", new Map([["a", answer("vec4")]]));
    await store.save("two", new Map([["a", answer("tiles")]]));
    await databaseStore(name).save("one", new Map([["b", answer("plain")]]));
    expect([...(await databaseStore(name).load("one"))]).toEqual([
      ["a", answer("vec4")],
      ["b", answer("plain")],
    ]);
    expect([...(await store.load("two"))]).toEqual([["a", answer("tiles")]]);
  });

  it("two savings at a time lose nothing", async () => {
    const stores = [1, 2, 3, 4].map(() => databaseStore(name));
    await Promise.all(stores.map((s, i) => s.save("one", new Map([[`key ${i}`, answer("vec4")]]))));
    expect((await databaseStore(name).load("one")).size).toBe(4);
  });

  it("is what a device uses, and a page that may not store is no worse than slow", async () => {
    const gpu = await requestGpu();
    gpu.tuning.set("a problem", answer("plain"));
    await gpu.tuning.save();
    expect(gpu.tuning.problem).toBeUndefined();
    gpu.dispose();
    const again = await requestGpu();
    expect(again.tuning.table).toEqual({ "a problem": "plain" });
    again.dispose();
    const open = vi.spyOn(indexedDB, "open").mockImplementation(() => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    });
    const without = await requestGpu();
    expect(without.tuning.problem).toMatch(/^tuned answers could not be read: SecurityError/);
    expect(without.tuning.table).toEqual({});
    without.dispose();
    open.mockRestore();
  });
});
