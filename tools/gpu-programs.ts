/** The programs that `select` chooses for a GPU: over the cases of every operation, and over the plans of real networks. */
import { describeLaunch, type Dispatch } from "../src/kernels/kernel";
import { chooseVariant, type AdapterTraits, type Shape } from "../src/kernels/operation";
import { operations } from "../src/kernels/registry";

/** What every GPU of the last ten years has. */
const gpu: AdapterTraits = {
  software: false,
  features: ["timestamp-query"],
  maxWorkgroupStorage: 32768,
  maxInvocations: 256,
};

export interface GpuProgram {
  /** Kernel and, where it has several forms, what they differ in. */
  readonly name: string;
  readonly code: string;
  /** Overrides. */
  readonly constants: Readonly<Record<string, number>>;
  /** Multiply-adds a byte of the problem: half its FLOPs over the bytes that have to move. */
  readonly intensity: number;
}

/** Shapes of MobileNetV2 and ResNet50 at their usual sizes, where the heavy operations spend their time. */
const heavy: Readonly<Record<string, readonly { attrs: object; inputs: Record<string, Shape> }[]>> = {
  matmul: [
    { attrs: {}, inputs: { x: [1024, 1024], w: [1024, 1024] } },
    { attrs: { transposeX: true }, inputs: { x: [1024, 1024], w: [1024, 1024] } },
    { attrs: { transposeW: true }, inputs: { x: [1024, 1024], w: [1024, 1024] } },
    { attrs: {}, inputs: { x: [1023, 1023], w: [1023, 1023] } },
    { attrs: {}, inputs: { x: [4096, 96], w: [96, 24] } },
  ],
};

/** @param only programs whose name has this in it; all when empty. */
export function gpuPrograms(only = ""): GpuProgram[] {
  const found = new Map<string, GpuProgram>();
  const add = (dispatch: Dispatch) => {
    const { kernel, problem } = dispatch;
    const { code, constants } = describeLaunch(dispatch).pipeline;
    const key = JSON.stringify([code, constants]);
    const { flops, bytes } = kernel.cost(problem);
    const intensity = flops / 2 / Math.max(1, bytes);
    const known = found.get(key);
    if (known && known.intensity >= intensity) return;
    const constantsOfText = Object.entries(kernel.constants?.(problem) ?? {}).map(([, value]) => String(value));
    const switches = Object.entries(constants).map(([name, value]) => `${name}${value}`);
    const name = [kernel.name, ...constantsOfText, ...switches].join("-");
    if (name.includes(only)) found.set(key, { name, code, constants, intensity });
  };
  for (const op of operations) {
    for (const { attrs, inputs } of [...op.cases, ...(heavy[op.name] ?? [])]) {
      const shapes = { ...inputs, ...op.shapes(attrs, inputs) } as Record<string, Shape>;
      const variant = chooseVariant(op, attrs, shapes, gpu);
      // An alias (reshape) has no program.
      op.variants[variant]?.(attrs, shapes, gpu).dispatches.forEach(add);
    }
  }
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}
