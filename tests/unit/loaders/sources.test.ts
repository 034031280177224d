/** Where models come from: addresses, paths, Files; their neighbours; progress and calling off. */
import fs from "node:fs/promises";
import { createServer, type Server } from "node:http";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel, type Progress } from "../../../src/loaders/index";
import { openSource } from "../../../src/loaders/source";
import { float32Bytes, smallConfig, smallPaths, smallWeights, writeKeras, writeTfjs } from "./build-files";

const tfjs = () =>
  writeTfjs(
    { keras_version: "3.15.1", model_config: smallConfig },
    Object.entries(smallWeights).map(([name, t]) => [{ name, shape: t.shape, dtype: "float32" }, float32Bytes(t)]),
  );

let folder: string;
let server: Server;
let address: string;

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "thaw-sources-"));
  await fs.mkdir(path.join(folder, "net"));
  await fs.writeFile(path.join(folder, "secret.bin"), "secret");
  for (const file of tfjs())
    await fs.writeFile(path.join(folder, "net", file.name), new Uint8Array(await file.arrayBuffer()));
  await fs.writeFile(path.join(folder, "net.keras"), await writeKeras(smallConfig, smallPaths));
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, "http://x");
    if (pathname === "/slow") {
      response.writeHead(200, { "content-length": "1000000" });
      response.write("PK\u0003\u0004");
      return;
    }
    fs.readFile(path.join(folder, decodeURIComponent(pathname))).then(
      (bytes) => {
        const length = searchParams.has("chunked") ? {} : { "content-length": String(bytes.length) };
        response.writeHead(200, length).end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await fs.rm(folder, { recursive: true });
});

const first = (model: { allParameters(): { value: Float32Array }[] }) => model.allParameters()[0].value[0];

describe("a model of several files", () => {
  it("comes from a folder, a server, and a list in any order, under other names", async () => {
    expect(first(await loadModel(path.join(folder, "net/model.json")))).toBeCloseTo(0.01);
    expect(first(await loadModel(`${address}/net/model.json?v=2#x`))).toBeCloseTo(0.01);
    const [json, shard] = tfjs();
    const renamed = new File([json], "network (1).txt");
    expect(first(await loadModel([shard, renamed]))).toBeCloseTo(0.01);
    const paths = ["net/group1-shard1of1.bin", "net/model.json"].map((name) => path.join(folder, name));
    expect(first(await loadModel(paths))).toBeCloseTo(0.01);
  });

  it("is found in a folder that a page was given", async () => {
    const inFolder = (file: File, place: string) => Object.defineProperty(file, "webkitRelativePath", { value: place });
    const [json, shard] = tfjs();
    const wrong = new File(["not the one"], "group1-shard1of1.bin");
    const files = [
      inFolder(wrong, "all/other/group1-shard1of1.bin"),
      inFolder(json, "all/net/model.json"),
      inFolder(shard, "all/net/group1-shard1of1.bin"),
    ];
    expect(first(await loadModel(files))).toBeCloseTo(0.01);
  });

  it("has to be one model", async () => {
    const file = new File([(await writeKeras(smallConfig, smallPaths)) as Uint8Array<ArrayBuffer>], "a.keras");
    await expect(loadModel([file, file])).rejects.toThrow(/2 of the files could be the model \(a.keras, a.keras\)/);
    await expect(loadModel([new File(["x"], "a.txt"), new File(["y"], "b.txt")])).rejects.toThrow(/none of the files/);
    await expect(loadModel([])).rejects.toThrow(/a list of 0 items; expected a URL/);
    await expect(loadModel(5 as unknown as string)).rejects.toThrow(/received|a number; expected a URL/);
  });

  it.each([
    ["../secret.bin", /leads out of the folder/],
    ["a/../../secret.bin", /leads out of the folder/],
    ["/etc/passwd", /is absolute/],
    ["..\\secret.bin", /has a backslash/],
    ["file:///etc/passwd", /has a scheme/],
    ["C:secret.bin", /has a scheme or a drive/],
    ["https://elsewhere.example/x", /has a scheme/],
    ["", /is empty/],
    ["a\0b", /has a zero byte/],
  ])("does not leave its folder for %j", async (name, why) => {
    for (const source of [path.join(folder, "net/model.json"), `${address}/net/model.json`, tfjs()]) {
      const opened = await openSource(source);
      await expect(opened.sibling(name)).rejects.toThrow(why);
    }
  });

  it("takes %2e%2e and ? in a name for letters", async () => {
    const opened = await openSource(`${address}/net/model.json`);
    await expect(opened.sibling("%2e%2e/secret.bin")).rejects.toThrow(/404/);
    await expect(opened.sibling("model.json?x")).rejects.toThrow(/404/);
  });

  it("says which file is not there", async () => {
    const opened = await openSource(path.join(folder, "net/model.json"));
    await expect(opened.sibling("part2.bin")).rejects.toThrow(/net\/part2.bin: there is no such file/);
    await expect(loadModel(folder)).rejects.toThrow(/cannot be read \(.*\); expected a model file/);
  });
});

describe("progress", () => {
  it.each([
    ["a path", () => path.join(folder, "net.keras"), true],
    ["a server that says how long it is", () => `${address}/net.keras`, true],
    ["a server that does not", () => `${address}/net.keras?chunked`, false],
  ])("of %s", async (_, source, known) => {
    const seen: Progress[] = [];
    await loadModel(source(), { onProgress: (p) => seen.push(p) });
    const { size } = await fs.stat(path.join(folder, "net.keras"));
    expect(seen.at(-1)).toEqual({ file: source(), loaded: size, total: known ? size : undefined });
    expect(seen.map((p) => p.loaded)).toEqual(seen.map((p) => p.loaded).toSorted((a, b) => a - b));
  });

  it("names each file of several", async () => {
    const files = new Set<string>();
    await loadModel(tfjs(), { onProgress: (p) => files.add(p.file) });
    expect([...files]).toEqual(["model.json", "group1-shard1of1.bin"]);
  });
});

describe("bytes", () => {
  it("may be Node's Buffer, which lies anywhere in its memory and does not copy when sliced", async () => {
    const file = await fs.readFile("tests/fixtures/onnx/cnn.ts.onnx");
    const shifted = Buffer.concat([Buffer.alloc(1), file]).subarray(1);
    const [model, other] = [await loadModel(shifted), await loadModel(new Uint8Array(file))];
    expect(model.allParameters().map((p) => p.value)).toEqual(other.allParameters().map((p) => p.value));
  });
});

describe("calling off", () => {
  it("ends a download, with the signal's reason", async () => {
    const control = new AbortController();
    const loading = loadModel(`${address}/slow`, {
      signal: control.signal,
      onProgress: () => control.abort(new Error("enough")),
    });
    await expect(loading).rejects.toThrow("enough");
  });

  it("before anything began, too", async () => {
    const signal = AbortSignal.abort(new Error("not today"));
    for (const source of [path.join(folder, "net.keras"), new Blob(["x"]), new Uint8Array(8)])
      await expect(loadModel(source, { signal })).rejects.toThrow("not today");
  });
});
