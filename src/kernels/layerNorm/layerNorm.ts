/** Layer normalization (Ba, Kiros and Hinton 2016) over the trailing axes. */
import { formatShape, ThawError } from "../../errors";
import { dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { wgsl } from "../program";

export interface LayerNormAttrs {
  readonly epsilon: number;
  /** How many trailing axes are normalised together; default 1. */
  readonly axes?: number;
}

interface Rows {
  readonly rows: number;
  readonly size: number;
}

const rowsOf = (x: Shape, axes = 1): Rows => {
  const size = elements(x.slice(x.length - axes));
  return { rows: elements(x) / size, size };
};

interface Forward extends Rows {
  readonly epsilon: number;
  readonly gamma: boolean;
  readonly beta: boolean;
}

export const layerNormKernel: Kernel<Forward> = {
  program: wgsl("layers", "layer_norm"),
  overrides: (p) => ({ HAS_GAMMA: p.gamma, HAS_BETA: p.beta }),
  params: ({ rows, size, epsilon }) => ({ rows, size, epsilon }),
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: ({ rows, size, gamma, beta }) => ({
    x: rows * size,
    y: rows * size,
    mean: rows,
    invStd: rows,
    ...(gamma && { gamma: size }),
    ...(beta && { beta: size }),
  }),
  cost: ({ rows, size }) => ({ flops: 8 * rows * size, bytes: 4 * (2 * rows * size + 2 * rows + 2 * size) }),
};

export const layerNormInputGradientKernel: Kernel<Rows & { readonly gamma: boolean }> = {
  program: wgsl("layers", "layer_norm_input_gradient"),
  overrides: (p) => ({ HAS_GAMMA: p.gamma }),
  params: ({ rows, size }) => ({ rows, size }),
  workgroups: (p) => foldWorkgroups(p.rows),
  sizes: ({ rows, size, gamma }) => ({
    dy: rows * size,
    x: rows * size,
    dx: rows * size,
    mean: rows,
    invStd: rows,
    ...(gamma && { gamma: size }),
  }),
  cost: ({ rows, size }) => ({ flops: 11 * rows * size, bytes: 4 * (3 * rows * size + 2 * rows + size) }),
};

export const layerNormWeightGradientKernel: Kernel<Rows> = {
  program: wgsl("layers", "layer_norm_weight_gradient"),
  params: ({ rows, size }) => ({ rows, size }),
  workgroups: (p) => foldWorkgroups(p.size),
  sizes: ({ rows, size }) => ({ dy: rows * size, x: rows * size, mean: rows, invStd: rows, dgamma: size, dbeta: size }),
  cost: ({ rows, size }) => ({ flops: 5 * rows * size, bytes: 4 * (2 * rows * size + 2 * rows + 2 * size) }),
};

const shapes: readonly [Shape, number][] = [
  [[1, 1], 1],
  [[3, 7], 1],
  [[2, 3, 33], 1],
  [[2, 3, 4], 2],
  [[5, 64], 1],
];

function inputsOf(x: Shape, axes: number, more: readonly string[] = ["gamma", "beta"]) {
  const inner = x.slice(x.length - axes);
  return { x, ...Object.fromEntries(more.map((name) => [name, inner])) };
}

export const layerNorm = operation<LayerNormAttrs>({
  name: "layerNorm",
  inputs: ["x", "gamma?", "beta?"],
  outputs: ["y", "mean", "invStd"],
  shapes: ({ axes = 1 }, { x, gamma, beta }) => {
    if (!x || x.length <= axes)
      throw new ThawError("layerNorm", `x has shape ${formatShape(x)}`, `more than ${axes} axes`);
    const { rows, size } = rowsOf(x, axes);
    for (const [name, v] of Object.entries({ gamma, beta })) {
      if (v && elements(v) !== size)
        throw new ThawError("layerNorm", `${name} has shape ${formatShape(v)}`, formatShape(x.slice(x.length - axes)));
    }
    return { y: x, mean: [rows], invStd: [rows] };
  },
  gradients: {
    gamma: {
      op: "layerNormWeightGradient",
      from: { dy: "dy", x: "x", mean: "mean", invStd: "invStd" },
      output: "dgamma",
    },
    beta: {
      op: "layerNormWeightGradient",
      from: { dy: "dy", x: "x", mean: "mean", invStd: "invStd" },
      output: "dbeta",
    },
    x: { op: "layerNormInputGradient", from: { dy: "dy", x: "x", gamma: "gamma", mean: "mean", invStd: "invStd" } },
  },
  variants: {
    plain: ({ epsilon, axes }, { x, gamma, beta }) => ({
      dispatches: [
        dispatch(
          layerNormKernel,
          { ...rowsOf(x, axes), epsilon, gamma: !!gamma, beta: !!beta },
          { x: "x", gamma: gamma && "gamma", beta: beta && "beta", y: "y", mean: "mean", invStd: "invStd" },
        ),
      ],
    }),
  },
  cases: [
    ...shapes.map(([x, axes]) => ({ attrs: { epsilon: 1e-3, axes }, inputs: inputsOf(x, axes) })),
    { attrs: { epsilon: 1e-6 }, inputs: inputsOf([4, 9], 1, []) },
  ],
});

const gradientInputs = (x: Shape, axes: number, gamma: boolean) => {
  const { rows } = rowsOf(x, axes);
  return { dy: x, x, mean: [rows], invStd: [rows], ...(gamma && { gamma: x.slice(x.length - axes) }) };
};

export const layerNormInputGradient = operation<LayerNormAttrs>({
  name: "layerNormInputGradient",
  inputs: ["dy", "x", "gamma?", "mean", "invStd"],
  outputs: ["dx"],
  shapes: (_, { x }) => ({ dx: x! }),
  gradients: {},
  constants: ["dy", "x", "gamma", "mean", "invStd"],
  variants: {
    plain: ({ axes }, { x, gamma }) => ({
      dispatches: [
        dispatch(
          layerNormInputGradientKernel,
          { ...rowsOf(x, axes), gamma: !!gamma },
          { dy: "dy", x: "x", gamma: gamma && "gamma", mean: "mean", invStd: "invStd", dx: "dx" },
        ),
      ],
    }),
  },
  cases: shapes.map(([x, axes], i) => ({
    attrs: { epsilon: 1e-3, axes },
    inputs: gradientInputs(x, axes, i % 2 === 0),
  })),
});

export const layerNormWeightGradient = operation<LayerNormAttrs>({
  name: "layerNormWeightGradient",
  inputs: ["dy", "x", "mean", "invStd"],
  outputs: ["dgamma", "dbeta"],
  shapes: ({ axes = 1 }, { x }) => {
    const inner = x!.slice(x!.length - axes);
    return { dgamma: inner, dbeta: inner };
  },
  gradients: {},
  constants: ["dy", "x", "mean", "invStd"],
  variants: {
    plain: ({ axes }, { x }) => ({
      dispatches: [
        dispatch(layerNormWeightGradientKernel, rowsOf(x, axes), {
          dy: "dy",
          x: "x",
          mean: "mean",
          invStd: "invStd",
          dgamma: "dgamma",
          dbeta: "dbeta",
        }),
      ],
    }),
  },
  cases: shapes.map(([x, axes]) => ({ attrs: { epsilon: 1e-3, axes }, inputs: gradientInputs(x, axes, false) })),
});
