/** Runs one variant of one operation on the GPU, outside any plan. */
import type { Gpu } from "../../src/gpu/device";
import { Recording, type BufferRange } from "../../src/gpu/recorder";
import { describeLaunch, loadPrograms, readInterface } from "../../src/kernels/kernel";
import { elements, exampleStep, type AdapterTraits, type Operation, type Shape } from "../../src/kernels/operation";
import { adapterTraits } from "../../src/nn/adapter-traits";
import { packHalves, unpackHalves } from "./halves";
import { packStep, type StepValues } from "../../src/kernels/step";

const storage = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

/** Returns outputs and updated inputs by name. Outputs and scratch values are poisoned with NaN before the run. */
export async function runOperation(
  gpu: Gpu,
  op: Operation,
  variant: string,
  attrs: unknown,
  inputs: Readonly<Record<string, Float32Array | Uint32Array | undefined>>,
  inputShapes: Readonly<Record<string, Shape | undefined>>,
  step: StepValues = exampleStep,
  traits: AdapterTraits = adapterTraits(gpu),
): Promise<Record<string, Float32Array>> {
  const shapes = { ...inputShapes, ...op.shapes(attrs, inputShapes) } as Record<string, Shape>;
  const { dispatches, scratch = {} } = op.variants[variant](attrs, shapes, traits);
  await loadPrograms(dispatches);
  const buffers = new Map<string, { buffer: GPUBuffer; count: number }>();
  const add = (name: string, count: number, data?: Float32Array | Uint32Array) => {
    const buffer = gpu.memory.create(name, count * 4, storage);
    gpu.memory.write(buffer, 0, data ?? new Float32Array(count).fill(Number.NaN));
    buffers.set(name, { buffer, count });
  };
  const halves = op.halves?.(attrs) ?? [];
  const words = (name: string, count: number) => (halves.includes(name) ? Math.ceil(count / 2) : count);
  for (const [name, data] of Object.entries(inputs))
    if (data) add(name, words(name, data.length), halves.includes(name) ? packHalves(data) : data);
  for (const name of op.outputs) add(name, words(name, elements(shapes[name])));
  for (const [name, count] of Object.entries(scratch)) add(name, count);
  const stepBuffer = gpu.memory.create("step", 256, 0x40 | 0x8);
  gpu.memory.write(stepBuffer, 0, packStep(step));

  const requests = dispatches.map((d) => {
    const launch = describeLaunch(d);
    const sizes = d.kernel.sizes(d.problem);
    const ranges = new Map<string, BufferRange>();
    for (const { name, access } of readInterface(d.kernel.program.text).bindings) {
      if (name === "params") continue;
      if (access === "uniform") {
        ranges.set(name, { buffer: stepBuffer, offset: 0, size: 256 });
        continue;
      }
      const value = d.bind[name];
      if (value === undefined) continue;
      const found = buffers.get(value);
      if (!found)
        throw new Error(
          `${op.name}/${variant}: binding ${name} of ${d.kernel.program.name} is bound to the unknown value ${value}`,
        );
      const count = sizes[name];
      if (count === undefined) throw new Error(`${d.kernel.program.name}: sizes() says nothing of ${name}`);
      if (count > found.count)
        throw new Error(
          `${d.kernel.program.name}: ${name} touches ${count} elements of ${value}, which has ${found.count}`,
        );
      // Exactly as many elements as declared, so that reading past the end shows as a clamped (wrong) value.
      ranges.set(name, { buffer: found.buffer, offset: 0, size: Math.max(4, Math.ceil(count / 4) * 16) });
    }
    return {
      label: `${d.kernel.program.name} for ${op.name}`,
      pipeline: launch.pipeline,
      workgroups: launch.workgroups,
      params: launch.params,
      names: launch.names,
      ranges,
    };
  });
  const recording = await Recording.create(gpu, requests, op.name);
  const encoder = gpu.device.createCommandEncoder();
  recording.encode(encoder);
  const wanted = [...op.outputs, ...(op.updates ?? [])].filter((name) => buffers.has(name));
  const staging = wanted.map((name) => {
    const { buffer, count } = buffers.get(name)!;
    const readable = gpu.memory.create(`${name} readback`, count * 4, 0x1 | 0x8);
    encoder.copyBufferToBuffer(buffer, 0, readable, 0, count * 4);
    return { name, readable, count };
  });
  gpu.submit([encoder.finish()]);
  const result: Record<string, Float32Array> = {};
  for (const { name, readable, count } of staging) {
    await readable.mapAsync(1, 0, Math.max(4, count * 4));
    const bytes = readable.getMappedRange(0, count * 4).slice(0);
    result[name] = halves.includes(name)
      ? unpackHalves(new Uint32Array(bytes), elements(shapes[name]))
      : // What store writes are the bits of floats, and its reference has these floats.
        op.integers?.includes(name) && op.name !== "store"
        ? Float32Array.from(new Uint32Array(bytes))
        : new Float32Array(bytes);
    readable.unmap();
    gpu.memory.destroy(readable);
  }
  gpu.throwErrors();
  recording.dispose();
  gpu.memory.destroy(stepBuffer);
  for (const { buffer } of buffers.values()) gpu.memory.destroy(buffer);
  return result;
}
