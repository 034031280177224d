/**
 * Float64 references of operations: plain loops written to be read. They are the definition that kernels and gradient
 * tables are tested against, and are not part of the shipped bundle.
 */
import type { Shape } from "./operation";
import type { StepValues } from "./step";

export type Arrays = Readonly<Record<string, Float64Array | undefined>>;

export interface Reference<A = any> {
  readonly name: string;
  /** `shapes` holds the shapes of inputs and outputs by name. Results are by output name, and by input name for updated inputs. */
  readonly run: (
    attrs: A,
    inputs: Arrays,
    shapes: Readonly<Record<string, Shape | undefined>>,
    step: StepValues,
  ) => Record<string, Float64Array>;
  /** Length of the longest sum behind one output element, for the tolerance; default 1. */
  readonly terms?: (attrs: A, shapes: Readonly<Record<string, Shape | undefined>>) => number;
}

export function reference<A>(name: string, run: Reference<A>["run"], terms?: Reference<A>["terms"]): Reference<A> {
  return { name, run, terms };
}
