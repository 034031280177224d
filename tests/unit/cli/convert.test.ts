/** thaw convert: from format to format, and what it refuses; nothing here touches a GPU. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../../../src/cli/program";
import { loadModel, saveModel } from "../../../src/loaders/index";

const file = "assets/thaw_cifar8.keras";
let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-convert-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

async function convert(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const io = {
    interactive: false,
    width: 100,
    out: (t: string) => void (out += t),
    err: (t: string) => void (err += t),
  };
  const status = await runCli(["convert", ...args], io);
  return { status, out, err };
}

const weights = async (name: string) =>
  Object.fromEntries(
    (await loadModel(name))
      .allParameters()
      .map((p) => [p.path, Buffer.from(p.value.buffer, p.value.byteOffset, p.value.byteLength).toString("base64")]),
  );

describe("thaw convert", () => {
  it.each(["net.keras", "net.h5", "net.onnx", "model.json"])(
    "writes %s, with the same weights, and says what",
    async (name) => {
      const goal = path.join(folder, name);
      const { status, out, err } = await convert(file, goal);
      expect([status, err]).toEqual([0, ""]);
      expect(out).toMatch(
        /^read {3}assets\/thaw_cifar8\.keras: Keras 3\.\S+, \.keras, 1\.2 MB\n {7}\S+: \d+ layers, 237,816 parameters, 229,512 of/,
      );
      expect(out).toContain(`\nwrote  ${goal}: `);
      expect(await weights(goal)).toEqual(await weights(file));
      expect(fs.readdirSync(folder).length).toBe(name === "model.json" ? 2 : 1);
    },
  );

  it("writes weights alone, and tells programs what", async () => {
    const goal = path.join(folder, "net.safetensors");
    const { status, out } = await convert(file, goal, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      input: { file, bytes: fs.statSync(file).size },
      network: { parameters: 237_816, trainableParameters: 229_512 },
      output: [{ file: goal, bytes: fs.statSync(goal).size }],
    });
    expect((await convert(file, path.join(folder, "x.weights.h5"))).status).toBe(0);
  });

  it("keeps what is there without --force", async () => {
    const goal = path.join(folder, "net.onnx");
    fs.writeFileSync(goal, "mine");
    const { status, out, err } = await convert(file, goal);
    expect([status, out]).toEqual([1, ""]);
    expect(err).toMatch(
      /net\.onnx: is there already; expected a name that is not taken\. Say --force to overwrite it\.\n$/,
    );
    expect(fs.readFileSync(goal, "utf8")).toBe("mine");
    expect((await convert(file, goal, "--force")).status).toBe(0);
    expect(await weights(goal)).toEqual(await weights(file));
    // TF.js's shards too, whose names nobody typed.
    fs.writeFileSync(path.join(folder, "group1-shard1of1.bin"), "mine");
    const tfjs = await convert(file, path.join(folder, "model.json"));
    expect([tfjs.status, tfjs.err]).toEqual([1, expect.stringContaining("group1-shard1of1.bin: is there already")]);
    expect(fs.existsSync(path.join(folder, "model.json"))).toBe(false);
  });

  it("puts preprocessing in front, folds, turns layouts, and takes a folder with --format", async () => {
    const goal = path.join(folder, "net.onnx");
    const options = ["--onnx-layout", "NHWC", "--fold-batch-normalization", "--force"];
    expect(await convert(file, goal, ...options)).toMatchObject({ status: 0, err: "" });
    const folded = fs.statSync(goal).size;
    expect((await convert(file, goal, "--force")).status).toBe(0);
    expect(fs.statSync(goal).size).toBeGreaterThan(folded);
    const other = path.join(folder, "pixels.keras");
    expect(await convert(file, other, "--preprocessing", "tf")).toMatchObject({ status: 0, err: "" });
    expect((await loadModel(other)).flatLayers().map((l) => l.name)).toContain("preprocessing");
    expect(await convert(file, folder, "--format", "tfjs")).toMatchObject({ status: 0, err: "" });
    expect(fs.existsSync(path.join(folder, "model.json"))).toBe(true);
    expect((await convert(file, folder)).err).toMatch(/is a folder; expected the name of a file\. Add --format/);
    expect((await convert(file, other, "--onnx-layout", "NCHW", "--force")).err).toMatch(
      /expected an ONNX file to write/,
    );
  });

  it("refuses weights that are not finite unless told", async () => {
    const model = await loadModel(file);
    model.allParameters()[0].value[3] = Number.NaN;
    const broken = path.join(folder, "broken.keras");
    await saveModel(model, broken, { allowNonFinite: true });
    const goal = path.join(folder, "net.onnx");
    const { status, err } = await convert(broken, goal);
    expect([status, err]).toEqual([
      1,
      expect.stringMatching(/Conv1\/kernel: 1 of \d+ values is not finite, the first \(NaN\)/),
    ]);
    expect(fs.existsSync(goal)).toBe(false);
    expect((await convert(broken, goal, "--allow-non-finite")).status).toBe(0);
  });

  it("tells wrong use from what went wrong", async () => {
    expect((await convert(file)).status).toBe(2);
    expect((await convert(file, "x", "--format", "pickle")).status).toBe(2);
    expect((await convert(file, "x.onnx", "--input-shape", "2,,3")).status).toBe(2);
    expect(await convert("nowhere.keras", path.join(folder, "x.onnx"))).toMatchObject({
      status: 1,
      err: expect.stringMatching(/nowhere\.keras: there is no such file; expected/),
    });
    expect((await convert(file, path.join(folder, "x.txt"))).err).toMatch(
      /its ending names no format; expected \.keras/,
    );
    expect((await convert(file, path.join(folder, "none/x.onnx"))).err).toMatch(/its folder is not there/);
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});
