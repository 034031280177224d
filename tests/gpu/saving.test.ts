/** Saving through the browser's own file handles: what Chromium and Firefox hold after success, abort and failure. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Dense, FunctionalModel, input } from "../../src/index";
import { loadModel, saveModel } from "../../src/loaders/index";

let folder: FileSystemDirectoryHandle;
beforeEach(async () => {
  const root = await navigator.storage.getDirectory();
  folder = await root.getDirectoryHandle("thaw-saving", { create: true });
});
afterEach(async () => (await navigator.storage.getDirectory()).removeEntry("thaw-saving", { recursive: true }));

function small(seed: number): FunctionalModel {
  const x = input([6], { name: "x" });
  const outputs = new Dense({ name: "d", units: 4, seed }).apply(x);
  return new FunctionalModel({ inputs: x, outputs, name: "small" });
}

const values = (model: FunctionalModel) => model.allParameters().map((p) => [...p.value]);

async function filesOf(): Promise<File[]> {
  const files: File[] = [];
  for await (const handle of folder.values()) files.push(await (handle as FileSystemFileHandle).getFile());
  return files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

describe("the browser's files", () => {
  it("a file handle holds the file, and the old one after an abort", async () => {
    const handle = await folder.getFileHandle("cats.keras", { create: true });
    const [first, second] = [small(1), small(2)];
    await saveModel(first, handle);
    expect(values((await loadModel(await handle.getFile())) as FunctionalModel)).toEqual(values(first));
    const abort = new AbortController();
    const saving = saveModel(second, handle, { signal: abort.signal });
    abort.abort(new Error("changed my mind"));
    await expect(saving).rejects.toThrow("changed my mind");
    expect(values((await loadModel(await handle.getFile())) as FunctionalModel)).toEqual(values(first));
    await saveModel(second, handle);
    expect(values((await loadModel(await handle.getFile())) as FunctionalModel)).toEqual(values(second));
  });

  it("a folder holds TF.js's files, replaced together, and none of them where one cannot be written", async () => {
    const [first, second] = [small(1), small(2)];
    for (const model of [first, second]) {
      await saveModel(model, folder);
      const files = await filesOf();
      expect(files.map((f) => f.name)).toEqual(["group1-shard1of1.bin", "model.json"]);
      expect(values((await loadModel(files)) as FunctionalModel)).toEqual(values(model));
    }
    await folder.removeEntry("model.json");
    await folder.getDirectoryHandle("model.json", { create: true }); // in the way of the last file
    const before = await (await (await folder.getFileHandle("group1-shard1of1.bin")).getFile()).arrayBuffer();
    await expect(saveModel(first, folder)).rejects.toThrow(/^model\.json: cannot be written \(/);
    const after = await (await (await folder.getFileHandle("group1-shard1of1.bin")).getFile()).arrayBuffer();
    expect(new Uint8Array(after)).toEqual(new Uint8Array(before));
  });
});
