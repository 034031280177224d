/** One step of an optimizer over named tensors, as training graphs have it (ai.onnx.preview.training): rate, iteration, then X, G and state. */
import type { Value } from "../../../nn/graph";
import { numberOf, textOf } from "../attributes";
import type { Emitter } from "../layout/emitter";
import type { Tensor } from "../layout/tensor";
import { tensorInput, type Emit, type Operators } from "./operator";

/** Arithmetic of values; shapes are equal, or a single number's. */
function calculator(e: Emitter) {
  const two = (kind: string) => (a: Value, b: Value) => e.apply("arithmetic", { kind }, { a, b });
  return {
    add: (a: Value, b: Value, scaleA = 1, scaleB = 1) => e.apply("add", { scaleA, scaleB }, { a, b }),
    times: (a: Value, b: Value) => e.apply("multiply", {}, { a, b }),
    over: two("div"),
    power: two("pow"),
    least: two("min"),
    affine: (x: Value, scale: number, offset: number) => e.apply("affine", { scale, offset }, { x }),
    root: (x: Value) => e.apply("unary", { kind: "sqrt" }, { x }),
    number: (value: number) => e.g.constant(`number ${value}`, [1], [value]),
  };
}

type Calculator = ReturnType<typeof calculator>;

/** Updates one tensor: its new value and its new state, from rate and iteration. */
type Update = (
  c: Calculator,
  number: (key: string, fallback: number) => number,
  at: { rate: Value; iteration: Value; x: Value; g: Value; state: Value[] },
  node: Parameters<Emit>[1],
) => Value[];

const adagrad: Update = (c, number, { rate, iteration, x, g, state: [h] }) => {
  const decayed = c.over(rate, c.affine(iteration, number("decay_factor", 0), 1));
  const regularized = c.add(g, x, 1, number("norm_coefficient", 0));
  const squares = c.add(h, c.times(regularized, regularized));
  const step = c.over(c.times(regularized, decayed), c.affine(c.root(squares), 1, number("epsilon", 1e-6)));
  return [c.add(x, step, 1, -1), squares];
};

const momentum: Update = (c, number, { rate, iteration, x, g, state: [v] }, node) => {
  const [alpha, beta] = [number("alpha", 0), number("beta", 0)];
  const regularized = c.add(g, x, 1, number("norm_coefficient", 0));
  // In the first iteration (0) the gradient counts in full, later by beta: 1 + (beta - 1) * min(t, 1).
  const later = c.least(iteration, c.number(1));
  const gain = c.affine(later, beta - 1, 1);
  const velocity = c.add(c.times(regularized, gain), v, 1, alpha);
  const step = textOf(node, "mode", "standard") === "nesterov" ? c.add(regularized, velocity, 1, alpha) : velocity;
  return [c.add(x, c.times(step, rate), 1, -1), velocity];
};

const adam: Update = (c, number, { rate, iteration, x, g, state: [m, v] }) => {
  const [alpha, beta] = [number("alpha", 0.9), number("beta", 0.999)];
  const regularized = c.add(g, x, 1, number("norm_coefficient", 0));
  const mean = c.add(m, regularized, alpha, 1 - alpha);
  const square = c.add(v, c.times(regularized, regularized), beta, 1 - beta);
  // rate * sqrt(1 - beta^t) / (1 - alpha^t), and the rate itself at t = 0, where both are 0.
  const off = (base: number) => c.affine(c.power(c.number(base), iteration), -1, 1);
  const tiny = 1e-30;
  const corrected = c.over(c.times(rate, c.affine(c.root(off(beta)), 1, tiny)), c.affine(off(alpha), 1, tiny));
  const step = c.over(c.times(mean, corrected), c.affine(c.root(square), 1, number("epsilon", 1e-6)));
  const next = c.affine(c.add(x, step, 1, -1), 1 - number("norm_coefficient_post", 0), 0);
  return [next, mean, square];
};

/** Inputs are R, T, then all X, all G, and all of each state; outputs all X, and all of each state. */
const stepOf =
  (update: Update, states: number): Emit =>
  (e, node, inputs) => {
    const c = calculator(e);
    const single = (i: number) => e.view(tensorInput(e, node, inputs, i).value, [1]);
    const [rate, iteration] = [single(0), single(1)];
    const count = (inputs.length - 2) / (2 + states);
    const results: Tensor[][] = [];
    for (let k = 0; k < count; k++) {
      const t = tensorInput(e, node, inputs, 2 + k);
      const own = (group: number) => e.memory(tensorInput(e, node, inputs, 2 + group * count + k));
      const state = Array.from({ length: states }, (_, s) => own(2 + s));
      const values = update(
        c,
        (key, fallback) => numberOf(node, key, fallback),
        { rate, iteration, x: own(0), g: own(1), state },
        node,
      );
      results.push(values.map((value) => ({ ...t, value })));
    }
    return Array.from({ length: 1 + states }, (_, group) => results.map((list) => list[group])).flat();
  };

export const optimizerDomain = "ai.onnx.preview.training";

export const optimizerOperators: Operators = {
  Adagrad: stepOf(adagrad, 1),
  Momentum: stepOf(momentum, 1),
  Adam: stepOf(adam, 2),
};
