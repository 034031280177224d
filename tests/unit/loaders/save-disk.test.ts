/** Writing to Node's disk: whatever fails, the names hold what they held before, and nothing else is left. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Dense, FunctionalModel, input } from "../../../src/index";
import { loadModel, saveModel } from "../../../src/loaders/index";
import type { SavedFile } from "../../../src/loaders/saved-file";
import { writeToDisk, type Disk, type DiskFile } from "../../../src/loaders/targets/disk";

let folder: string;
beforeEach(() => {
  folder = `${fs.mkdtempSync(path.join(os.tmpdir(), "thaw-save-"))}/`;
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const text = (name: string, content: string): SavedFile => ({ name, bytes: new TextEncoder().encode(content) });
/** Names and contents. */
const listed = () =>
  Object.fromEntries(fs.readdirSync(folder).map((name) => [name, fs.readFileSync(folder + name, "utf8")]));
const shards = (mark: string) => [text("a.bin", `${mark}a`), text("b.bin", `${mark}b`), text("model.json", `${mark}m`)];

const coded = (code: string) => Object.assign(new Error(`${code}: made up`), { code });

/** Node's disk, on which the nth call of one kind fails. */
function failing(kind: keyof Disk | keyof DiskFile, nth: number, error: unknown): Disk & { readonly steps: string[] } {
  let left = nth;
  const steps: string[] = [];
  const step =
    <A extends unknown[], R>(name: string, run: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      steps.push(name);
      const fails = name === kind && --left === 0;
      if (fails && name !== "close") throw error;
      const result = await run(...args);
      if (fails) throw error; // systems free the descriptor also where closing says that the disk is full
      return result;
    };
  const real = fs.promises;
  return {
    steps,
    open: step("open", async (...args: Parameters<Disk["open"]>) => {
      const file = await real.open(...args);
      return {
        write: step("write", async (bytes: Uint8Array) => await file.write(bytes)),
        chmod: step("chmod", async (mode: number) => await file.chmod(mode)),
        sync: step("sync", async () => await file.sync()),
        close: step("close", async () => await file.close()),
      };
    }),
    rename: step("rename", async (from: string, to: string) => await real.rename(from, to)),
    unlink: step("unlink", async (name: string) => await real.unlink(name)),
    realpath: step("realpath", async (name: string) => await real.realpath(name)),
    stat: step("stat", async (name: string) => await real.stat(name)),
  };
}

describe("one file", () => {
  it("is written whole, and replaces what was there with its permissions", async () => {
    await writeToDisk(folder, [text("cats.keras", "one")]);
    fs.chmodSync(`${folder}cats.keras`, 0o600);
    await writeToDisk(folder, [text("cats.keras", "two")]);
    expect(listed()).toEqual({ "cats.keras": "two" });
    expect(fs.statSync(`${folder}cats.keras`).mode & 0o777).toBe(0o600);
  });

  it("is on the disk before it has its name", async () => {
    const disk = failing("open", 99, undefined);
    await writeToDisk(folder, [text("cats.keras", "one")], { disk });
    const order = disk.steps.filter((s) => ["write", "sync", "rename"].includes(s));
    expect(order).toEqual(["write", "sync", "rename", "sync"]);
  });

  it.each([
    ["write", "ENOSPC", /cats\.keras: the disk is full; expected a place to write to\. Free some space/],
    ["sync", "EIO", /cats\.keras: cannot be written \(EIO: made up\)/],
    ["close", "EDQUOT", /the disk quota is used up/],
    ["rename", "EPERM", /it may not be written/],
    ["open", "EROFS", /the file system is read-only/],
  ] as const)("a failing %s (%s) leaves the old file and nothing else", async (kind, code, message) => {
    fs.writeFileSync(`${folder}cats.keras`, "old");
    const disk = failing(kind, 1, coded(code));
    await expect(writeToDisk(folder, [text("cats.keras", "new")], { disk })).rejects.toThrow(message);
    expect(listed()).toEqual({ "cats.keras": "old" });
    fs.rmSync(`${folder}cats.keras`);
    const again = failing(kind, 1, coded(code));
    await expect(writeToDisk(folder, [text("cats.keras", "new")], { disk: again })).rejects.toThrow(message);
    expect(listed()).toEqual({});
  });

  it("a disk that fills up in the middle leaves no half file", async () => {
    const large = { name: "large.keras", bytes: new Uint8Array(9 * 2 ** 20) };
    const disk = failing("write", 3, coded("ENOSPC"));
    await expect(writeToDisk(folder, [large], { disk })).rejects.toThrow(/the disk is full/);
    expect([disk.steps.filter((s) => s === "write").length, listed()]).toEqual([3, {}]);
  });

  it("goes on where the disk takes less than it was given", async () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
    const disk = failing("open", 99, undefined);
    const open = disk.open.bind(disk);
    disk.open = async (...args) => {
      const file = await open(...args);
      return { ...file, write: async (part) => await file.write(part.subarray(0, 300)) };
    };
    await writeToDisk(folder, [{ name: "x.keras", bytes }], { disk });
    expect(new Uint8Array(fs.readFileSync(`${folder}x.keras`))).toEqual(bytes);
  });

  it("an abort in the middle leaves nothing, and gives the signal's reason", async () => {
    const abort = new AbortController();
    const disk = failing("open", 99, undefined);
    const open = disk.open.bind(disk);
    disk.open = async (...args) => {
      const file = await open(...args);
      return {
        ...file,
        write: async (part) => {
          abort.abort(new Error("changed my mind"));
          return await file.write(part);
        },
      };
    };
    const large = { name: "large.keras", bytes: new Uint8Array(9 * 2 ** 20) };
    await expect(writeToDisk(folder, [large], { signal: abort.signal, disk })).rejects.toThrow("changed my mind");
    expect(listed()).toEqual({});
  });

  it("is refused where one is there and shall stay", async () => {
    fs.writeFileSync(`${folder}b.bin`, "old");
    const writing = writeToDisk(folder, shards("new "), { overwrite: false });
    await expect(writing).rejects.toThrow(/b\.bin: is there already; expected a name that is not taken/);
    expect(listed()).toEqual({ "b.bin": "old" });
    await writeToDisk(folder, [text("c.keras", "new")], { overwrite: false });
    expect(listed()).toEqual({ "b.bin": "old", "c.keras": "new" });
  });

  it("follows a link to the file, and refuses folders, devices and folders that are not there", async () => {
    fs.mkdirSync(`${folder}sub`);
    fs.writeFileSync(`${folder}sub/real.keras`, "old");
    fs.symlinkSync("sub/real.keras", `${folder}link.keras`);
    await writeToDisk(folder, [text("link.keras", "new")]);
    expect(fs.readFileSync(`${folder}sub/real.keras`, "utf8")).toBe("new");
    expect(fs.lstatSync(`${folder}link.keras`).isSymbolicLink()).toBe(true);
    expect(fs.readdirSync(`${folder}sub`)).toEqual(["real.keras"]);
    fs.mkdirSync(`${folder}taken.keras`);
    await expect(writeToDisk(folder, [text("taken.keras", "x")])).rejects.toThrow(/taken\.keras: is no file/);
    await expect(writeToDisk("/dev/", [text("null", "x")])).rejects.toThrow(/\/dev\/null: is no file/);
    await expect(writeToDisk(`${folder}nowhere/`, [text("x.keras", "x")])).rejects.toThrow(
      /nowhere\/x\.keras: its folder is not there; expected a place to write to\. Make the folder first/,
    );
    await expect(writeToDisk(`${folder}sub/real.keras/`, [text("x.keras", "x")])).rejects.toThrow(
      /its folder is a file/,
    );
  });
});

describe("several files", () => {
  it("replace the old ones, model.json set aside first and put last", async () => {
    await writeToDisk(folder, shards("old "));
    const disk = failing("open", 99, undefined);
    const renames: string[] = [];
    const rename = disk.rename.bind(disk);
    disk.rename = async (from, to) => {
      const role = /\.(old|part)$/.exec(to) ? `${path.basename(from)} aside` : path.basename(to);
      renames.push(role);
      await rename(from, to);
    };
    await writeToDisk(folder, shards("new "), { disk });
    expect(renames).toEqual(["model.json aside", "b.bin aside", "a.bin aside", "a.bin", "b.bin", "model.json"]);
    expect(listed()).toEqual({ "a.bin": "new a", "b.bin": "new b", "model.json": "new m" });
  });

  it.each([
    ...[1, 2, 3].map((n) => ["open", n] as const),
    ...[1, 2, 3].map((n) => ["write", n] as const),
    ...[1, 2, 3].map((n) => ["sync", n] as const),
    ...[1, 2, 3, 4, 5, 6].map((n) => ["rename", n] as const),
  ])("a failing %s, the %dth, leaves the old ones and nothing else", async (kind, nth) => {
    const old = { "a.bin": "old a", "b.bin": "old b", "model.json": "old m" };
    await writeToDisk(folder, shards("old "));
    const disk = failing(kind, nth, coded("ENOSPC"));
    await expect(writeToDisk(folder, shards("new "), { disk })).rejects.toThrow(/the disk is full/);
    expect(listed()).toEqual(old);
    if (kind === "rename" && nth > 3) return; // without old files there are three
    fs.rmSync(folder, { recursive: true });
    fs.mkdirSync(folder);
    const again = failing(kind, nth, coded("ENOSPC"));
    await expect(writeToDisk(folder, shards("new "), { disk: again })).rejects.toThrow(/the disk is full/);
    expect(listed()).toEqual({});
  });
});

describe("saveModel in Node", () => {
  function small(): FunctionalModel {
    const x = input([4], { name: "x" });
    return new FunctionalModel({ inputs: x, outputs: new Dense({ name: "d", units: 2 }).apply(x), name: "small" });
  }

  it("writes paths, file URLs, folders, and TF.js with shards named after the model's file", async () => {
    const model = small();
    await saveModel(model, `${folder}a.keras`);
    await saveModel(model, pathToFileURL(`${folder}b c.safetensors`));
    await saveModel(model, folder, { format: "onnx" });
    await saveModel(model, `${folder}model.json`);
    await saveModel(model, `${folder}second.json`);
    expect(fs.readdirSync(folder).toSorted()).toEqual([
      "a.keras",
      "b c.safetensors",
      "group1-shard1of1.bin",
      "model.json",
      "second-group1-shard1of1.bin",
      "second.json",
      "small.onnx",
    ]);
    for (const name of ["a.keras", "model.json", "second.json", "small.onnx"]) {
      const back = await loadModel(folder + name);
      expect(back.allParameters().map((p) => [...p.value])).toEqual(model.allParameters().map((p) => [...p.value]));
    }
  });

  it("touches nothing where the model is refused", async () => {
    const model = small();
    fs.writeFileSync(`${folder}a.keras`, "old");
    model.allParameters()[0].value[0] = Number.NaN;
    await expect(saveModel(model, `${folder}a.keras`)).rejects.toThrow(/d\/kernel: 1 of 8 values is not finite/);
    expect(listed()).toEqual({ "a.keras": "old" });
  });
});
