/** Reductions over axes: sums, extremes, norms, and where an extreme lies. */
import { ThawError } from "../../errors";
import { dispatch, type Kernel } from "../kernel";
import { operation, type Lower, type Shape } from "../operation";
import { wgsl } from "../late-program";
import {
  lanesOf,
  reducedShape,
  reductionOverrides,
  reductionParams,
  reductionWorkgroups,
  selectReduction,
  walkOf,
  type Reduction,
} from "./reduction";
import { argShapes, reduceCases, ties } from "./reduce-cases";

/** In the order of FUNCTION in the WGSL programs. */
const kinds = ["sum", "mean", "max", "min", "prod", "l1", "l2", "logSum", "logSumExp", "sumSquare"] as const;

export type ReduceKind = (typeof kinds)[number];

export interface ReduceAttrs {
  readonly kind: ReduceKind;
  /** Numbers of axes from 0, in ascending order. */
  readonly axes: readonly number[];
  /** Axes of 1 stay in their place. */
  readonly keepDims: boolean;
}

export interface ReduceGradientAttrs extends ReduceAttrs {
  readonly inputShape: Shape;
}

interface Reduce extends Reduction {
  readonly kind: ReduceKind;
}

const common = (p: Reduction) => reductionParams(p);
const counts = ({ results, terms }: Reduction) => ({ x: results * terms, y: results });

export const reduceKernel: Kernel<Reduce> = {
  program: wgsl("math", "reduce"),
  overrides: (p) => ({ ...reductionOverrides(p), FUNCTION: kinds.indexOf(p.kind) }),
  params: common,
  workgroups: reductionWorkgroups,
  sizes: counts,
  cost: (p) => ({ flops: p.results * p.terms, bytes: 4 * (p.results * p.terms + p.results) }),
};

const readsNothing = (kind: ReduceKind) => kind === "sum" || kind === "mean";

export const reduceGradientKernel: Kernel<Reduce> = {
  program: wgsl("math", "reduce_gradient"),
  overrides: (p) => ({ ...reductionOverrides(p), FUNCTION: kinds.indexOf(p.kind) }),
  params: common,
  workgroups: reductionWorkgroups,
  sizes: (p) => {
    const { x, y } = counts(p);
    return { dy: y, dx: x, ...(!readsNothing(p.kind) && { x, y }) };
  },
  cost: (p) => ({
    flops: 2 * p.results * p.terms,
    bytes: 4 * (readsNothing(p.kind) ? 1 : 2) * (p.results * p.terms + p.results),
  }),
};

const inLanes =
  (lanes: boolean): Lower<ReduceAttrs> =>
  ({ kind, axes }, { x }) => {
    const walk = walkOf("reduce", x, axes);
    const problem = { ...walk, kind, lanes: lanes ? lanesOf(walk) : 1 };
    return { dispatches: [dispatch(reduceKernel, problem, { x: "x", y: "y" })] };
  };

export const reduce = operation<ReduceAttrs>({
  name: "reduce",
  inputs: ["x"],
  outputs: ["y"],
  shapes: ({ kind, axes, keepDims }, { x }) => {
    if (!kinds.includes(kind)) throw new ThawError("reduce", `received kind "${kind}"`, `one of ${kinds.join(", ")}`);
    walkOf("reduce", x!, axes);
    return { y: reducedShape(x!, axes, keepDims) };
  },
  gradients: {
    x: {
      op: "reduceGradient",
      from: { dy: "dy", x: "x", y: "y" },
      // Sums do not read what they summed, so it need not be kept.
      alternative: ({ kind }) => (readsNothing(kind) ? { x: "none", y: "none" } : undefined),
      attrs: (attrs, { x }): ReduceGradientAttrs => ({ ...attrs, inputShape: x! }),
    },
  },
  variants: { plain: inLanes(false), lanes: inLanes(true) },
  select: ({ axes }, { x }, adapter) => selectReduction(walkOf("reduce", x, axes), adapter),
  cases: reduceCases,
});

const gradientInLanes =
  (lanes: boolean): Lower<ReduceGradientAttrs> =>
  ({ kind, axes, inputShape }, { x, y }) => {
    const walk = walkOf("reduceGradient", inputShape, axes);
    const problem = { ...walk, kind, lanes: lanes ? lanesOf(walk) : 1 };
    const bind = { dy: "dy", x: x && "x", y: y && "y", dx: "dx" };
    return { dispatches: [dispatch(reduceGradientKernel, problem, bind)] };
  };

export const reduceGradient = operation<ReduceGradientAttrs>({
  name: "reduceGradient",
  inputs: ["dy", "x?", "y?"],
  outputs: ["dx"],
  shapes: ({ inputShape }) => ({ dx: inputShape }),
  gradients: {},
  constants: ["dy", "x", "y"],
  variants: { plain: gradientInLanes(false), lanes: gradientInLanes(true) },
  select: ({ axes, inputShape }, _, adapter) => selectReduction(walkOf("reduceGradient", inputShape, axes), adapter),
  cases: reduceCases.map(({ attrs, inputs, fill, ...more }) => {
    const y = reducedShape(inputs.x!, attrs.axes, attrs.keepDims);
    return {
      ...more,
      attrs: { ...attrs, inputShape: inputs.x! },
      inputs: { dy: y, ...(!readsNothing(attrs.kind) && { x: inputs.x, y }) },
      fill: { x: ties[attrs.kind], y: (i: number) => (ties[attrs.kind] ? 1 : 1 + (i % 5) / 4), ...fill },
    };
  }),
});

export interface ArgReduceAttrs {
  readonly kind: "argmax" | "argmin";
  readonly axis: number;
  readonly keepDims: boolean;
  /** Of equal elements the last counts; default the first. */
  readonly last?: boolean;
}

export const argReduceKernel: Kernel<Reduction & { readonly minimum: boolean; readonly last: boolean }> = {
  program: wgsl("math", "arg_reduce"),
  overrides: (p) => ({ ...reductionOverrides(p), MINIMUM: p.minimum, LAST: p.last }),
  params: common,
  workgroups: reductionWorkgroups,
  sizes: counts,
  cost: (p) => ({ flops: p.results * p.terms, bytes: 4 * (p.results * p.terms + p.results) }),
};

const argInLanes =
  (lanes: boolean): Lower<ArgReduceAttrs> =>
  ({ kind, axis, last = false }, { x }) => {
    const walk = walkOf("argReduce", x, [axis]);
    const problem = { ...walk, lanes: lanes ? lanesOf(walk) : 1, minimum: kind === "argmin", last };
    return { dispatches: [dispatch(argReduceKernel, problem, { x: "x", y: "y" })] };
  };

/** Where the largest or smallest element along an axis lies, counted from 0. */
export const argReduce = operation<ArgReduceAttrs>({
  name: "argReduce",
  inputs: ["x"],
  outputs: ["y"],
  shapes: ({ kind, axis, keepDims }, { x }) => {
    if (kind !== "argmax" && kind !== "argmin")
      throw new ThawError("argReduce", `received kind "${String(kind)}"`, "argmax or argmin");
    walkOf("argReduce", x!, [axis]);
    return { y: reducedShape(x!, [axis], keepDims) };
  },
  gradients: {},
  constants: ["x"],
  variants: { plain: argInLanes(false), lanes: argInLanes(true) },
  select: ({ axis }, { x }, adapter) => selectReduction(walkOf("argReduce", x, [axis]), adapter),
  cases: (["argmax", "argmin"] as const).flatMap((kind) =>
    [true, false].flatMap((last) =>
      argShapes.map(([x, axis]) => ({
        attrs: { kind, axis, last, keepDims: last },
        inputs: { x },
        fill: { x: (i: number) => ((i * 7) % 5) - 2 },
      })),
    ),
  ),
});
