/**
 * What an operation is: shapes with their error messages, kernels to run it, and its gradient as a table.
 * Everything here is plain data and pure functions; compile passes prune, print and check it.
 */
import type { Dispatch } from "./kernel";
import type { StepValues } from "./step";
import { tuningKey } from "./tuning-key";

export type Shape = readonly number[];
export type Shapes = Readonly<Record<string, Shape | undefined>>;

/** What `select` may know of the adapter, so that a plan can also be made for an adapter that is not here. */
export interface AdapterTraits {
  /** A CPU behind the WebGPU interface: barriers and workgroup memory are dear there. */
  readonly software: boolean;
  readonly features: readonly ("shader-f16" | "subgroups" | "timestamp-query")[];
  readonly maxWorkgroupStorage: number; // bytes
  readonly maxInvocations: number; // invocations a workgroup
  /** Workgroups that give every core of a GPU some work; large tiles are taken where as many are left. Default 128. */
  readonly busyWorkgroups?: number;
  /** Forces a variant by name where an operation has it ("plain", "registers", "workgroup"); tests and benchmarks. */
  readonly forceVariant?: string;
  /** Variants that were timed, or pinned, for single problems: `tuningKey` -> variant. Comes before `select`. */
  readonly tuned?: Readonly<Record<string, string>>;
}

/** Where timing a variant would only waste the budget. Each condition that is given excludes by itself. */
export interface Unlikely {
  /** The family of adapters that it is hopeless on. */
  readonly on?: "gpu" | "software";
  /** FLOPs of a problem above which it is hopeless. */
  readonly above?: number;
  /** A variant that is known to be better wherever it can run. */
  readonly behind?: string;
}

/**
 * How the gradient with respect to one input is computed: an operation, and where each of its inputs comes from.
 * Names on the right are this operation's inputs and outputs, `d` + an output's name for the incoming gradient
 * (`dy` for an output `y`), or an output of another rule of the same table (so that a shared reduction runs once).
 */
export interface Gradient<A = any> {
  readonly op: string;
  /** Input of the gradient operation -> value of this one. */
  readonly from: Readonly<Record<string, string>>;
  /** Replaces entries of `from` depending on the attributes (an activation's gradient reads y where that is enough, else x). */
  readonly alternative?: (attrs: A) => Readonly<Record<string, string>> | undefined;
  /** Attributes of the gradient operation; default: those of this operation. `shapes` has this operation's inputs and outputs. */
  readonly attrs?: (attrs: A, shapes: Shapes, input: string) => object;
  /** Which output of the gradient operation is the gradient; default: its first. */
  readonly output?: string;
}

export interface Lowering {
  readonly dispatches: readonly Dispatch[];
  /** Temporary values of this operation: name -> number of 4-byte elements. */
  readonly scratch?: Readonly<Record<string, number>>;
}

export type Lower<A> = (attrs: A, shapes: Record<string, Shape>, adapter: AdapterTraits) => Lowering;

/** An example problem, used by the contract test and the gradient check. */
export interface Case<A> {
  readonly attrs: A;
  readonly inputs: Readonly<Record<string, Shape | undefined>>;
  /** Too large for central differences or for every variant on a slow adapter: contract test only. */
  readonly large?: true;
  /** Has an epilogue that only fusion can make: contract test only, because gradients are taken before fusion. */
  readonly fused?: true;
  /** What the adapter is taken for instead, to reach forms that only larger problems get: contract test only. */
  readonly traits?: Partial<AdapterTraits>;
  /** Values of the `step` uniform for operations that read it; default: `exampleStep`. */
  readonly step?: Partial<StepValues>;
  /** How input values are drawn, where the default (normal, mean 0, deviation 1) does not fit. */
  readonly fill?: Readonly<Record<string, ((i: number, random: () => number) => number) | undefined>>;
}

export interface Operation<A = any> {
  readonly name: string;
  /** Input names in order; a trailing `?` marks an optional one. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Shapes of the outputs. Throws an `Error` in the form of DESIGN.md for inputs that do not fit. */
  readonly shapes: (attrs: A, inputs: Shapes) => Record<string, Shape>;
  /** Takes any number of inputs named `x0`, `x1`, ... instead of `inputs`; the entry `x` of `gradients` serves each. */
  readonly variadic?: true;
  /** Inputs that hold u32 (packed bytes, indices) instead of f32. */
  readonly integers?: readonly string[];
  /** Inputs and outputs that hold f16, two in each 32-bit word, instead of f32; default: none. */
  readonly halves?: (attrs: A) => readonly string[];
  /** Variants that round their inputs to f16 and compute in it, in part; their tests allow for it. */
  readonly f16Variants?: readonly string[];
  /**
   * A loss: output 0 is the loss of each row, and its gradient is that of the mean over all rows (the 1/rows is part of the
   * gradient operation, so no seed value is needed).
   */
  readonly loss?: true;
  /** One entry for each differentiable input. */
  readonly gradients: Readonly<Record<string, Gradient<A>>>;
  /** Inputs without a gradient (labels, moving statistics, indices), so that a forgotten one is noticed. */
  readonly constants?: readonly string[];
  /** Inputs whose buffer the operation updates in place (moving statistics); they count as written. */
  readonly updates?: readonly string[];
  /** Draws random numbers: what it computes from the same inputs changes from step to step. */
  readonly random?: true;
  /** Only a new view of the same memory (reshape): output 0 shares the buffer of input 0 and nothing is dispatched. */
  readonly alias?: true;
  /** Named ways to run it; "plain" is the readable definition and always there (except for aliases). */
  readonly variants: Readonly<Record<string, Lower<A>>>;
  /** The visible table: which variant for this problem on this adapter. Default: "plain". */
  readonly select?: (attrs: A, shapes: Record<string, Shape>, adapter: AdapterTraits) => string;
  /**
   * Variants that an autotuner leaves out; one without an entry is a candidate wherever it can run (but `plain` only below a
   * million FLOPs). A form (`tiles@64x32`) shares the entry of its variant. Programs in half precision need no entry: they
   * never stand in for others.
   */
  readonly unlikely?: Readonly<Record<string, Unlikely>>;
  /** Whether a fused epilogue (optional inputs scale, b, residual; attribute activation) can be put on. */
  readonly epilogue?: true;
  readonly cases: readonly Case<A>[];
}

/** Lets TypeScript check the attribute type of one declaration. */
export function operation<A>(definition: Operation<A>): Operation<A> {
  return definition;
}

export function elements(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** A variant, and what `select` says where a tuned answer took its place. */
export interface Choice {
  readonly variant: string;
  readonly instead?: string;
}

/** The variant that runs: a forced one where the operation has it, else the tuned answer for this problem, else what its table says. */
export function choose(op: Operation, attrs: unknown, shapes: Record<string, Shape>, adapter: AdapterTraits): Choice {
  const { forceVariant: forced, tuned } = adapter;
  const runs = (name: string | undefined): name is string =>
    name !== undefined && Object.hasOwn(op.variants, name) && fits(op, name, attrs, shapes, adapter);
  if (forced && runs(forced)) return { variant: forced };
  const selected = op.select?.(attrs, shapes, adapter) ?? "plain";
  const answer = tuned?.[tuningKey(op, attrs, shapes)];
  return answer !== selected && runs(answer) ? { variant: answer, instead: selected } : { variant: selected };
}

export const chooseVariant = (
  op: Operation,
  attrs: unknown,
  shapes: Record<string, Shape>,
  adapter: AdapterTraits,
): string => choose(op, attrs, shapes, adapter).variant;

/**
 * A variant in several forms, which differ in numbers such as the tile: `tiles` chooses them itself, `tiles@64x32` has them
 * from the table of forms. Forms are variants like any other; they are there to be timed.
 */
export function formsOf<A, F>(
  variant: string,
  forms: Readonly<Record<string, F>>,
  lower: (form?: F) => Lower<A>,
): Record<string, Lower<A>> {
  const named = Object.entries(forms).map(([name, form]) => [`${variant}@${name}`, lower(form)] as const);
  return { [variant]: lower(), ...Object.fromEntries(named) };
}

/** `tiles` for `tiles@64x32`. */
export const variantOfForm = (name: string): string => name.split("@", 1)[0];

/** A variant refuses a problem it cannot run by throwing a `VariantUnfit`; the contract test skips that pair. */
export class VariantUnfit extends Error {}

/** A variant refuses every problem on this adapter, because it lacks a feature. */
export class AdapterLacks extends VariantUnfit {
  constructor(readonly feature: AdapterTraits["features"][number]) {
    super(`the adapter lacks ${feature}`);
  }
}

export function fits(
  op: Operation,
  variant: string,
  attrs: unknown,
  shapes: Record<string, Shape>,
  adapter: AdapterTraits,
): boolean {
  return refusal(op, variant, attrs, shapes, adapter) === undefined;
}

/** Why a variant refuses a problem; undefined where it does not. */
export function refusal(
  op: Operation,
  variant: string,
  attrs: unknown,
  shapes: Record<string, Shape>,
  adapter: AdapterTraits,
): VariantUnfit | undefined {
  try {
    op.variants[variant](attrs, shapes, adapter);
    return undefined;
  } catch (error) {
    if (error instanceof VariantUnfit) return error;
    throw error;
  }
}

export const exampleStep: StepValues = {
  iteration: 3,
  seed: 7,
  batchStart: 2,
  ringSlot: 1,
  learningRate: 0.05,
  effectiveRate: 0.04,
};
