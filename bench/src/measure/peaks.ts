/**
 * What the adapter itself can do: two microbenchmarks, so that a kernel's speed has a denominator. They run several times, at
 * the beginning, in the middle and at the end; the best counts, because what else the machine does can only make them slower.
 */
import type { Gpu } from "../../../src/index";
import type { Peaks } from "../result";

const steps = 2048;

/** Independent chains of multiply-adds, as many as registers hold: few scalars on a CPU, many vectors on a GPU. */
const shapes = [
  { chains: 6, type: "f32", lanes: 1 },
  { chains: 10, type: "f32", lanes: 1 },
  { chains: 2, type: "vec4f", lanes: 4 },
  { chains: 4, type: "vec4f", lanes: 4 },
  { chains: 8, type: "vec4f", lanes: 4 },
  { chains: 16, type: "vec4f", lanes: 4 },
] as const;

function multiplyAdds({ chains, type }: (typeof shapes)[number]): string {
  const each = (line: (i: number) => string) => Array.from({ length: chains }, (_, i) => line(i));
  return `
@group(0) @binding(0) var<storage, read_write> result: array<${type}>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = ${type}(0.9999);
  let b = ${type}(f32(id.x) * 1e-9);
  ${each((i) => `var c${i} = ${type}(${i}.0);`).join(" ")}
  for (var k = 0u; k < ${steps}u; k += 4u) {
    ${Array.from({ length: 4 }, () => each((i) => `c${i} = fma(c${i}, a, b);`).join(" ")).join("\n    ")}
  }
  result[id.x] = ${each((i) => `c${i}`).join(" + ")};
}`;
}

const copy = `
@group(0) @binding(0) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) { result[id.x] = source[id.x]; }`;

export class PeakMeter {
  readonly #gpu: Gpu;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  #best: Peaks = { gflops: 0, gbps: 0 };

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  get best(): Peaks {
    return this.#best;
  }

  /** Measures once more and keeps the better. */
  async measure(): Promise<void> {
    const { software } = this.#gpu.adapter;
    const groups = software ? 64 : 16384;
    const invocations = groups * 64;
    let { gflops, gbps } = this.#best;
    for (const shape of shapes) {
      const seconds = await this.#fastest(multiplyAdds(shape), groups, 16 * invocations, 1);
      gflops = Math.max(gflops, (invocations * shape.chains * shape.lanes * steps * 2) / seconds / 1e9);
    }
    // Past every cache of a GPU, and of a CPU as far as a short run allows.
    const copyGroups = software ? 32768 : 65535;
    const bytes = copyGroups * 64 * 16;
    gbps = Math.max(gbps, (2 * bytes) / (await this.#fastest(copy, copyGroups, bytes, 2)) / 1e9);
    this.#best = { gflops, gbps };
  }

  /** Seconds of the fastest of several runs. */
  async #fastest(code: string, groups: number, bytes: number, bindings: number): Promise<number> {
    const { device } = this.#gpu;
    let pipeline = this.#pipelines.get(code);
    if (!pipeline) {
      const module = device.createShaderModule({ code });
      pipeline = device.createComputePipelineAsync({ layout: "auto", compute: { module } });
      this.#pipelines.set(code, pipeline);
    }
    const ready = await pipeline;
    const buffers = Array.from({ length: bindings }, () => device.createBuffer({ size: bytes, usage: 0x80 })); // STORAGE
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = device.createBindGroup({ layout: ready.getBindGroupLayout(0), entries });
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const begin = performance.now();
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(ready);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(groups);
      pass.end();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      best = Math.min(best, performance.now() - begin);
    }
    for (const buffer of buffers) buffer.destroy();
    return best / 1000;
  }
}
