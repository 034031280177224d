import { create, globals } from "webgpu";
Object.assign(globalThis, globals);
const gpu = create([]);
if (!process.env.PLAIN)
  Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "node" }, configurable: true });
const ort = await import("onnxruntime-web/webgpu");
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = {
  wasm:
    process.env.WASM ??
    new URL("./node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm", import.meta.url).href,
};
import fs from "node:fs";
try {
  const s = await ort.InferenceSession.create(new Uint8Array(fs.readFileSync("/tmp/ortnode/m.onnx")), {
    executionProviders: ["webgpu"],
  });
  const x = new ort.Tensor("float32", new Float32Array(8 * 3 * 96 * 96).fill(0.5), [8, 3, 96, 96]);
  const r = await s.run({ [s.inputNames[0]]: x });
  console.log("ok", (await r[s.outputNames[0]].getData()).slice(0, 5));
  for (let i = 0; i < 3; i++) {
    const t = performance.now();
    const q = await s.run({ [s.inputNames[0]]: x });
    await q[s.outputNames[0]].getData();
    console.log(performance.now() - t);
  }
} catch (e) {
  console.log("failed", e);
}
process.exit(0);
