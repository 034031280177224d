/** Keras's files open without the library: nothing of it is fetched or compiled. */
import { afterEach, expect, test, vi } from "vitest";
import { identify, loadModel, loadWeights, saveModel } from "../../../src/loaders/index";
import { readBytes } from "../../setup/files";

const asked = vi.hoisted(() => ({ times: 0 }));
vi.mock("h5wasm", () => {
  asked.times++;
  throw new Error("the library was asked for");
});

afterEach(() => {
  asked.times = 0;
});

test("a .keras file is loaded, saved as .h5 and .keras, and read again", async () => {
  const model = await loadModel(await readBytes("assets/thaw_cifar8.keras"));
  const values = model.allParameters().map((p) => p.value);
  for (const format of ["keras", "h5"]) {
    const [saved] = await saveModel(model, format);
    const file = new File([saved.bytes as Uint8Array<ArrayBuffer>], saved.name);
    expect((await identify(file)).format).toMatch(/Keras/);
    const again = await loadModel(file);
    expect(again.allParameters().map((p) => p.value)).toEqual(values);
    expect((await loadWeights(again, file)).missing).toEqual([]);
  }
  expect(asked.times).toBe(0);
});

test("what is damaged is left to it", async () => {
  const bytes = (await readBytes("tests/fixtures/hdf5/plain.h5")).slice(0, -1);
  await expect(loadModel(bytes)).rejects.toThrow(/error when mocking a module/);
  expect(asked.times).toBe(1);
});
