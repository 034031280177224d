/** TF.js and jax-js look for what a page has when they are loaded. Imported before them. */
import { create, globals } from "webgpu";

Object.assign(globalThis, globals, { window: globalThis });
const gpu = create([]);
Object.defineProperty(globalThis, "navigator", {
  value: { gpu, userAgent: "node" },
  configurable: true,
});

// ONNX Runtime writes from memory that its threads could share, which browsers allow and Node's WebGPU refuses.
const queue = (globals as unknown as { GPUQueue: { prototype: GPUQueue } }).GPUQueue.prototype;
type WriteBuffer = (this: GPUQueue, ...args: Parameters<GPUQueue["writeBuffer"]>) => void;
const writeBuffer = Object.getOwnPropertyDescriptor(queue, "writeBuffer")!.value as WriteBuffer;
queue.writeBuffer = function (buffer, bufferOffset, data, ...range) {
  const shared = ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer;
  const own = shared ? (data as Uint8Array).slice() : data;
  writeBuffer.call(this, buffer, bufferOffset, own as GPUAllowSharedBufferSource, ...range);
};
