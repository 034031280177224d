/** What an autotuner may try for a problem: pure, so that it can be printed and tested without a GPU. */
import { loadPrograms, type Kernel } from "./kernel";
import {
  fits,
  variantOfForm,
  type AdapterTraits,
  type Lowering,
  type Operation,
  type Shape,
  type Unlikely,
} from "./operation";
import type { Program } from "./program";

/** For every operation that says nothing else: the readable definition may win where there is next to nothing to do. */
const usuallyUnlikely: Readonly<Record<string, Unlikely | undefined>> = { plain: { above: 1e6 } };

/** One way to run a problem. */
export interface Candidate {
  readonly variant: string;
  readonly lowering: Lowering;
}

/**
 * The variant that `select` names, first, then those that may beat it: they can run the problem, are not declared unlikely
 * for it, do not compute with less precision, and differ from those before them in what is launched.
 */
export function candidatesFor(
  op: Operation,
  attrs: unknown,
  shapes: Record<string, Shape>,
  adapter: AdapterTraits,
): Candidate[] {
  const usual = op.select?.(attrs, shapes, adapter) ?? "plain";
  const lower = (variant: string): Candidate => ({ variant, lowering: op.variants[variant](attrs, shapes, adapter) });
  const first = lower(usual);
  const inHalfPrecision = (variant: string) => op.f16Variants?.includes(variantOfForm(variant)) ?? false;
  const flops = flopsOf(first.lowering);
  const runs = (variant: string) => variant in op.variants && fits(op, variant, attrs, shapes, adapter);
  const likely = (variant: string) => {
    const { on, above = Infinity, behind } = { ...usuallyUnlikely, ...op.unlikely }[variantOfForm(variant)] ?? {};
    return on !== (adapter.software ? "software" : "gpu") && flops <= above && !(behind && runs(behind));
  };
  const candidates = new Map([[launched(first.lowering), first]]);
  for (const variant of Object.keys(op.variants)) {
    if (!likely(variant) || !runs(variant)) continue;
    if (inHalfPrecision(variant) && !inHalfPrecision(usual)) continue;
    const candidate = lower(variant);
    const key = launched(candidate.lowering);
    if (!candidates.has(key)) candidates.set(key, candidate);
  }
  return [...candidates.values()];
}

/** Cost of a lowering in floating-point operations. */
export const flopsOf = ({ dispatches }: Lowering): number =>
  dispatches.reduce((sum, { kernel, problem }) => sum + kernel.cost(problem).flops, 0);

/** Two lowerings with one answer launch the same. */
const launched = ({ dispatches }: Lowering): string =>
  JSON.stringify(
    dispatches.map(({ kernel, problem, bind }) => [
      kernel.program.name,
      kernel.constants?.(problem),
      kernel.overrides?.(problem),
      kernel.workgroups(problem),
      kernel.params(problem),
      bind,
    ]),
  );

/** A kernel's program in few letters. */
function digestOfProgram({ program }: Kernel<any>): string {
  let known = digests.get(program);
  if (known === undefined) digests.set(program, (known = digest(program.text)));
  return known;
}

const digests = new Map<Program, string>();

/**
 * Digest of the candidates' names and programs. A stored answer is believed as long as it is the same, so that answers go
 * out of use when a kernel changes or a new variant comes.
 */
export async function digestOf(candidates: readonly Candidate[]): Promise<string> {
  await loadPrograms(candidates.flatMap(({ lowering }) => lowering.dispatches));
  const parts = candidates.map(({ variant, lowering }) => [
    variant,
    lowering.dispatches.map(({ kernel, problem }) => [digestOfProgram(kernel), kernel.constants?.(problem)]),
  ]);
  return digest(JSON.stringify(parts));
}

/** FNV-1a, 32 bits twice, in hexadecimal: no defence against anybody, only against mixing things up. */
function digest(text: string): string {
  const hash = (seed: number) => {
    let h = seed;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    return (h >>> 0).toString(16).padStart(8, "0");
  };
  return hash(0x811c9dc5) + hash(0x9dc5811c);
}
