/**
 * stridedSlice cuts every so many elements out of a tensor, also backwards; padMode puts around it what is inside it. Padding and
 * both gradients go axis by axis, through temporary values: what happens along one axis does not depend on the others.
 */
import { formatShape, ThawError } from "../../errors";
import { checkRank } from "../arrange/slice";
import {
  copyProblem,
  lowerCopy,
  lowerCopyVec4,
  selectCopy,
  stridesOf,
  type StridedCopy,
} from "../arrange/strided_copy";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Lowering, type Shape } from "../operation";
import { wgsl } from "../late-program";
import { pads, slices } from "./along-axes-cases";

/** y[i] = x[begin + i * step] along each axis, for i from 0 to size - 1. */
export interface StridedSliceAttrs {
  readonly begin: readonly number[];
  readonly size: readonly number[];
  /** Not 0; a negative step goes backwards from begin. */
  readonly steps: readonly number[];
}

export interface StridedSliceGradientAttrs extends StridedSliceAttrs {
  readonly inputShape: Shape;
}

/** constant: `value` (default 0); edge: the nearest element; reflect: mirrored at the edge element; wrap: from the other end. */
export type PadMode = "constant" | "edge" | "reflect" | "wrap";

export interface PadModeAttrs {
  readonly mode: PadMode;
  /** Elements in front of and behind each axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly value?: number;
}

export interface PadModeGradientAttrs extends PadModeAttrs {
  readonly inputShape: Shape;
}

/** In the order of MODE in the WGSL program. */
const modes = ["constant", "edge", "reflect", "wrap", "spread"] as const;

/** A launch along one axis: `from` elements become `to`. */
interface Along {
  readonly mode: (typeof modes)[number];
  readonly collect: boolean;
  readonly outer: number;
  readonly from: number;
  readonly to: number;
  readonly inner: number;
  /** Padding in front, or the first element of a slice. */
  readonly begin: number;
  readonly step: number;
  readonly value: number;
}

const count = (p: Along, length: number) => p.outer * length * p.inner;

export const alongAxisKernel: Kernel<Along> = {
  program: wgsl("math", "along_axis"),
  overrides: ({ mode, collect }) => ({ MODE: modes.indexOf(mode), COLLECT: collect }),
  params: (p) => ({
    count: count(p, p.to),
    length: p.from,
    result: p.to,
    inner: p.inner,
    begin: p.begin,
    step: p.step,
    value: p.value,
  }),
  workgroups: (p) => foldWorkgroups(ceilDiv(count(p, p.to), 64)),
  sizes: (p) => ({ x: count(p, p.from), y: count(p, p.to) }),
  cost: (p) => ({ flops: 0, bytes: 4 * (count(p, p.from) + count(p, p.to)) }),
};

/** One launch for each axis along which something happens, and one if there is none. */
function lowerAlong(
  input: string,
  output: string,
  from: Shape,
  to: Shape,
  happens: (axis: number) => boolean,
  along: (axis: number) => Pick<Along, "mode" | "collect" | "begin" | "step" | "value">,
): Lowering {
  const axes = from.flatMap((_, a) => (happens(a) ? [a] : []));
  if (axes.length === 0) axes.push(0);
  const scratch: Record<string, number> = {};
  const shape = [...from];
  const dispatches = axes.map((axis, i) => {
    const problem = {
      ...along(axis),
      outer: elements(shape.slice(0, axis)),
      from: from[axis],
      to: to[axis],
      inner: elements(shape.slice(axis + 1)),
    };
    shape[axis] = to[axis];
    const last = i === axes.length - 1;
    if (!last) scratch[`along${axis}`] = elements(shape);
    return dispatch(alongAxisKernel, problem, {
      x: i === 0 ? input : `along${axes[i - 1]}`,
      y: last ? output : `along${axis}`,
    });
  });
  return { dispatches, scratch };
}

function sliceCopy({ begin, steps }: StridedSliceAttrs, { x, y }: Record<string, Shape>): StridedCopy {
  const strides = stridesOf(x);
  return copyProblem(
    "stridedSlice",
    y.map((size, a) => ({ size, stride: strides[a] * steps[a], from: 0, to: size })),
    begin.reduce((sum, b, a) => sum + b * strides[a], 0),
    elements(x),
  );
}

export const stridedSlice = operation<StridedSliceAttrs>({
  name: "stridedSlice",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => {
    const { begin, size, steps } = attrs;
    checkRank("stridedSlice", x!, [begin, size, steps], "begin, size or steps");
    const inside = (i: number, n: number) => Number.isInteger(i) && i >= 0 && i < n;
    if (
      x!.some((n, a) => {
        const last = begin[a] + (size[a] - 1) * steps[a];
        return size[a] < 1 || steps[a] === 0 || !inside(begin[a], n) || !inside(last, n);
      })
    )
      throw new ThawError(
        "stridedSlice",
        `begin ${formatShape(begin)}, size ${formatShape(size)} and steps ${formatShape(steps)} reach out of x of shape ${formatShape(x)}`,
        "1 <= size, steps other than 0, and first and last element on the axis",
      );
    sliceCopy(attrs, { x: x!, y: size });
    return { y: size };
  },
  gradients: {
    x: {
      op: "stridedSliceGradient",
      from: { dy: "dy" },
      attrs: (attrs, { x }): StridedSliceGradientAttrs => ({ ...attrs, inputShape: x! }),
    },
  },
  variants: {
    plain: (attrs, shapes) => lowerCopy(sliceCopy(attrs, shapes)),
    vec4: (attrs, shapes) => lowerCopyVec4(sliceCopy(attrs, shapes)),
  },
  select: (attrs, shapes) => selectCopy(sliceCopy(attrs, shapes)),
  cases: slices.map(([x, begin, size, steps]) => ({ attrs: { begin, size, steps }, inputs: { x } })),
});

export const stridedSliceGradient = operation<StridedSliceGradientAttrs>({
  name: "stridedSliceGradient",
  inputs: ["dy"],
  outputs: ["dx"],
  shapes: ({ inputShape }) => ({ dx: inputShape }),
  gradients: {},
  constants: ["dy"],
  variants: {
    plain: ({ begin, steps, inputShape }, { dy }) =>
      lowerAlong(
        "dy",
        "dx",
        dy,
        inputShape,
        (a) => steps[a] !== 1 || dy[a] !== inputShape[a],
        (a) => ({ mode: "spread", collect: false, begin: begin[a], step: steps[a], value: 0 }),
      ),
  },
  cases: slices.map(([x, begin, size, steps]) => ({
    attrs: { begin, size, steps, inputShape: x },
    inputs: { dy: size },
  })),
});

const padded = ({ before, after }: PadModeAttrs, x: Shape) => x.map((n, a) => before[a] + n + after[a]);

export const padMode = operation<PadModeAttrs>({
  name: "padMode",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => {
    const { mode, before, after } = attrs;
    if (!["constant", "edge", "reflect", "wrap"].includes(mode))
      throw new ThawError("padMode", `received mode "${mode}"`, "constant, edge, reflect or wrap");
    checkRank("padMode", x!, [before, after], "before or after");
    const most = (n: number) => (mode === "reflect" ? n - 1 : Infinity);
    if (x!.some((n, a) => [before[a], after[a]].some((p) => !Number.isInteger(p) || p < 0 || p > most(n))))
      throw new ThawError(
        "padMode",
        `received before ${formatShape(before)} and after ${formatShape(after)} for x of shape ${formatShape(x)}`,
        mode === "reflect" ? "whole numbers from 0, less than the axis has elements" : "whole numbers from 0",
        "Cut elements off with a slice.",
      );
    return { y: padded(attrs, x!) };
  },
  gradients: {
    x: {
      op: "padModeGradient",
      from: { dy: "dy" },
      attrs: (attrs, { x }): PadModeGradientAttrs => ({ ...attrs, inputShape: x! }),
    },
  },
  variants: {
    plain: ({ mode, before, value = 0 }, { x, y }) =>
      lowerAlong(
        "x",
        "y",
        x,
        y,
        (a) => x[a] !== y[a],
        (a) => ({ mode, collect: false, begin: before[a], step: 1, value }),
      ),
  },
  cases: pads.map(([mode, x, before, after, value]) => ({ attrs: { mode, before, after, value }, inputs: { x } })),
});

export const padModeGradient = operation<PadModeGradientAttrs>({
  name: "padModeGradient",
  inputs: ["dy"],
  outputs: ["dx"],
  shapes: ({ inputShape }) => ({ dx: inputShape }),
  gradients: {},
  constants: ["dy"],
  variants: {
    plain: ({ mode, before, inputShape }, { dy }) =>
      lowerAlong(
        "dy",
        "dx",
        dy,
        inputShape,
        (a) => dy[a] !== inputShape[a],
        (a) => ({ mode, collect: true, begin: before[a], step: 1, value: 0 }),
      ),
  },
  cases: pads.map(([mode, x, before, after, value]) => ({
    attrs: { mode, before, after, value, inputShape: x },
    inputs: { dy: padded({ mode, before, after }, x) },
  })),
});
