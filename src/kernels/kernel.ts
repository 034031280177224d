/**
 * What a kernel is: a complete WGSL program and the plain data that says how to run it. Nothing in this file
 * touches a GPU; bindings and the order of the uniforms are read from the WGSL, so they are listed only there.
 */
import { ThawError } from "../errors";
import type { Program } from "./program";

/** Arithmetic and memory traffic of one dispatch: floating-point operations and bytes moved to and from memory. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

export type BindingAccess = "read" | "read_write" | "uniform";

/** One `@group(0) @binding(n)` declaration of a WGSL program. */
export interface KernelBinding {
  readonly index: number;
  readonly name: string;
  readonly access: BindingAccess;
  /** WGSL type as written, e.g. `array<f32>` or `Params`. */
  readonly type: string;
}

/** One scalar field of the WGSL struct `Params`. */
export interface KernelField {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32";
}

export interface KernelInterface {
  readonly bindings: readonly KernelBinding[];
  readonly fields: readonly KernelField[];
}

export type Constants = Readonly<Record<string, number | boolean>>;

/**
 * A GPU program and how to launch it for a problem `P` (sizes and switches as plain numbers).
 * All functions are pure, so that a plan can be made, printed and costed without a device.
 */
export interface Kernel<P = never> {
  /** The WGSL; entry point `main`, storage and uniform bindings in group 0. */
  readonly program: Program;
  /** Values for top-level `const NAME = ...;` lines (register tiles, switches that shape arrays). */
  readonly constants?: (p: P) => Constants;
  /** Values for `override` declarations (workgroup sizes, switches that need no array). */
  readonly overrides?: (p: P) => Constants;
  /** One value for each field of `Params`, by name. */
  readonly params: (p: P) => Readonly<Record<string, number>>;
  /** Workgroups along x, y, z. Each at most 65,535: kernels with many workgroups fold x into y (see `foldWorkgroups`). */
  readonly workgroups: (p: P) => readonly [number, number, number];
  /** Number of 4-byte elements that the program reads or writes in each storage binding. */
  readonly sizes: (p: P) => Readonly<Record<string, number>>;
  readonly cost: (p: P) => Cost;
}

/** One launch of a kernel: which kernel, for which problem, with which value behind each binding. */
export interface Dispatch {
  // The problem type differs from kernel to kernel; `dispatch()` checks the pair before it is erased here.
  readonly kernel: Kernel<any>;
  readonly problem: unknown;
  /** Binding name -> name of an operation's input, output or scratch value; absent bindings get a dummy buffer. */
  readonly bind: Readonly<Record<string, string | undefined>>;
}

export function dispatch<P>(
  kernel: Kernel<P>,
  problem: P,
  bind: Readonly<Record<string, string | undefined>>,
): Dispatch {
  return { kernel, problem, bind };
}

const bindingPattern =
  /@group\(0\)\s*@binding\((\d+)\)\s*var<\s*(?:storage\s*,\s*(read_write|read)|(uniform))\s*>\s*(\w+)\s*:\s*([^;]+);/g;
const paramsPattern = /struct\s+Params\s*\{([^}]*)\}/;
const fieldPattern = /(\w+)\s*:\s*(u32|i32|f32)\s*,?/g;

const interfaces = new Map<string, KernelInterface>();

/** Reads bindings and uniform fields from the WGSL text. Comments are ignored. */
export function readInterface(source: string): KernelInterface {
  const known = interfaces.get(source);
  if (known) return known;
  const code = source.replace(/\/\/[^\n]*/g, "");
  const bindings: KernelBinding[] = [...code.matchAll(bindingPattern)].map((m) => ({
    index: Number(m[1]),
    name: m[4],
    access: (m[2] ?? m[3]) as BindingAccess,
    type: m[5].trim(),
  }));
  const body = paramsPattern.exec(code)?.[1] ?? "";
  const fields = [...body.matchAll(fieldPattern)].map((m) => ({ name: m[1], type: m[2] as KernelField["type"] }));
  const result = { bindings, fields };
  interfaces.set(source, result);
  return result;
}

/**
 * Rewrites `const NAME = value;` lines by name. WGSL allows override-sized arrays only in workgroup memory, so the
 * sizes of register tiles have to be constants of the text.
 *
 * @throws when the program has no such constant: a misspelt name must not be ignored.
 */
export function specialize(source: string, constants: Constants): string {
  let text = source;
  for (const [name, value] of Object.entries(constants)) {
    const line = new RegExp(`^(const\\s+${name}\\s*(?::\\s*(\\w+)\\s*)?=)[^;]*;`, "m");
    const found = line.exec(text);
    if (!found)
      throw new Error(`specialize: no line "const ${name} = ...;" in the WGSL program; expected one at top level.`);
    const type = found[2] ?? (/=\s*[^;]*u;/.test(found[0]) ? "u32" : "");
    const literal =
      typeof value === "boolean"
        ? String(value)
        : type === "u32"
          ? `${value}u`
          : type === "f32"
            ? asFloat(value)
            : String(value);
    text = text.replace(line, `$1 ${literal};`);
  }
  return text;
}

function asFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** Packs one `Params` struct: scalars only, 4 bytes each in the order of the WGSL, padded to 16 bytes. */
export function packParams(kernel: Kernel<any>, values: Readonly<Record<string, number>>): ArrayBuffer {
  const { fields } = readInterface(kernel.program.text);
  const buffer = new ArrayBuffer(Math.max(16, Math.ceil(fields.length / 4) * 16));
  const view = new DataView(buffer);
  fields.forEach((field, i) => {
    const value = values[field.name];
    if (value === undefined)
      throw new Error(
        `${kernel.program.name}: no value for the uniform ${field.name}; expected one of type ${field.type}.`,
      );
    if (field.type === "f32") view.setFloat32(i * 4, value, true);
    else if (field.type === "i32") view.setInt32(i * 4, value, true);
    else view.setUint32(i * 4, value, true);
  });
  const extra = Object.keys(values).find((name) => !fields.some((f) => f.name === name));
  if (extra)
    throw new Error(
      `${kernel.program.name}: the uniform ${extra} is not in Params; expected only ${fields.map((f) => f.name).join(", ")}.`,
    );
  return buffer;
}

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

/**
 * Folds a long one-dimensional launch into two dimensions, because WebGPU allows 65,535 workgroups a dimension.
 * The program finds its linear index as `workgroup_id.x + workgroup_id.y * num_workgroups.x` and must check its bound.
 */
export function foldWorkgroups(count: number): [number, number, number] {
  const limit = 65535;
  if (count <= limit) return [Math.max(1, count), 1, 1];
  const y = ceilDiv(count, limit);
  return [ceilDiv(count, y), y, 1];
}

/** What the runtime needs to launch a dispatch; plain data. */
export interface LaunchDescription {
  readonly pipeline: {
    readonly label: string;
    readonly code: string;
    readonly constants: Readonly<Record<string, number>>;
    readonly bindings: readonly KernelBinding[];
  };
  readonly workgroups: readonly [number, number, number];
  readonly params: ArrayBuffer;
  readonly names: readonly string[];
}

/**
 * Fetches the programs of what is going to be launched.
 *
 * @throws ThawError where one does not come.
 */
export async function loadPrograms(dispatches: readonly Dispatch[]): Promise<void> {
  const programs = new Set(dispatches.map(({ kernel }) => kernel.program));
  await Promise.all(
    [...programs].map(async (program) => {
      try {
        await program.load();
      } catch (error) {
        throw new ThawError(
          program.name,
          `its program could not be loaded (${String(error)})`,
          "the files that Thaw was built into",
          "Reload the page.",
        );
      }
    }),
  );
}

/** Puts a kernel and its problem into the runtime's terms. The kernel's program has to be loaded. */
export function describeLaunch({ kernel, problem }: Dispatch): LaunchDescription {
  const p = problem as never;
  const { text } = kernel.program;
  const { bindings } = readInterface(text);
  const overrides = kernel.overrides?.(p) ?? {};
  return {
    pipeline: {
      label: kernel.program.name,
      code: kernel.constants ? specialize(text, kernel.constants(p)) : text,
      constants: Object.fromEntries(Object.entries(overrides).map(([name, value]) => [name, Number(value)])),
      bindings,
    },
    workgroups: kernel.workgroups(p),
    params: packParams(kernel, kernel.params(p)),
    names: bindings.map((b) => b.name),
  };
}
