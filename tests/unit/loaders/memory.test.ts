/** Whose memory weights lie in: the file's own where nobody else has it, and never the caller's. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadModel, loadWeights, openSource } from "../../../src/loaders/index";
import type { Container } from "../../../src/nn/model";
import { floats, info, onnxFile } from "../../support/onnx-file";
import { counting, writeKeras, writeLegacy } from "./build-files";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "thaw-memory-"));
afterAll(() => fs.rmSync(folder, { recursive: true }));

function place(name: string, bytes: Uint8Array): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, bytes);
  return file;
}

const kernel = counting([200, 150]);
const config = {
  class_name: "Sequential",
  config: {
    name: "net",
    layers: [
      { class_name: "InputLayer", config: { name: "in", batch_shape: [null, 200] } },
      { class_name: "Dense", config: { name: "dense", units: 150 } },
    ],
  },
};
const bias = counting([150]);

const keras = () => writeKeras(config, { "layers/dense/vars/0": kernel, "layers/dense/vars/1": bias });
const legacy = () =>
  writeLegacy(
    { dense: { "dense/kernel": kernel, "dense/bias": bias } },
    { model_config: config, keras_version: "3.0" },
  );

/** A convolution whose filter two nodes read where `shared`, and one for itself. */
function convolutions(shared: boolean): Uint8Array {
  const names = ["a", shared ? "a" : "b"];
  return onnxFile({
    node: names.map((weight, i) => ({
      opType: "Conv",
      name: `conv${i}`,
      input: [i === 0 ? "x" : "y0", weight],
      output: [`y${i}`],
    })),
    initializer: [...new Set(names)].map((name) =>
      floats(
        name,
        [40, 40, 3, 3],
        Array.from({ length: 14_400 }, (_, i) => (name === "a" ? i : -i)),
      ),
    ),
    input: [info("x", ["n", 40, 9, 9])],
    output: [info("y1", ["n", 40, 5, 5])],
  });
}

const values = (model: Container) => model.allParameters().map((p) => [...p.value]);
const buffers = (model: Container) => new Set(model.allParameters().map((p) => p.value.buffer));

test.each([
  ["net.keras", keras],
  ["net.h5", legacy],
])("large weights of %s stay in the file's memory, and the caller's stays as it is", async (name, write) => {
  const bytes = await write();
  const before = bytes.slice();
  const own = await loadModel(place(name, bytes));
  const lent = await loadModel(bytes);
  expect(own.allParameters()[0].value.buffer.byteLength).toBeGreaterThanOrEqual(before.length);
  expect(lent.allParameters()[0].value.buffer).not.toBe(bytes.buffer);
  expect(values(own)).toEqual([[...kernel.data], [...bias.data]]);
  expect(values(lent)).toEqual(values(own));
  expect(bytes).toEqual(before);
});

test("weights loaded onto a model share no memory with each other where one tensor is read twice", async () => {
  const file = place("twice.keras", await keras());
  const model = await loadModel(file);
  const opened = await openSource(file);
  await loadWeights(model, opened);
  const first = model.allParameters()[0].value;
  await loadWeights(model, opened);
  expect(model.allParameters()[0].value.buffer).not.toBe(first.buffer);
  first.fill(0);
  expect(values(model)[0]).toEqual([...kernel.data]);
});

test("ONNX filters are turned where they lie, in a file that is read for the model alone", async () => {
  const bytes = convolutions(false);
  const before = bytes.slice();
  const own = await loadModel(place("net.onnx", bytes));
  const lent = await loadModel(bytes);
  expect(buffers(own).size).toBe(1);
  expect(buffers(lent).size).toBe(2);
  expect(values(own)).toEqual(values(lent));
  // [height, width, channels, filters] of [filters, channels, height, width]
  expect(values(own)[0].slice(0, 3)).toEqual([0, 360, 720]);
  expect(bytes).toEqual(before);
});

test("a filter that two convolutions read is a copy for each", async () => {
  const own = await loadModel(place("shared.onnx", convolutions(true)));
  expect(buffers(own).size).toBe(2);
  expect(values(own)[0]).toEqual(values(own)[1]);
  expect(values(own)[0].slice(0, 3)).toEqual([0, 360, 720]);
});
