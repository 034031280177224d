/** `.keras` files: what is carried over, and what each kind of bad file is told. */
import { unzipSync, zipSync } from "fflate";
import { beforeAll, describe, expect, it } from "vitest";
import type { Conv2D } from "../../../src/index";
import { loadModel, loadWeights } from "../../../src/loaders/index";
import { hasSharedAssets, readBytes, readShared } from "../../setup/files";

let bytes: Uint8Array;
let members: Record<string, Uint8Array>;
beforeAll(async () => {
  bytes = await readBytes("assets/thaw_cifar8.keras");
  members = unzipSync(bytes);
});

/** The embedded file with its configuration changed as text. */
function changed(from: string | RegExp, to: string): Uint8Array {
  const config = new TextDecoder().decode(members["config.json"]);
  const other = config.replace(from, to);
  expect(other, "the change found its place").not.toBe(config);
  return zipSync({ ...members, "config.json": new TextEncoder().encode(other) }, { level: 0 });
}

describe("a .keras file", () => {
  it("keeps names, order, flags and weights", async () => {
    const model = await loadModel(bytes);
    expect(model.name).toBe("thaw_cifar8");
    expect(model.inputShape).toEqual([32, 32, 3]);
    expect(model.allParameters().reduce((n, p) => n + p.count, 0)).toBe(237_816);
    const names = model.layers.map((layer) => layer.name);
    expect(names.indexOf("block_1_expand")).toBeGreaterThan(names.indexOf("Conv1"));
    const conv = model.getLayer("Conv1") as Conv2D;
    expect([conv.filters, conv.trainable, conv.parameters[0].shape]).toEqual([16, true, [3, 3, 3, 16]]);
    for (const p of model.allParameters()) expect(p.value.every(Number.isFinite), p.path).toBe(true);
  });

  it("keeps a layer's trainable flag", async () => {
    const frozen = changed(/("name": "Conv1", "trainable": )true/, "$1false");
    const model = await loadModel(frozen);
    expect(model.getLayer("Conv1").trainable).toBe(false);
    expect(model.getLayer("Conv_1").trainable).toBe(true);
  });

  it("names a layer that Thaw does not know, and what it knows", async () => {
    const odd = changed(/"class_name": "ReLU"/, '"class_name": "QuantumReLU"');
    await expect(loadModel(odd)).rejects.toThrow(
      /QuantumReLU \(Conv1_relu\) is not known; expected classes among .*Conv2D.*ReLU.*registerLayer/,
    );
  });

  it("names an option that would change what a layer computes", async () => {
    const odd = changed(/"data_format": "channels_last"/, '"data_format": "channels_first"');
    await expect(loadModel(odd)).rejects.toThrow(/channels_first.*expected "channels_last"/);
  });

  it("names a misshapen weight with both shapes", async () => {
    const wide = changed(/("name": "predictions".*?"units": )8/, "$19");
    await expect(loadModel(wide)).rejects.toThrow(/predictions\/kernel.*shape \[256, 8\], expected \[256, 9\]/);
  });

  it("names a weight that is missing, and one that has no place", async () => {
    const bias = changed(/("name": "Conv1".*?"use_bias": )false/, "$1true");
    await expect(loadModel(bias)).rejects.toThrow(/Conv1\/bias.* is missing, expected \[16\]/);
    const bare = changed(/("name": "predictions".*?"use_bias": )true/, "$1false");
    await expect(loadModel(bare)).rejects.toThrow(/layers\/dense\/vars\/1 \[8\] has no place in the model/);
  });

  it("is refused when truncated, damaged, empty, or something else", async () => {
    await expect(loadModel(bytes.slice(0, 600_000))).rejects.toThrow(/cannot be unpacked.*truncated or damaged/);
    const broken = bytes.slice();
    broken[500_000] ^= 0xff;
    await expect(loadModel(broken)).rejects.toThrow(/checksum 0x[0-9a-f]{8}; expected 0x|cannot be unpacked/);
    await expect(loadModel(new Uint8Array(0))).rejects.toThrow(/is empty; expected a .keras file/);
    await expect(loadModel(new TextEncoder().encode("GIF89a"))).rejects.toThrow(
      /unknown format; expected a .keras file/,
    );
    const noConfig = zipSync({ "model.weights.h5": members["model.weights.h5"] }, { level: 0 });
    await expect(loadModel(noConfig)).rejects.toThrow(/expected a .keras file with a config.json/);
    const noWeights = zipSync({ "config.json": members["config.json"] }, { level: 0 });
    await expect(loadModel(noWeights)).rejects.toThrow(/has no model.weights.h5/);
    const cut = zipSync(
      { ...members, "model.weights.h5": members["model.weights.h5"].slice(0, 300_000) },
      { level: 0 },
    );
    await expect(loadModel(cut)).rejects.toThrow(/model.weights.h5: cannot be read as HDF5/);
    const text = zipSync({ ...members, "config.json": new TextEncoder().encode("{") }, { level: 0 });
    await expect(loadModel(text)).rejects.toThrow(/config.json: is not JSON/);
  });

  it("is looked for where the path says", async () => {
    await expect(loadModel("assets/nowhere.keras")).rejects.toThrow(/nowhere.keras: there is no such file; expected/);
    const model = await loadModel("assets/thaw_cifar8.keras");
    expect(model.layers.length).toBeGreaterThan(70);
  });

  it("may come from a server, whose refusal is told", async () => {
    const { createServer } = await import("node:http");
    const server = createServer((request, response) => {
      const found = request.url === "/net.keras";
      response.writeHead(found ? 200 : 404).end(found ? bytes : "no");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    try {
      expect((await loadModel(`http://127.0.0.1:${port}/net.keras`)).name).toBe("thaw_cifar8");
      await expect(loadModel(`http://127.0.0.1:${port}/other.keras`)).rejects.toThrow(/404/);
      await expect(loadModel("http://127.0.0.1:1/x.keras")).rejects.toThrow(/127.0.0.1:1\/x.keras: /);
    } finally {
      server.close();
    }
  });
});

if (!hasSharedAssets)
  console.log("loaders: the files of other writers are not beside this checkout; their tests are left out");

describe.skipIf(!hasSharedAssets)("files of other writers", () => {
  const fixture = async (name: string) => await readShared(`keras_fixtures/${name}.keras`);

  it("loads Sequential, bfloat16, mixed precision and a nested frozen base", async () => {
    for (const name of ["seq", "bf16", "mixed"]) {
      const model = await loadModel(await fixture(name));
      expect(model.allParameters().length, name).toBeGreaterThan(0);
      for (const p of model.allParameters())
        expect(p.value.some((v) => v !== 0) || p.initializer.kind !== "glorotUniform", p.path).toBe(true);
    }
    const transfer = await loadModel(await fixture("transfer"));
    const frozen = transfer.allParameters().filter((p) => !p.trainable);
    expect(frozen.length).toBeGreaterThan(200);
    expect(transfer.trainableParameters.length).toBe(2);
  });

  it("refuses quantized weights by name", async () => {
    await expect(loadModel(await fixture("int8"))).rejects.toThrow(/is quantized \(int8\)/);
  });

  it("loads a shared layer and attention, and their weights alone", async () => {
    const model = await loadModel(await fixture("multi"));
    const attention = model.layers.find((layer) => layer.className === "MultiHeadAttention")!;
    expect(attention.parameters.map((p) => `${p.name} ${p.shape.join("x")}`)).toEqual([
      "query/kernel 4x2x4",
      "query/bias 2x4",
      "key/kernel 4x2x4",
      "key/bias 2x4",
      "value/kernel 4x2x4",
      "value/bias 2x4",
      "attention_output/kernel 2x4x4",
      "attention_output/bias 4",
    ]);
    const before = model.allParameters().map((p) => [...p.value]);
    for (const p of model.allParameters()) p.value = new Float32Array(p.count);
    await loadWeights(model, await readShared("keras_fixtures/multi.weights.h5"));
    expect(model.allParameters().map((p) => [...p.value])).toEqual(before);
  });

  it("refuses ZIP bombs, wrong checksums and truncations in bounded time", async () => {
    for (const name of ["zbomb", "zcrc", "ztrunc"])
      await expect(loadModel(await readShared(`file_edge_cases/${name}.zip`)), name).rejects.toThrow(/expected/);
  });
});
