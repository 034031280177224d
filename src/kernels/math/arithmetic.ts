/** Operations of two or three operands with broadcasting: arithmetic, comparisons, logic (numbers other than 0 are true), choice. */
import { ThawError } from "../../errors";
import { broadcastShape, joinAxes, named, sameShape, stridesOf } from "../elementwise/broadcasting";
import { reduceToKernel } from "../elementwise/reduceTo";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Gradient, type Lowering, type Shape } from "../operation";
import { wgsl } from "../late-program";
import { arithmeticCases, pairs } from "./arithmetic-cases";

/** In the order of FUNCTION in the WGSL program. */
const kinds = [
  "sub",
  "div",
  "pow",
  "min",
  "max",
  "mod",
  "fmod",
  "equal",
  "less",
  "lessOrEqual",
  "greater",
  "greaterOrEqual",
  "and",
  "or",
  "xor",
  "quotient",
  "where",
] as const;

/**
 * `mod` has the sign of b, as in Python; `fmod` that of a, as in C. `quotient` is the division of whole numbers, towards 0: exact,
 * where a GPU's division may come out a digit below a whole number.
 */
export type ArithmeticKind = Exclude<(typeof kinds)[number], "where">;

export interface ArithmeticAttrs {
  readonly kind: ArithmeticKind;
}

/** The gradient with respect to one operand, summed to its shape. */
export interface ArithmeticGradientAttrs {
  readonly kind: (typeof kinds)[number];
  readonly of: "a" | "b";
  readonly shape: Shape;
}

interface Arithmetic {
  readonly kind: (typeof kinds)[number];
  readonly gradient: 0 | 1 | 2;
  readonly y: Shape;
  readonly a: Shape | undefined;
  readonly b: Shape | undefined;
  readonly c: Shape | undefined;
}

const operandsOf = ({ a = [], b = [], c = [] }: Arithmetic): readonly Shape[] => [a, b, c];
const present = (p: Arithmetic) => [p.a, p.b, p.c].filter((shape) => shape !== undefined);
const isSame = (p: Arithmetic) => present(p).every((shape) => sameShape(shape, p.y));

export const arithmeticKernel: Kernel<Arithmetic> = {
  program: wgsl("math", "arithmetic"),
  overrides: (p) => ({
    FUNCTION: kinds.indexOf(p.kind),
    GRADIENT: p.gradient,
    SAME: isSame(p),
    RANK: Math.max(1, joinAxes(p.y, operandsOf(p)).y.length),
  }),
  params: (p) => {
    const { y, operands } = joinAxes(p.y, operandsOf(p));
    // Axis 0 in slot 0, the others at the right end: the program peels them off from slot 4 on.
    const place = (values: readonly number[]) => {
      const [outer = 0, ...others] = values;
      return [outer, ...Array.from({ length: 4 - others.length }, () => 1), ...others];
    };
    const strides = operands.map((o) => place(stridesOf(o).slice(5 - y.length)));
    return {
      count: elements(p.y),
      ...named("d", place(y), 1),
      ...named("a", strides[0]),
      ...named("b", strides[1]),
      ...named("c", strides[2]),
    };
  },
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.y), 256)),
  sizes: (p) => ({
    y: elements(p.y),
    ...(p.a && { a: elements(p.a) }),
    ...(p.b && { b: elements(p.b) }),
    ...(p.c && { c: elements(p.c) }),
  }),
  cost: (p) => ({
    flops: elements(p.y),
    bytes: 4 * present(p).reduce((sum, shape) => sum + elements(shape), elements(p.y)),
  }),
};

const gradientOf = (of: "a" | "b"): Gradient<ArithmeticAttrs> => ({
  op: "arithmeticGradient",
  from: { dy: "dy", a: "a", b: "b" },
  // Operands that the gradient does not read need not be kept.
  alternative: ({ kind }) =>
    kind === "div" || kind === "pow" || kind === "min" || kind === "max" || kind.endsWith("mod")
      ? undefined
      : { a: "none", b: "none" },
  attrs: ({ kind }, shapes): ArithmeticGradientAttrs => ({ kind, of, shape: shapes[of]! }),
});

export const arithmetic = operation<ArithmeticAttrs>({
  name: "arithmetic",
  inputs: ["a", "b"],
  outputs: ["y"],
  shapes: ({ kind }, { a, b }) => {
    if (!kinds.includes(kind) || (kind as string) === "where")
      throw new ThawError("arithmetic", `received kind "${kind}"`, `one of ${kinds.slice(0, -1).join(", ")}`);
    return { y: broadcastShape(kind, a!, b!) };
  },
  gradients: { a: gradientOf("a"), b: gradientOf("b") },
  variants: {
    plain: ({ kind }, { a, b, y }) => ({
      dispatches: [
        dispatch(arithmeticKernel, { kind, gradient: 0, a, b, c: undefined, y }, { a: "a", b: "b", y: "y" }),
      ],
    }),
  },
  cases: arithmeticCases,
});

const chosen = (of: "a" | "b"): Gradient<object> => ({
  op: "arithmeticGradient",
  from: { dy: "dy", a: "c" },
  attrs: (_, shapes): ArithmeticGradientAttrs => ({ kind: "where", of, shape: shapes[of]! }),
});

/** y = a where c is not 0, else b. */
export const where = operation<object>({
  name: "where",
  inputs: ["c", "a", "b"],
  outputs: ["y"],
  shapes: (_, { c, a, b }) => {
    const y = broadcastShape("where", broadcastShape("where", a!, b!), c!);
    if (joinAxes(y, [a!, b!, c!]).y.length > 5)
      throw new ThawError("where", `operands that broadcast to ${y.length} axes`, "5 once neighbours are joined");
    return { y };
  },
  gradients: { a: chosen("a"), b: chosen("b") },
  constants: ["c"],
  variants: {
    plain: (_, { a, b, c, y }) => ({
      dispatches: [
        dispatch(arithmeticKernel, { kind: "where", gradient: 0, a, b, c, y }, { a: "a", b: "b", c: "c", y: "y" }),
      ],
    }),
  },
  cases: pairs.map(([a, b], i) => ({
    attrs: {},
    inputs: { c: i % 2 === 0 ? a : b, a, b },
    fill: { c: (k: number) => (k * 7) % 3 },
  })),
});

/** dy times the derivative has the shape of the result; where the operand was repeated, a second launch sums it up. */
function lowerGradient({ kind, of, shape }: ArithmeticGradientAttrs, { dy, a, b }: Record<string, Shape>): Lowering {
  const whole = sameShape(dy, shape);
  const bind = { a: a && "a", b: b && "b", c: "dy", y: whole ? "dx" : "term" };
  const term = dispatch(arithmeticKernel, { kind, gradient: of === "a" ? 1 : 2, a, b, c: dy, y: dy }, bind);
  if (whole) return { dispatches: [term] };
  const sum = dispatch(reduceToKernel, { x: dy, other: undefined, y: shape, scale: 1 }, { x: "term", y: "dx" });
  return { dispatches: [term, sum], scratch: { term: elements(dy) } };
}

export const arithmeticGradient = operation<ArithmeticGradientAttrs>({
  name: "arithmeticGradient",
  inputs: ["dy", "a?", "b?"],
  outputs: ["dx"],
  shapes: ({ shape }) => ({ dx: shape }),
  gradients: {},
  constants: ["dy", "a", "b"],
  variants: { plain: lowerGradient },
  cases: [
    ...arithmeticCases.flatMap(({ attrs: { kind }, inputs: { a, b }, fill }) =>
      (["a", "b"] as const).map((of) => ({
        attrs: { kind, of, shape: (of === "a" ? a : b)! },
        inputs: { dy: broadcastShape(kind, a!, b!), a, b },
        fill,
      })),
    ),
    { attrs: { kind: "sub", of: "b", shape: [3, 1] }, inputs: { dy: [2, 3, 5] } },
    {
      attrs: { kind: "where", of: "a", shape: [5] },
      inputs: { dy: [2, 3, 5], a: [3, 1] },
      fill: { a: (k: number) => k % 2 },
    },
  ],
});
