/** Counts what a step asks of WebGPU, by wrapping the methods that all systems call alike. */
export interface Counts {
  readonly dispatches: number;
  readonly submits: number;
  readonly bindGroups: number;
  readonly buffers: number;
  readonly bytesWritten: number;
}

const zero = { dispatches: 0, submits: 0, bindGroups: 0, buffers: 0, bytesWritten: 0 };
let counts = { ...zero };
let wrapped = false;

type Method = (...args: any[]) => unknown;

function wrap(prototype: Record<string, Method>, name: string, count: (args: readonly any[]) => void): void {
  const original = prototype[name];
  prototype[name] = function (this: unknown, ...args: any[]) {
    count(args);
    return original.apply(this, args);
  };
}

const byteLength = (data: ArrayBufferView | ArrayBuffer, size?: number): number => {
  if (size === undefined) return data.byteLength;
  return ArrayBuffer.isView(data) ? size * ((data as Uint8Array).BYTES_PER_ELEMENT ?? 1) : size;
};

/** @param device any device: its prototypes are everyone's. */
export function startCounting(device: GPUDevice): void {
  if (!wrapped) {
    wrapped = true;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const prototypeOf = (o: object) => Object.getPrototypeOf(o) as Record<string, Method>;
    wrap(prototypeOf(pass), "dispatchWorkgroups", () => counts.dispatches++);
    pass.end();
    encoder.finish();
    wrap(prototypeOf(device.queue), "submit", () => counts.submits++);
    wrap(prototypeOf(device.queue), "writeBuffer", (args) => {
      counts.bytesWritten += byteLength(args[2] as ArrayBuffer, args[4] as number | undefined);
    });
    wrap(prototypeOf(device), "createBindGroup", () => counts.bindGroups++);
    wrap(prototypeOf(device), "createBuffer", () => counts.buffers++);
  }
  counts = { ...zero };
}

export const readCounts = (): Counts => ({ ...counts });
