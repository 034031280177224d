/** Writing in a page: downloads, and handles whose failures leave what was there. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { Dense, FunctionalModel, input } from "../../../src/index";
import { saveModel } from "../../../src/loaders/index";
import { download } from "../../../src/loaders/targets/download";
import { writeToFolder } from "../../../src/loaders/targets/handles";

afterEach(() => vi.unstubAllGlobals());

function small(): FunctionalModel {
  const x = input([4], { name: "x" });
  return new FunctionalModel({ inputs: x, outputs: new Dense({ name: "d", units: 2 }).apply(x), name: "small" });
}

/** A folder of the browser's, which counts down to a failure. */
class FakeFolder {
  readonly kind = "directory";
  readonly name = "folder";
  readonly files = new Map<string, string>();
  readonly steps: string[] = [];
  open = 0;

  /** @param fail "write 2" fails the second write. */
  constructor(
    readonly fail = "",
    files: Readonly<Record<string, string>> = {},
    readonly error: unknown = new DOMException("full", "QuotaExceededError"),
  ) {
    for (const [name, content] of Object.entries(files)) this.files.set(name, content);
  }

  #armed = true;

  step(kind: string, name: string): void {
    this.steps.push(`${kind} ${name}`);
    const count = this.steps.filter((s) => s.startsWith(`${kind} `)).length;
    if (!this.#armed || this.fail !== `${kind} ${count}`) return;
    this.#armed = false;
    throw this.error;
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<FakeFile> {
    if (!this.files.has(name) && !create) throw new DOMException("none", "NotFoundError");
    if (!this.files.has(name)) this.files.set(name, "");
    return new FakeFile(this, name);
  }

  async removeEntry(name: string): Promise<void> {
    this.step("remove", name);
    if (!this.files.delete(name)) throw new DOMException("none", "NotFoundError");
  }
}

class FakeFile {
  readonly kind = "file";

  constructor(
    readonly folder: FakeFolder,
    readonly name: string,
  ) {}

  async getFile(): Promise<Blob> {
    return new Blob([this.folder.files.get(this.name)!]);
  }

  async createWritable() {
    const { folder, name } = this;
    folder.step("open", name);
    folder.open++;
    let content = "";
    return {
      write: async (bytes: Uint8Array) => {
        folder.step("write", name);
        content += new TextDecoder().decode(bytes);
      },
      close: async () => {
        folder.step("close", name);
        folder.open--;
        folder.files.set(name, content);
      },
      abort: async () => void folder.open--,
    };
  }
}

const encoded = (name: string, content: string) => ({ name, bytes: new TextEncoder().encode(content) });
const parts = [encoded("a.bin", "new a"), encoded("b.bin", "new b"), encoded("model.json", "new m")];
const old = { "a.bin": "old a", "b.bin": "old b", "model.json": "old m", "other.txt": "other" };
const asFolder = (fake: FakeFolder) => fake as unknown as FileSystemDirectoryHandle;
const asFile = (fake: FakeFile) => fake as unknown as FileSystemFileHandle;

describe("a FileSystemFileHandle", () => {
  it("gets the file, its format known by its name", async () => {
    const folder = new FakeFolder("", { "cats.safetensors": "old" });
    const files = await saveModel(small(), asFile(new FakeFile(folder, "cats.safetensors")));
    expect(files[0].name).toBe("cats.safetensors");
    expect(folder.files.get("cats.safetensors")).toBe(new TextDecoder().decode(files[0].bytes));
    await expect(saveModel(small(), asFile(new FakeFile(folder, "cats.txt")))).rejects.toThrow(/names no format/);
  });

  it.each(["write 1", "close 1", "open 1"])("keeps what it had where %s fails", async (fail) => {
    const folder = new FakeFolder(fail, { "cats.safetensors": "old" });
    const saving = saveModel(small(), asFile(new FakeFile(folder, "cats.safetensors")));
    await expect(saving).rejects.toThrow(/cats\.safetensors: there is no room for it; expected a place to write to/);
    expect(folder.files.get("cats.safetensors")).toBe("old");
    if (fail === "write 1") expect(folder.open).toBe(0);
  });

  it("is abandoned when the signal says so", async () => {
    const abort = new AbortController();
    const folder = new FakeFolder("", { "cats.keras": "old" });
    const file = new FakeFile(folder, "cats.keras");
    const createWritable = file.createWritable.bind(file);
    file.createWritable = async () => {
      const stream = await createWritable();
      abort.abort(new Error("changed my mind"));
      return stream;
    };
    await expect(saveModel(small(), asFile(file), { signal: abort.signal })).rejects.toThrow("changed my mind");
    expect([folder.files.get("cats.keras"), folder.open]).toEqual(["old", 0]);
  });

  it("is one file: TF.js wants a folder", async () => {
    const folder = new FakeFolder();
    await expect(saveModel(small(), asFile(new FakeFile(folder, "model.json")))).rejects.toThrow(
      /a model of 2 files \(group1-shard1of1\.bin, model\.json\); expected a FileSystemDirectoryHandle/,
    );
    expect(folder.steps).toEqual([]);
  });
});

describe("a FileSystemDirectoryHandle", () => {
  it("gets TF.js's files unless another format is asked for", async () => {
    const folder = new FakeFolder();
    await saveModel(small(), asFolder(folder));
    await saveModel(small(), asFolder(folder), { format: "safetensors" });
    expect([...folder.files.keys()].toSorted()).toEqual(["group1-shard1of1.bin", "model.json", "small.safetensors"]);
  });

  it("never has a model.json beside shards that are not its own", async () => {
    const folder = new FakeFolder("", old);
    await writeToFolder(asFolder(folder), parts, undefined);
    expect(Object.fromEntries(folder.files)).toEqual({
      "a.bin": "new a",
      "b.bin": "new b",
      "model.json": "new m",
      "other.txt": "other",
    });
    const order = folder.steps.filter((s) => /^(remove|close)/.test(s));
    expect(order).toEqual(["remove model.json", "close a.bin", "close b.bin", "close model.json"]);
  });

  it.each(["open 1", "open 2", "open 3", "write 1", "write 2", "write 3", "close 1", "close 2", "close 3", "remove 1"])(
    "holds what it held where %s fails",
    async (fail) => {
      const folder = new FakeFolder(fail, old);
      await expect(writeToFolder(asFolder(folder), parts, undefined)).rejects.toThrow(/there is no room for it/);
      expect(Object.fromEntries(folder.files)).toEqual(old);
      if (fail.startsWith("remove")) return; // an empty folder has nothing to remove
      const empty = new FakeFolder(fail);
      await expect(writeToFolder(asFolder(empty), parts, undefined)).rejects.toThrow(/there is no room for it/);
      expect(Object.fromEntries(empty.files)).toEqual({});
    },
  );
});

describe("a name in a page", () => {
  it("is a download", async () => {
    const clicked: { href: string; download: string }[] = [];
    const addresses: Blob[] = [];
    vi.stubGlobal("document", {
      createElement: () => {
        const anchor = { href: "", download: "", click: () => void clicked.push({ ...anchor }) };
        return anchor;
      },
    });
    const create = vi
      .spyOn(URL, "createObjectURL")
      .mockImplementation((blob) => `blob:${addresses.push(blob as Blob)}`);
    const timers = vi.spyOn(globalThis, "setTimeout").mockImplementation((() => 0) as never);
    await download(parts, undefined);
    timers.mockRestore();
    create.mockRestore();
    expect(clicked.map((c) => [c.download, c.href])).toEqual([
      ["a.bin", "blob:1"],
      ["b.bin", "blob:2"],
      ["model.json", "blob:3"],
    ]);
    expect(await addresses[2].text()).toBe("new m");
    expect(addresses.map((b) => b.type)).toEqual([
      "application/octet-stream",
      "application/octet-stream",
      "application/json",
    ]);
    await expect(download(parts, AbortSignal.abort(new Error("no")))).rejects.toThrow("no");
    expect(clicked.length).toBe(3);
  });

  it("says where there is no page", async () => {
    await expect(download(parts, undefined)).rejects.toThrow(
      /a\.bin: cannot be downloaded here: there is no page; expected/,
    );
  });

  it("goes by the last part of the name, outside of Node", async () => {
    vi.stubGlobal("process", undefined);
    await expect(saveModel(small(), "some/folder/cats.safetensors")).rejects.toThrow(
      /^cats\.safetensors: cannot be downloaded here/,
    );
  });
});
