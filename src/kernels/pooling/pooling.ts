/** Max and average pooling over windows, and their gradients. */
import { formatShape, ThawError } from "../../errors";
import { dispatch, type Kernel } from "../kernel";
import { operation, type Case, type Lower, type Shape } from "../operation";
import {
  poolGradientKernel,
  poolGradientVec4Kernel,
  poolKernel,
  poolVec4Kernel,
  pooledShape,
  requireFours,
  selectPool,
  type Pool,
  type PoolAttrs,
  type PoolGradientAttrs,
} from "./window";

const pools: readonly (readonly [PoolAttrs, Shape, "large"?])[] = [
  [{ size: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] }, [1, 1, 1, 1]],
  [{ size: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] }, [2, 4, 6, 4]],
  [{ size: [2, 2], strides: [2, 2], pads: [0, 1, 0, 1] }, [1, 5, 7, 3]], // as padding same does
  [{ size: [3, 3], strides: [2, 2], pads: [0, 1, 0, 1] }, [2, 6, 8, 5]],
  [{ size: [3, 2], strides: [1, 1], pads: [1, 1, 0, 1] }, [1, 5, 5, 2]],
  [{ size: [2, 2], strides: [3, 3], pads: [0, 0, 0, 0] }, [1, 8, 7, 3]], // leaves elements out
  [{ size: [3, 3], strides: [1, 2], pads: [2, 1, 1, 2] }, [1, 4, 6, 7]],
  [{ size: [3, 3], strides: [1, 2], pads: [2, 1, 1, 2] }, [1, 4, 6, 8]],
  [{ size: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [2, 28, 28, 24], "large"],
];

const large = (flag?: "large") => (flag ? ({ large: true } as const) : {});

const forwardCases = (): Case<PoolAttrs>[] =>
  pools.map(([attrs, x, flag]) => ({ attrs, inputs: { x }, ...large(flag) }));

/** Few different values, so that windows hold equal ones. y is then not the maximum of x, which the program must bear. */
const ties = (_: number, random: () => number) => Math.floor(3 * random());

function checkGradientShapes(who: string, attrs: PoolGradientAttrs, dy: Shape): void {
  const y = pooledShape(who, attrs, attrs.inputShape);
  if (y.some((n, a) => n !== dy[a]))
    throw new ThawError(who, `received dy of shape ${formatShape(dy)}`, `the shape of y, ${formatShape(y)}`);
}

function forward(maximum: boolean, kernel: Kernel<Pool>): Lower<PoolAttrs> {
  return (attrs, { x, y }) => {
    if (kernel === poolVec4Kernel) requireFours(x);
    return { dispatches: [dispatch(kernel, { ...attrs, maximum, x, y }, { x: "x", y: "y" })] };
  };
}

function gradient(maximum: boolean, kernel: Kernel<Pool>): Lower<PoolGradientAttrs> {
  const bind = { dy: "dy", x: maximum ? "x" : undefined, y: maximum ? "y" : undefined, dx: "dx" };
  return (attrs, { dy }) => {
    const x = attrs.inputShape;
    if (kernel === poolGradientVec4Kernel) requireFours(x);
    return { dispatches: [dispatch(kernel, { ...attrs, maximum, x, y: dy }, bind)] };
  };
}

export const maxPool = operation<PoolAttrs>({
  name: "maxPool",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => ({ y: pooledShape("maxPool", attrs, x) }),
  gradients: {
    x: {
      op: "maxPoolGradient",
      from: { dy: "dy", x: "x", y: "y" },
      attrs: (attrs, { x }) => ({ ...attrs, inputShape: x! }),
    },
  },
  variants: { plain: forward(true, poolKernel), vec4: forward(true, poolVec4Kernel) },
  select: (_, { x }) => selectPool(x),
  cases: forwardCases(),
});

export const averagePool = operation<PoolAttrs>({
  name: "averagePool",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => ({ y: pooledShape("averagePool", attrs, x) }),
  gradients: {
    x: { op: "averagePoolGradient", from: { dy: "dy" }, attrs: (attrs, { x }) => ({ ...attrs, inputShape: x! }) },
  },
  variants: { plain: forward(false, poolKernel), vec4: forward(false, poolVec4Kernel) },
  select: (_, { x }) => selectPool(x),
  cases: forwardCases(),
});

export const maxPoolGradient = operation<PoolGradientAttrs>({
  name: "maxPoolGradient",
  inputs: ["dy", "x", "y"],
  outputs: ["dx"],
  shapes: (attrs, { dy }) => {
    checkGradientShapes("maxPoolGradient", attrs, dy!);
    return { dx: attrs.inputShape };
  },
  gradients: {},
  constants: ["dy", "x", "y"],
  variants: { plain: gradient(true, poolGradientKernel), vec4: gradient(true, poolGradientVec4Kernel) },
  select: ({ inputShape }) => selectPool(inputShape),
  cases: pools.map(([attrs, x, flag]) => {
    const y = pooledShape("maxPoolGradient", attrs, x);
    return {
      attrs: { ...attrs, inputShape: x },
      inputs: { dy: y, x, y },
      fill: { x: ties, y: () => 2 },
      ...large(flag),
    };
  }),
});

export const averagePoolGradient = operation<PoolGradientAttrs>({
  name: "averagePoolGradient",
  inputs: ["dy"],
  outputs: ["dx"],
  shapes: (attrs, { dy }) => {
    checkGradientShapes("averagePoolGradient", attrs, dy!);
    return { dx: attrs.inputShape };
  },
  gradients: {},
  constants: ["dy"],
  variants: { plain: gradient(false, poolGradientKernel), vec4: gradient(false, poolGradientVec4Kernel) },
  select: ({ inputShape }) => selectPool(inputShape),
  cases: pools.map(([attrs, x, flag]) => ({
    attrs: { ...attrs, inputShape: x },
    inputs: { dy: pooledShape("averagePoolGradient", attrs, x) },
    ...large(flag),
  })),
});
