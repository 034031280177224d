/**
 * Forcing variants. `THAW_VARIANT=name npm test` runs every operation by the variant of that name, where it has one and
 * the variant can do the problem; the contract suite then checks that variant only. `THAW_LONG=1` takes all 20 steps of
 * every trajectory with every variant. vite.config.ts hands both to the pages.
 */
import { fits, variantOfForm, type AdapterTraits, type Operation, type Shape } from "../../src/kernels/operation";
import { core, operations } from "./operations";

/** The names of all variants of all operations, so that a new one cannot be forgotten. */
export const variantNames: readonly string[] = [...new Set(operations.flatMap((op) => Object.keys(op.variants)))];

/**
 * Those that trainings are repeated with: their nets have no imported operations. Forms are the same programs with other numbers:
 * the contract of kernels has them.
 */
export const trainedVariants = (): readonly string[] =>
  [...new Set(core.flatMap((op) => Object.keys(op.variants)))].filter((name) => long || variantOfForm(name) === name);

/** The variant that this run was asked to force. */
export const forcedVariant: string | undefined = readForced();

export const long = Boolean(import.meta.env.THAW_LONG);

function readForced(): string | undefined {
  const name = import.meta.env.THAW_VARIANT as string | undefined;
  if (!name || variantNames.includes(name)) return name || undefined;
  throw new Error(`tests: THAW_VARIANT is "${name}"; expected one of ${variantNames.join(", ")}`);
}

const optional: readonly AdapterTraits["features"][number][] = ["shader-f16", "subgroups"];

/** The adapter with the fewest optional features more that `works` accepts, and which they are. */
export function neededFeatures(traits: AdapterTraits, works: (traits: AdapterTraits) => boolean): string[] | undefined {
  const absent = optional.filter((feature) => !traits.features.includes(feature));
  const sets = [[], ...absent.map((feature) => [feature]), absent];
  return sets.find((more) => works({ ...traits, features: [...traits.features, ...more] }));
}

/** Why an adapter can run a variant in none of its cases; undefined where it can, or where no feature would help. */
export function lacking(op: Operation, variant: string, traits: AdapterTraits): string | undefined {
  const runs = (adapter: AdapterTraits) =>
    op.cases.some(({ attrs, inputs }) => {
      const shapes = { ...inputs, ...op.shapes(attrs, inputs) } as Record<string, Shape>;
      return fits(op, variant, attrs, shapes, adapter);
    });
  const missing = neededFeatures(traits, runs);
  return missing?.length ? `this adapter has no ${missing.join(" and no ")}` : undefined;
}

/** The same for a variant of every operation that has it: undefined where the adapter can run one of them. */
export function lackingEverywhere(variant: string, traits: AdapterTraits): string | undefined {
  const having = operations.filter((op) => op.variants[variant]);
  const reasons = having.map((op) => lacking(op, variant, traits));
  return reasons.includes(undefined) ? undefined : reasons[0];
}

/** Leaves a test out with a reason that is also printed, because Vitest's reporter keeps it to itself. */
export function skip(
  context: { readonly task: { readonly name: string }; skip(note: string): never },
  what: string,
  reason: string,
): never {
  console.log(`skipped: ${what}: ${reason}`);
  return context.skip(reason);
}
