/**
 * The contract of a kernel: every variant of every operation equals its float64 reference over all its cases.
 * The same suite runs in the browser and in Node.
 */
import { describe, expect, it } from "vitest";
import { adapterName, type Gpu } from "../../src/gpu/device";
import {
  elements,
  exampleStep,
  fits,
  variantOfForm,
  type AdapterTraits,
  type Case,
  type Operation,
  type Shape,
} from "../../src/kernels/operation";
import { roundToHalf } from "../../src/kernels/half/toHalf.reference";
import { describeLaunch, loadPrograms } from "../../src/kernels/kernel";
import { operations } from "./operations";
import { flopsOf } from "../../src/kernels/tuning";
import { forcedVariant, lacking, long, skip } from "./forced";
import { references } from "./references";
import { normal, uniform } from "./random";
import { adapterTraits } from "../../src/nn/adapter-traits";
import { runOperation } from "./run-operation";

const epsilon = 2 ** -23; // of f32
const halfEpsilon = 2 ** -10; // of f16

const presentInputs = (example: Case<unknown>) =>
  Object.entries(example.inputs).filter((entry): entry is [string, Shape] => entry[1] !== undefined);

export function drawInputs(
  op: Operation,
  example: Case<unknown>,
  seed: number,
): Record<string, Float32Array | Uint32Array> {
  const random = uniform(seed);
  return Object.fromEntries(
    presentInputs(example).map(([name, shape]) => {
      const fill = example.fill?.[name] ?? (() => normal(random));
      const Kind = op.integers?.includes(name) ? Uint32Array : Float32Array;
      const values = Array.from({ length: elements(shape) }, (_, i) => fill(i, random));
      return [name, new Kind(values)];
    }),
  );
}

export function describeCase(example: Case<unknown>): string {
  const shapes = presentInputs(example).map(([name, s]) => `${name}[${s.join(",")}]`);
  return `${JSON.stringify(example.attrs)} ${shapes.join(" ")}`;
}

/**
 * The inputs as a variant sees them: what lies in f16, or is rounded to it by a variant that computes in f16, is rounded here, so
 * that only errors of arithmetic are left to compare.
 */
export function roundInputs<T extends Float32Array | Uint32Array>(
  op: Operation,
  variant: string,
  attrs: unknown,
  inputs: Readonly<Record<string, T>>,
): Record<string, T> {
  const halves = op.halves?.(attrs) ?? [];
  const all = op.f16Variants?.includes(variant) ?? false;
  return Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [
      name,
      all || halves.includes(name) ? (values.map(roundToHalf) as T) : values,
    ]),
  );
}

/**
 * Worst error of a variant that sums in f16: a term and a short run of them are each off by half an epsilon of the run, and
 * errors of `terms` runs and terms add up like noise. The worst of ten thousands of results is more than four deviations off.
 */
export function worstHalfError(
  actual: Float32Array,
  expected: Float64Array,
  terms: number,
): { error: number; at: number } {
  return worst(actual, expected, 6 * halfEpsilon * Math.sqrt(terms), halfEpsilon);
}

/** Worst error in units of the tolerance absolute + |reference| * eps * sqrt(terms); above 1 is a failure. */
export function worstError(actual: Float32Array, expected: Float64Array, terms: number): { error: number; at: number } {
  // A sum of n terms of size 1 loses about eps * n in absolute terms, whatever it cancels to; 1e-6 is for erf and exp.
  const relative = 8 * epsilon * Math.sqrt(terms);
  const absolute = 1e-6 + 2 * epsilon * terms;
  return worst(actual, expected, absolute, relative);
}

function worst(
  actual: Float32Array,
  expected: Float64Array,
  absolute: number,
  relative: number,
): { error: number; at: number } {
  let error = 0;
  let at = -1;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    const tolerance = absolute + Math.abs(expected[i]) * relative;
    const e = Number.isNaN(difference) ? Infinity : difference / tolerance;
    if (e > error) [error, at] = [e, i];
  }
  return { error, at };
}

/**
 * The cases that a variant can run. A form of a variant is the same program with other numbers, which take a software
 * adapter a second to compile: of its cases, the one with the most work.
 */
function casesFor(op: Operation, variant: string, adapter: AdapterTraits) {
  const all = op.cases.map((example, i) => {
    const shapes = { ...example.inputs, ...op.shapes(example.attrs, example.inputs) } as Record<string, Shape>;
    return { example, seed: i + 1, shapes, traits: { ...adapter, ...example.traits } };
  });
  const runs = all.filter(({ example, shapes, traits }) => fits(op, variant, example.attrs, shapes, traits));
  if (!isForm(variant)) return runs;
  const work = ({ example, shapes, traits }: (typeof runs)[number]) =>
    flopsOf(op.variants[variant](example.attrs, shapes, traits));
  return runs.toSorted((a, b) => work(b) - work(a)).slice(0, 1);
}

/**
 * What SwiftShader, which takes seconds to compile a program through workgroup memory and is no GPU, runs of such a variant: cases
 * until there are as many programs, and those that need no further one. Firefox runs all cases on llvmpipe, and so does
 * THAW_LONG=1.
 */
const programsOfTiles = 8;

function fewerTiles(op: Operation, variant: string, gpu: Gpu, runs: ReturnType<typeof casesFor>): typeof runs {
  if (long || !variant.startsWith("tiles") || !/swiftshader/i.test(adapterName(gpu.adapter))) return runs;
  const programs = new Set<string>();
  const kept = runs.filter(({ example, shapes, traits }) => {
    const { dispatches } = op.variants[variant](example.attrs, shapes, traits);
    const needed = dispatches.map((d) => {
      const { code, constants } = describeLaunch(d).pipeline;
      return JSON.stringify([code, constants]);
    });
    if (programs.size + needed.filter((p) => !programs.has(p)).length > programsOfTiles) return false;
    for (const p of needed) programs.add(p);
    return true;
  });
  if (kept.length < runs.length)
    console.log(`${op.name}, ${variant}: ${kept.length} of ${runs.length} cases, for SwiftShader's slow compilation`);
  return kept;
}

const isForm = (variant: string) => variantOfForm(variant) !== variant;

/** @param forms whether forms of variants are run too; once is enough, as they differ in numbers only */
export function contractSuite(getGpu: () => Gpu, { forms = false } = {}): void {
  const only = import.meta.env.THAW_ONLY ? String(import.meta.env.THAW_ONLY).split(",") : undefined;
  for (const op of operations) {
    if (op.alias || (only && !only.includes(op.name))) continue;
    if (forcedVariant && !op.variants[forcedVariant]) continue;
    describe(op.name, () => {
      for (const variant of Object.keys(op.variants).filter((name) => forms || !isForm(name))) {
        if (forcedVariant && variant !== forcedVariant) continue;
        it(`${variant} equals the float64 reference`, async (context) => {
          const gpu = getGpu();
          const reason = lacking(op, variant, adapterTraits(gpu));
          if (reason) skip(context, `${op.name}, ${variant}`, reason);
          const ref = references.get(op.name);
          expect(ref, `a reference for ${op.name}`).toBeDefined();
          let ran = 0;
          const cases = casesFor(op, variant, adapterTraits(gpu));
          const launchesOf = (runs: typeof cases) =>
            runs.flatMap((r) => op.variants[variant](r.example.attrs, r.shapes, r.traits).dispatches);
          await loadPrograms(launchesOf(cases));
          const runs = fewerTiles(op, variant, gpu, cases);
          // All programs at once, on all cores: compiling them one by one is most of the time of this suite.
          await Promise.all(launchesOf(runs).map(async (d) => await gpu.pipelines.get(describeLaunch(d).pipeline)));
          for (const { example, seed, shapes, traits } of runs) {
            const inputs = roundInputs(op, variant, example.attrs, drawInputs(op, example, seed));
            ran++;
            const step = { ...exampleStep, ...example.step };
            const actual = await runOperation(gpu, op, variant, example.attrs, inputs, example.inputs, step, traits);
            const wide = Object.fromEntries(Object.entries(inputs).map(([name, v]) => [name, Float64Array.from(v)]));
            const expected = ref!.run(example.attrs, wide, shapes, step);
            for (const [name, values] of Object.entries(expected)) {
              const measure = op.f16Variants?.includes(variant) ? worstHalfError : worstError;
              const { error, at } = measure(actual[name], values, ref!.terms?.(example.attrs, shapes) ?? 1);
              expect(actual[name].length, `${name} of ${describeCase(example)}`).toBe(values.length);
              expect(
                error,
                `${describeCase(example)}: ${name}[${at}] is ${actual[name][at]}, reference ${values[at]}`,
              ).toBeLessThanOrEqual(1);
            }
          }
          expect(ran, "cases that the variant can run").toBeGreaterThan(0);
        });
      }
    });
  }
}
