/** Counts what a system asks of WebGPU, by wrapping the methods that all systems call alike. */
export interface Counts {
  readonly dispatches: number;
  readonly submits: number;
  readonly bindGroups: number;
  /** Buffers created. */
  readonly buffers: number;
  /** By `writeBuffer`, and in buffers that are mapped when they are created. */
  readonly bytesWritten: number;
}

export const countNames = ["dispatches", "submits", "bindGroups", "buffers", "bytesWritten"] as const;

const counts = { dispatches: 0, submits: 0, bindGroups: 0, buffers: 0, bytesWritten: 0 };
const sizes = new WeakMap<object, number>(); // bytes of buffers that live
const memory = { live: 0, peak: 0 }; // bytes, of all devices
let wrapped = false;

type Method = (...args: any[]) => unknown;

function wrap(
  object: object,
  name: string,
  count: (args: readonly any[], self: object, result: unknown) => void,
): void {
  const prototype = Object.getPrototypeOf(object) as Record<string, Method>;
  const original = prototype[name];
  prototype[name] = function (this: object, ...args: any[]) {
    const result = original.apply(this, args);
    count(args, this, result);
    return result;
  };
}

function byteLength(data: ArrayBufferView | ArrayBuffer, offset = 0, size?: number): number {
  const unit = ArrayBuffer.isView(data) ? ((data as Uint8Array).BYTES_PER_ELEMENT ?? 1) : 1;
  return size === undefined ? data.byteLength - offset * unit : size * unit;
}

/** Wraps, once; buffers are counted from here on. @param device any device: its prototypes are everyone's. */
export function installCounters(device: GPUDevice): void {
  if (wrapped) return;
  wrapped = true;
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  wrap(pass, "dispatchWorkgroups", () => counts.dispatches++);
  wrap(pass, "dispatchWorkgroupsIndirect", () => counts.dispatches++);
  pass.end();
  encoder.finish();
  wrap(device.queue, "submit", () => counts.submits++);
  wrap(device.queue, "writeBuffer", ([, , data, offset, size]) => {
    counts.bytesWritten += byteLength(data as ArrayBuffer, offset as number | undefined, size as number | undefined);
  });
  wrap(device, "createBindGroup", () => counts.bindGroups++);
  const probe = device.createBuffer({ size: 4, usage: 0x8 }); // COPY_DST
  wrap(probe, "destroy", (_, buffer) => {
    memory.live -= sizes.get(buffer) ?? 0;
    sizes.delete(buffer);
  });
  probe.destroy();
  wrap(device, "createBuffer", ([{ size, mappedAtCreation }], _, buffer) => {
    counts.buffers++;
    if (mappedAtCreation) counts.bytesWritten += size as number;
    sizes.set(buffer as object, size as number);
    memory.live += size as number;
    memory.peak = Math.max(memory.peak, memory.live);
  });
}

/** What `action` asked for. Nothing else may run meanwhile. */
export async function counting(action: () => Promise<unknown>): Promise<Counts> {
  const before = { ...counts };
  await action();
  return subtract(counts, before);
}

export const subtract = (a: Counts, b: Counts): Counts =>
  Object.fromEntries(countNames.map((name) => [name, a[name] - b[name]])) as unknown as Counts;

/** The most bytes of buffers that existed at one time from here on, beyond those that exist now. */
export function watchMemory(): () => number {
  const base = memory.live;
  memory.peak = base;
  return () => memory.peak - base;
}
