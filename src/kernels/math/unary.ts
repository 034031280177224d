/** Functions of one number, elementwise: y = f(x), dx = dy f'(x). Numbers that stand for integers and booleans are f32 too. */
import { ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Shape } from "../operation";
import { wgsl } from "../late-program";

/** In the order of FUNCTION in the WGSL program. Defaults of alpha and beta are ONNX's. */
const kinds = [
  "abs",
  "ceil",
  "floor",
  "round",
  "sign",
  "neg",
  "exp",
  "log",
  "sqrt",
  "reciprocal",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "sinh",
  "cosh",
  "asinh",
  "acosh",
  "atanh",
  "erf",
  "not",
  "isnan",
  "isinf",
  "selu",
  "celu",
  "elu",
  "hardSigmoid",
  "thresholdedRelu",
  "softsign",
  "mish",
  "leakyRelu",
  "shrink",
  "logSigmoid",
  "clip",
  "toInt",
  "toBool",
] as const;

export type UnaryKind = (typeof kinds)[number];

export interface UnaryAttrs {
  readonly kind: UnaryKind;
  /** selu, celu, elu, leakyRelu: slope or scale below 0; hardSigmoid: slope; thresholdedRelu: threshold; shrink: bias. */
  readonly alpha?: number;
  /** selu: gamma, the scale of all; hardSigmoid: value at 0; shrink: lambd, the threshold. */
  readonly beta?: number;
  /** Bounds of clip; absent: none. */
  readonly min?: number;
  readonly max?: number;
}

/** Default alpha and beta: those of the ONNX operators. */
const defaults: Readonly<Record<string, readonly [number?, number?]>> = {
  selu: [1.6732632423543772, 1.0507009873554805],
  celu: [1],
  elu: [1],
  hardSigmoid: [0.2, 0.5],
  thresholdedRelu: [1],
  leakyRelu: [0.01],
  shrink: [0, 0.5],
};

/** The two numbers of a function. */
export function unaryNumbers({ kind, alpha, beta, min, max }: UnaryAttrs): readonly [number, number] {
  if (kind === "clip") return [min ?? 0, max ?? 0];
  const [a = 0, b = 0] = defaults[kind] ?? [];
  return [alpha ?? a, beta ?? b];
}

interface Unary extends UnaryAttrs {
  readonly count: number;
  readonly gradient: boolean;
}

export const unaryKernel: Kernel<Unary> = {
  program: wgsl("math", "unary"),
  overrides: ({ kind, gradient, min, max }) => ({
    FUNCTION: kinds.indexOf(kind),
    GRADIENT: gradient,
    LOWER: min !== undefined,
    UPPER: max !== undefined,
  }),
  params: (p) => {
    const [alpha, beta] = unaryNumbers(p);
    return { count: p.count, alpha, beta };
  },
  workgroups: ({ count }) => foldWorkgroups(ceilDiv(count, 256)),
  sizes: ({ count, gradient }) => ({ x: count, y: count, ...(gradient && { dy: count }) }),
  cost: ({ count, gradient }) => ({ flops: (gradient ? 2 : 1) * count, bytes: (gradient ? 12 : 8) * count }),
};

export const unary = operation<UnaryAttrs>({
  name: "unary",
  inputs: ["x"],
  outputs: ["y"],
  shapes: ({ kind }, { x }) => {
    if (!kinds.includes(kind)) throw new ThawError("unary", `received kind "${kind}"`, `one of ${kinds.join(", ")}`);
    return { y: x! };
  },
  gradients: { x: { op: "unaryGradient", from: { dy: "dy", x: "x" } } },
  variants: {
    plain: (attrs, { x }) => ({
      dispatches: [dispatch(unaryKernel, { ...attrs, count: elements(x), gradient: false }, { x: "x", y: "y" })],
    }),
  },
  cases: examples("x"),
});

export const unaryGradient = operation<UnaryAttrs>({
  name: "unaryGradient",
  inputs: ["dy", "x"],
  outputs: ["dx"],
  shapes: (_, { x }) => ({ dx: x! }),
  gradients: {},
  constants: ["dy", "x"],
  variants: {
    plain: (attrs, { x }) => ({
      dispatches: [
        dispatch(unaryKernel, { ...attrs, count: elements(x), gradient: true }, { x: "x", dy: "dy", y: "dx" }),
      ],
    }),
  },
  cases: examples("x", "dy"),
});

function examples(...names: readonly string[]): Case<UnaryAttrs>[] {
  const shapes: readonly Shape[] = [[], [1], [7], [2, 3, 5, 3], [4, 64], [1, 257], [2, 1, 3, 2, 2, 3]];
  const within = (low: number, high: number) => (_: number, random: () => number) => low + (high - low) * random();
  const special = (i: number) => [Number.NaN, Infinity, -Infinity, 0, -0, 3, -1e30][i % 7];
  const halves = (i: number) => (i - 5) / 2;
  const fills: Partial<Record<UnaryKind, (i: number, random: () => number) => number>> = {
    ceil: halves,
    floor: halves,
    round: halves,
    toInt: halves,
    sign: halves,
    abs: halves,
    log: within(0.05, 9),
    sqrt: within(0.05, 9),
    reciprocal: within(0.3, 3),
    sin: within(-50, 50),
    cos: within(-50, 50),
    tan: within(-1.2, 1.2),
    atan: within(-9, 9),
    asin: within(-0.95, 0.95),
    acos: within(-0.95, 0.95),
    atanh: within(-0.95, 0.95),
    acosh: within(1.1, 9),
    asinh: within(-9, 9),
    erf: within(-3, 3),
    mish: within(-9, 30),
    logSigmoid: within(-30, 30),
    not: (i) => (i % 3) - 1,
    toBool: special,
    isnan: special,
    isinf: special,
  };
  const more: readonly UnaryAttrs[] = [
    { kind: "clip", min: -0.5, max: 0.75 },
    { kind: "clip", min: 0.1 },
    { kind: "clip", max: 0 },
    { kind: "elu", alpha: 0.5 },
    { kind: "celu", alpha: 2 },
    { kind: "leakyRelu", alpha: 0.3 },
    { kind: "hardSigmoid", alpha: 1 / 6 },
    { kind: "thresholdedRelu", alpha: -0.2 },
    { kind: "shrink", alpha: 0.25, beta: 1 },
    { kind: "selu", alpha: 1.5, beta: 2 },
  ];
  return [...kinds.map((kind) => ({ kind })), ...more].flatMap((attrs, i) =>
    [shapes[i % shapes.length], [3, 5, 4, 2]].map((shape) => ({
      attrs,
      inputs: Object.fromEntries(names.map((name) => [name, shape])),
      fill: { x: fills[attrs.kind] },
    })),
  );
}
