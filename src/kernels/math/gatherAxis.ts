/** Picks elements along an axis by numbers that are themselves values of the graph; negative ones count from the end. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Gradient, type Lowering, type Operation, type Shape } from "../operation";
import { wgsl } from "../late-program";

export interface GatherAxisAttrs {
  /** Counted from 0. */
  readonly axis: number;
}

export interface GatherAxisGradientAttrs extends GatherAxisAttrs {
  readonly inputShape: Shape;
}

interface Gather {
  /** An index for each element, instead of one for a whole slice. */
  readonly single: boolean;
  /** Elements of x in front of the axis, along it and behind it. */
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  /** Indices along the axis of y. */
  readonly picks: number;
}

const source = (p: Gather) => p.outer * p.length * p.inner;
const result = (p: Gather) => p.outer * p.picks * p.inner;
const indices = (p: Gather) => (p.single ? result(p) : p.picks);
const params = ({ length, inner, picks }: Gather) => ({ length, inner, picks });
const launch = (count: number) => foldWorkgroups(ceilDiv(count, 64));
const bytes = (p: Gather) => 4 * (2 * result(p) + indices(p));

export const gatherAxisKernel: Kernel<Gather> = {
  program: wgsl("math", "gather_axis"),
  overrides: ({ single }) => ({ SINGLE: single }),
  params: (p) => ({ count: result(p), ...params(p) }),
  workgroups: (p) => launch(result(p)),
  sizes: (p) => ({ x: source(p), indices: indices(p), y: result(p) }),
  cost: (p) => ({ flops: 0, bytes: bytes(p) }),
};

export const gatherAxisGradientKernel: Kernel<Gather> = {
  program: wgsl("math", "gather_axis_gradient"),
  overrides: ({ single }) => ({ SINGLE: single }),
  params: (p) => ({ count: source(p), ...params(p) }),
  workgroups: (p) => launch(source(p)),
  sizes: (p) => ({ dy: result(p), indices: indices(p), dx: source(p) }),
  cost: (p) => ({ flops: result(p), bytes: bytes(p) }),
};

function problemOf(single: boolean, axis: number, x: Shape, index: Shape): Gather {
  const [outer, inner] = [elements(x.slice(0, axis)), elements(x.slice(axis + 1))];
  return { single, outer, length: x[axis], inner, picks: single ? index[axis] : elements(index) };
}

function checkAxis(who: string, axis: number, x: Shape): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= x.length)
    throw new ThawError(who, `received axis ${axis} for x of shape ${formatShape(x)}`, `0 to ${x.length - 1}`);
}

const gradientTo = (op: string): Gradient<GatherAxisAttrs> => ({
  op,
  from: { dy: "dy", indices: "indices" },
  attrs: ({ axis }, { x }): GatherAxisGradientAttrs => ({ axis, inputShape: x! }),
});

const pick = (single: boolean, axis: number, { x, indices: index }: Record<string, Shape>): Lowering => ({
  dispatches: [dispatch(gatherAxisKernel, problemOf(single, axis, x, index), { x: "x", indices: "indices", y: "y" })],
});

/** A number that lies within an axis of `length`, counted from the front or from the end. */
const within = (length: number) => (i: number) => ((i * 5) % (2 * length)) - length;

/** y takes slices of x: its axis becomes the axes of the indices. */
export const gatherAxis = operation<GatherAxisAttrs>({
  name: "gatherAxis",
  inputs: ["x", "indices"],
  outputs: ["y"],
  shapes: ({ axis }, { x, indices: index }) => {
    checkAxis("gatherAxis", axis, x!);
    return { y: [...x!.slice(0, axis), ...index!, ...x!.slice(axis + 1)] };
  },
  gradients: { x: gradientTo("gatherAxisGradient") },
  constants: ["indices"],
  variants: { plain: ({ axis }, shapes) => pick(false, axis, shapes) },
  cases: sliceCases(),
});

/** y has an element of x for each index: y[i, j, k] = x[i, indices[i, j, k], k] for axis 1. */
export const gatherElements = operation<GatherAxisAttrs>({
  name: "gatherElements",
  inputs: ["x", "indices"],
  outputs: ["y"],
  shapes: ({ axis }, { x, indices: index }) => {
    checkAxis("gatherElements", axis, x!);
    if (index!.length !== x!.length || index!.some((n, a) => a !== axis && n !== x![a]))
      throw new ThawError(
        "gatherElements",
        `indices have shape ${formatShape(index)} for x of shape ${formatShape(x)} and axis ${axis}`,
        "the lengths of x on all other axes",
        "Slice x first.",
      );
    return { y: index! };
  },
  gradients: { x: gradientTo("gatherElementsGradient") },
  constants: ["indices"],
  variants: { plain: ({ axis }, shapes) => pick(true, axis, shapes) },
  cases: elementCases(),
});

/** Each element of dx walks the indices and adds up what was taken from it, so that the sum does not depend on timing. */
function gradientOf(
  name: string,
  single: boolean,
  forward: Operation<GatherAxisAttrs>,
): Operation<GatherAxisGradientAttrs> {
  return operation<GatherAxisGradientAttrs>({
    name,
    inputs: ["dy", "indices"],
    outputs: ["dx"],
    shapes: ({ inputShape }) => ({ dx: inputShape }),
    gradients: {},
    constants: ["dy", "indices"],
    variants: {
      plain: ({ axis, inputShape }, { indices: index }) => ({
        dispatches: [
          dispatch(gatherAxisGradientKernel, problemOf(single, axis, inputShape, index), {
            dy: "dy",
            indices: "indices",
            dx: "dx",
          }),
        ],
      }),
    },
    cases: forward.cases.map(({ attrs, inputs, fill }) => ({
      attrs: { ...attrs, inputShape: inputs.x! },
      inputs: { dy: forward.shapes(attrs, inputs).y, indices: inputs.indices },
      fill,
    })),
  });
}

export const gatherAxisGradient = gradientOf("gatherAxisGradient", false, gatherAxis);
export const gatherElementsGradient = gradientOf("gatherElementsGradient", true, gatherElements);

/** x, shape of the indices, axis */
type Problem = readonly [Shape, Shape, number];

function casesOf(problems: readonly Problem[]): Case<GatherAxisAttrs>[] {
  return problems.map(([x, index, axis]) => ({
    attrs: { axis },
    inputs: { x, indices: index },
    fill: { indices: within(x[axis]) },
  }));
}

function sliceCases(): Case<GatherAxisAttrs>[] {
  return casesOf([
    [[1], [], 0],
    [[5], [3], 0],
    [[2, 7, 3], [], 1],
    [[2, 3, 5], [2, 4], 1],
    [[4, 6], [11], 1],
    [[3, 2, 2, 2, 3, 2], [2], 3],
  ]);
}

function elementCases(): Case<GatherAxisAttrs>[] {
  return casesOf([
    [[1], [1], 0],
    [[5], [9], 0],
    [[2, 3, 5], [2, 4, 5], 1],
    [[4, 7], [4, 3], 1],
  ]);
}
