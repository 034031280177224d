/** Elementwise activations and their gradient: y = f(x), dx = dy * f'(x). */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { wgsl } from "../program";

/** An activation function with its settings; names and defaults are Keras's. */
export interface Activation {
  readonly kind:
    | "linear"
    | "relu"
    | "sigmoid"
    | "tanh"
    | "silu"
    | "hardSigmoid"
    | "hardSilu"
    | "gelu"
    | "geluTanh"
    | "elu"
    | "softplus";
  /** relu: slope below the threshold; elu: alpha. */
  readonly slope?: number;
  /** relu: upper bound; default none. */
  readonly maxValue?: number;
  /** relu: where the identity begins; default 0. */
  readonly threshold?: number;
}

/** Numbers of FUNCTION in the WGSL programs. */
const functions: Record<Activation["kind"], number> = {
  linear: 0,
  relu: 1,
  sigmoid: 2,
  tanh: 3,
  silu: 4,
  hardSigmoid: 5,
  hardSilu: 6,
  gelu: 7,
  geluTanh: 8,
  elu: 9,
  softplus: 10,
};

/** The largest f32: stands for "no upper bound", because a uniform cannot portably hold infinity. */
const unbounded = 3.4028234663852886e38;

/** FUNCTION and the uniforms of an activation, for every program that applies one (epilogues too). */
export function activationConstants(a: Activation): {
  code: number;
  slope: number;
  maxValue: number;
  threshold: number;
} {
  return {
    code: functions[a.kind],
    slope: a.slope ?? (a.kind === "elu" ? 1 : 0),
    maxValue: a.maxValue ?? unbounded,
    threshold: a.threshold ?? 0,
  };
}

/** Whether f'(x) can be written with y = f(x) alone, so that x need not be saved for the backward pass. */
export function gradientReadsOutput(a: Activation): boolean {
  if (a.kind === "relu") return !a.slope && !a.threshold;
  return a.kind === "sigmoid" || a.kind === "tanh" || a.kind === "elu";
}

interface Elementwise {
  readonly count: number;
  readonly activation: Activation;
}

const perInvocation = 4;
const workgroup = 64;
const launch = (count: number) => foldWorkgroups(ceilDiv(count, workgroup * perInvocation));

export const activationKernel: Kernel<Elementwise> = {
  program: wgsl("layers", "activation"),
  overrides: (p) => ({ FUNCTION: functions[p.activation.kind] }),
  params: (p) => {
    const { slope, maxValue, threshold } = activationConstants(p.activation);
    return { count: p.count, slope, maxValue, threshold };
  },
  workgroups: (p) => launch(p.count),
  sizes: (p) => ({ x: p.count, y: p.count }),
  cost: (p) => ({ flops: p.count, bytes: 8 * p.count }),
};

interface ElementwiseGradient extends Elementwise {
  readonly channels: number;
  readonly scaled: boolean;
}

export const activationGradientKernel: Kernel<ElementwiseGradient> = {
  program: wgsl("layers", "activation_gradient"),
  overrides: (p) => ({ FUNCTION: functions[p.activation.kind], SCALED: p.scaled }),
  params: (p) => {
    const { slope, maxValue, threshold } = activationConstants(p.activation);
    return { count: p.count, channels: p.channels, slope, maxValue, threshold };
  },
  workgroups: (p) => launch(p.count),
  sizes: (p) => ({ dy: p.count, saved: p.count, dx: p.count, ...(p.scaled && { scale: p.channels }) }),
  cost: (p) => ({ flops: (p.scaled ? 3 : 2) * p.count, bytes: 12 * p.count }),
};

const shapes: Shape[] = [[1], [7], [2, 3, 5, 3], [4, 64], [1, 257]];
const examples: Activation[] = [
  { kind: "relu" },
  { kind: "relu", maxValue: 6 },
  { kind: "relu", slope: 0.2 },
  { kind: "relu", slope: 0.1, maxValue: 1, threshold: 0.25 },
  { kind: "sigmoid" },
  { kind: "tanh" },
  { kind: "silu" },
  { kind: "hardSigmoid" },
  { kind: "hardSilu" },
  { kind: "gelu" },
  { kind: "geluTanh" },
  { kind: "elu" },
  { kind: "elu", slope: 0.5 },
  { kind: "softplus" },
  { kind: "linear" },
];

export const activation = operation<Activation>({
  name: "activation",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (_, { x }) => ({ y: x! }),
  gradients: {
    // `saved` is settled by differentiate: y where gradientReadsOutput, else x.
    x: {
      op: "activationGradient",
      from: { dy: "dy", saved: "y" },
      alternative: (a) => (gradientReadsOutput(a) ? undefined : { saved: "x" }),
    },
  },
  variants: {
    plain: (a, { x }) => ({
      dispatches: [dispatch(activationKernel, { count: elements(x), activation: a }, { x: "x", y: "y" })],
    }),
  },
  cases: examples.flatMap((attrs, i) => [
    { attrs, inputs: { x: shapes[i % shapes.length] } },
    { attrs, inputs: { x: [3, 5, 4, 2] } },
  ]),
});

export const activationGradient = operation<Activation>({
  name: "activationGradient",
  inputs: ["dy", "saved", "scale?"],
  outputs: ["dx"],
  shapes: (_, { dy }) => ({ dx: dy! }),
  gradients: {},
  constants: ["dy", "saved", "scale"],
  variants: {
    plain: (a, { dy, scale }) => ({
      dispatches: [
        dispatch(
          activationGradientKernel,
          { count: elements(dy), activation: a, channels: dy.at(-1) ?? 1, scaled: scale !== undefined },
          { dy: "dy", saved: "saved", scale: scale && "scale", dx: "dx" },
        ),
      ],
    }),
  },
  cases: examples.flatMap((attrs, i) => [
    { attrs, inputs: { dy: shapes[i % shapes.length], saved: shapes[i % shapes.length] } },
    { attrs, inputs: { dy: [3, 5, 4, 2], saved: [3, 5, 4, 2], scale: [2] } },
  ]),
});
