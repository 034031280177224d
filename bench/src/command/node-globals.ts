/** TF.js and jax-js look for what a page has when they are loaded. Imported before them. */
import { create, globals } from "webgpu";

Object.assign(globalThis, globals, { window: globalThis });
const gpu = create([]);
Object.defineProperty(globalThis, "navigator", {
  value: { gpu, userAgent: "node" },
  configurable: true,
});
