/**
 * One process of the rows `load/...` and `save/...` of files: loads a file by its path until its weights are on the GPU, saves the model
 * in the same format, and says what that took.
 * `node child.js FILE` is the first load of the process; with a second, small FILE of the same format that one is loaded before,
 * so that libraries and compiled code are there and their memory is not counted.
 */
import fs from "node:fs";
import { requestGpu, type Container } from "../../../src/index";
import { loadModel, saveModel } from "../../../src/loaders/index";

export interface Loaded {
  readonly milliseconds: number;
  /** Bytes of the process above what it had before: the most of them, and without the GPU's buffers where those are in it. */
  readonly peakBytes: number;
  readonly hostBytes: number;
  /** From weights on the GPU to a file that is on the disk: libraries loaded and code compiled on the way. */
  readonly saveMilliseconds: number;
  /** Sum of all weights, read back from the GPU. */
  readonly sum: number;
}

const [file, small] = process.argv.slice(2);
const gpu = await requestGpu();

async function load(path: string): Promise<{ model: Container; milliseconds: number }> {
  const start = performance.now();
  const model = await loadModel(path);
  await model.compile({ gpu });
  await gpu.finished();
  return { model, milliseconds: performance.now() - start };
}

/** Lets go of what is no longer needed. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Linux counts in `maxRSS` what the parent had when it forked; the process's own peak is in /proc. */
function peakResident(): number {
  const status = process.platform === "linux" ? fs.readFileSync("/proc/self/status", "utf8") : "";
  return 1024 * Number(/^VmHWM:\s*(\d+)/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
}

if (small !== undefined) {
  for (let i = 0; i < 2; i++) (await load(small)).model.dispose();
  await settle();
}
const before = process.memoryUsage.rss();
const gpuBefore = gpu.memory.counters.liveBytes;
const { model, milliseconds } = await load(file);
const peakBytes = peakResident() - before;
const onGpu = gpu.adapter.software ? gpu.memory.counters.liveBytes - gpuBefore : 0;
const startOfSaving = performance.now();
await saveModel(model, file.replace(/(?=\.\w+$)/, ".saved"));
const saveMilliseconds = performance.now() - startOfSaving;
let sum = 0;
for (const { value } of model.allParameters()) for (const x of value) sum += x;
const loaded: Loaded = { milliseconds, peakBytes, hostBytes: peakBytes - onGpu, saveMilliseconds, sum };
fs.writeSync(1, JSON.stringify(loaded));
process.exit(0); // Node's WebGPU keeps the process alive
