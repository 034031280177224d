/** Optimizers as one dispatch over flat arenas; Keras's formulas. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Operation } from "../operation";
import { wgsl } from "../program";

interface Clipping {
  readonly weightDecay: number;
  /** Gradients are scaled so that their global norm is at most this. */
  readonly clipNorm?: number;
  readonly clipValue?: number;
  /** The weights change in every steps-th step. Default 1. */
  readonly steps?: number;
}

export interface SgdAttrs extends Clipping {
  readonly momentum: number;
  readonly nesterov: boolean;
}

export interface RmspropAttrs extends Clipping {
  readonly rho: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly centered: boolean;
}

export interface AdamAttrs extends Clipping {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly amsgrad?: boolean;
}

/** All rules' settings; those of the others are left out. */
type Rule = Clipping & Partial<SgdAttrs & RmspropAttrs & AdamAttrs>;

interface Update extends Rule {
  /** RULE in the program. */
  readonly rule: number;
  /** Elements of the gradient arena and of the parameter arena. */
  readonly count: number;
  readonly parameters: number;
  readonly slots: readonly string[];
}

export const optimizerKernel: Kernel<Update> = {
  program: wgsl("training", "optimizer"),
  overrides: (p) => ({
    RULE: p.rule,
    MOMENTUM: (p.momentum ?? 0) > 0,
    NESTEROV: p.nesterov ?? false,
    CENTERED: p.centered ?? false,
    AMSGRAD: p.amsgrad ?? false,
  }),
  params: (p) => ({
    count: p.count / 4,
    weightDecay: p.weightDecay,
    clipNorm: p.clipNorm ?? 0,
    clipValue: p.clipValue ?? 0,
    momentum: p.momentum ?? 0,
    rho: p.rho ?? 0,
    epsilon: p.epsilon ?? 0,
    beta1Rest: 1 - (p.beta1 ?? 0),
    beta2Rest: 1 - (p.beta2 ?? 0),
    steps: p.steps ?? 1,
  }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.count / 4, 64)),
  sizes: (p) => ({
    parameters: p.parameters,
    gradients: p.count,
    ...Object.fromEntries(p.slots.map((name) => [name, p.count])),
    table: (p.count / 64) * 3,
    status: 4,
  }),
  cost: (p) => ({ flops: (4 + 4 * p.slots.length) * p.count, bytes: 4 * (3 + 2 * p.slots.length) * p.count }),
};

function optimizer<A extends Clipping>(name: string, rule: number, slotsOf: (attrs: A) => string[]): Operation<A> {
  const slots = ["first", "second", "third"];
  return operation<A>({
    name,
    inputs: ["parameters", "gradients", ...slots.map((s) => `${s}?`), "table", "status"],
    outputs: [],
    updates: ["parameters", ...slots],
    integers: ["table"],
    shapes: () => ({}),
    gradients: {},
    constants: ["parameters", "gradients", ...slots, "table", "status"],
    variants: {
      plain: (attrs, { parameters, gradients }) => {
        const used = slotsOf(attrs);
        const problem = { ...attrs, rule, count: elements(gradients), parameters: elements(parameters), slots: used };
        const names = ["parameters", "gradients", ...used, "table", "status"];
        return { dispatches: [dispatch(optimizerKernel, problem, Object.fromEntries(names.map((n) => [n, n])))] };
      },
    },
    cases: (examples[name] as A[]).flatMap((attrs) =>
      [false, true].map((halted) => example(attrs, slotsOf(attrs), halted)),
    ),
  });
}

const examples: Readonly<Record<string, readonly Rule[]>> = {
  sgd: [
    { momentum: 0, nesterov: false, weightDecay: 0 },
    { momentum: 0.9, nesterov: false, weightDecay: 0.1, clipNorm: 5 },
    { momentum: 0.8, nesterov: true, weightDecay: 0, clipValue: 0.5 },
  ],
  rmsprop: [
    { rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false, weightDecay: 0 },
    { rho: 0.8, momentum: 0.5, epsilon: 1e-7, centered: true, weightDecay: 0.01 },
  ],
  adam: [
    { beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weightDecay: 0 },
    { beta1: 0.8, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.004, clipNorm: 100 },
    { beta1: 0.8, beta2: 0.99, epsilon: 1e-3, weightDecay: 0, amsgrad: true },
    { beta1: 0.8, beta2: 0.99, epsilon: 1e-3, weightDecay: 0, steps: 2 },
  ],
};

/** Three blocks of gradients for parameters in five blocks, in another order; one learns at half the rate, one does not decay. */
function example<A>(attrs: A, slots: readonly string[], halted: boolean): Case<A> {
  const half = new Uint32Array(Float32Array.of(0.5).buffer)[0];
  const one = new Uint32Array(Float32Array.of(1).buffer)[0];
  const table = [4, one, 0, 0, half, 0, 2, one, 1];
  return {
    attrs,
    inputs: {
      parameters: [320],
      gradients: [192],
      ...Object.fromEntries(slots.map((s) => [s, [192]])),
      table: [9],
      status: [4],
    },
    fill: {
      table: (i) => table[i],
      // A gradient norm of 14 is about that of 192 normal numbers.
      status: (i) => (i === 0 ? Number(halted) : i === 2 ? 14 : 0),
      // Averages of squares are positive, and above the square of the average of gradients.
      second: (_, random) => 1 + random(),
      third: (_, random) => random() - 0.5,
    },
  };
}

export const sgd = optimizer<SgdAttrs>("sgd", 0, ({ momentum }) => (momentum > 0 ? ["first"] : []));

export const rmsprop = optimizer<RmspropAttrs>("rmsprop", 1, ({ momentum, centered }) => [
  ...(momentum > 0 ? ["first"] : []),
  "second",
  ...(centered ? ["third"] : []),
]);

export const adam = optimizer<AdamAttrs>("adam", 2, ({ amsgrad }) => [
  "first",
  "second",
  ...(amsgrad ? ["third"] : []),
]);
