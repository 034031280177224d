/**
 * Pooling with what maxPool and averagePool leave out: gaps between elements of a window, sizes rounded up, padding that counts in
 * averages, and Lp norms. Where none of it is asked for, those two are faster.
 */
import { formatShape, ThawError } from "../../errors";
import { checkWindow, dilatedSize, type WindowAttrs, type Pair } from "../convolution";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Shape } from "../operation";
import { wgsl } from "../late-program";

const kinds = ["max", "average", "lp"] as const;

export interface WindowPoolAttrs extends WindowAttrs {
  readonly kind: (typeof kinds)[number];
  /** Height and width of the window. */
  readonly size: Pair;
  /** A last window that reaches out of the padded image counts, if it begins in it; default false. */
  readonly ceilMode?: boolean;
  /** average: zeros of the padding count; default false. */
  readonly countIncludePad?: boolean;
  /** Exponent of lp; default 2. */
  readonly p?: number;
}

export interface WindowPoolGradientAttrs extends WindowPoolAttrs {
  readonly inputShape: Shape;
}

interface Problem {
  readonly attrs: WindowPoolAttrs;
  readonly x: Shape;
  readonly y: Shape;
}

const overrides = ({ attrs: { kind, size, strides, dilation, countIncludePad = false } }: Problem) => ({
  KIND: kinds.indexOf(kind),
  WITH_PADS: countIncludePad,
  SIZE_H: size[0],
  SIZE_W: size[1],
  STRIDE_H: strides[0],
  STRIDE_W: strides[1],
  DILATION_H: dilation[0],
  DILATION_W: dilation[1],
});

const params = ({ attrs: { pads, p = 2 }, x, y }: Problem, counted: Shape) => ({
  count: elements(counted),
  inHeight: x[1],
  inWidth: x[2],
  outHeight: y[1],
  outWidth: y[2],
  channels: x[3],
  top: pads[0],
  bottom: pads[1],
  left: pads[2],
  right: pads[3],
  exponent: p,
});

const launch = (counted: Shape) => foldWorkgroups(ceilDiv(elements(counted), 64));
const flops = ({ attrs: { size }, y }: Problem) => elements(y) * size[0] * size[1];

export const windowPoolKernel: Kernel<Problem> = {
  program: wgsl("math", "window_pool"),
  overrides,
  params: (p) => params(p, p.y),
  workgroups: (p) => launch(p.y),
  sizes: ({ x, y }) => ({ x: elements(x), y: elements(y) }),
  cost: (p) => ({ flops: flops(p), bytes: 4 * (elements(p.x) + elements(p.y)) }),
};

export const windowPoolGradientKernel: Kernel<Problem> = {
  program: wgsl("math", "window_pool_gradient"),
  overrides,
  params: (p) => params(p, p.x),
  workgroups: (p) => launch(p.x),
  sizes: ({ attrs, x, y }) => ({
    dy: elements(y),
    dx: elements(x),
    ...(attrs.kind !== "average" && { x: elements(x), y: elements(y) }),
  }),
  cost: (p) => ({ flops: 2 * flops(p), bytes: 8 * (elements(p.x) + elements(p.y)) }),
};

/** Shape of y for x [N, H, W, C]. */
function pooledShape(attrs: WindowPoolAttrs, x: Shape | undefined): Shape {
  const who = "windowPool";
  const { kind, size, strides, dilation, pads, ceilMode, p = 2 } = attrs;
  if (!kinds.includes(kind) || !(p > 0))
    throw new ThawError(who, `received kind ${kind} and p ${p}`, `one of ${kinds.join(", ")}, and p above 0`);
  const floor = checkWindow(who, attrs, x, size);
  const reach = size.map((n, i) => dilatedSize(n, dilation[i]));
  if (pads.some((pad, i) => pad >= reach[i < 2 ? 0 : 1]))
    throw new ThawError(
      who,
      `received pads ${formatShape(pads)} for windows that reach over ${reach.join("x")}`,
      "smaller pads than that",
      "Put a padding layer in front for more.",
    );
  const [rows, columns] = floor.map((n, i) => {
    const before = x![i + 1] + pads[2 * i];
    const rest = (before + pads[2 * i + 1] - reach[i]) % strides[i];
    // One more where something is left, unless it would begin behind the image.
    return ceilMode && rest > 0 && n * strides[i] < before ? n + 1 : n;
  });
  return [x![0], rows, columns, x![3]];
}

export const windowPool = operation<WindowPoolAttrs>({
  name: "windowPool",
  inputs: ["x"],
  outputs: ["y"],
  shapes: (attrs, { x }) => ({ y: pooledShape(attrs, x) }),
  gradients: {
    x: {
      op: "windowPoolGradient",
      from: { dy: "dy", x: "x", y: "y" },
      alternative: ({ kind }) => (kind === "average" ? { x: "none", y: "none" } : undefined),
      attrs: (attrs, { x }): WindowPoolGradientAttrs => ({ ...attrs, inputShape: x! }),
    },
  },
  variants: {
    plain: (attrs, { x, y }) => ({ dispatches: [dispatch(windowPoolKernel, { attrs, x, y }, { x: "x", y: "y" })] }),
  },
  cases: cases(),
});

export const windowPoolGradient = operation<WindowPoolGradientAttrs>({
  name: "windowPoolGradient",
  inputs: ["dy", "x?", "y?"],
  outputs: ["dx"],
  shapes: ({ inputShape }) => ({ dx: inputShape }),
  gradients: {},
  constants: ["dy", "x", "y"],
  variants: {
    plain: (attrs, { dy, x }) => ({
      dispatches: [
        dispatch(
          windowPoolGradientKernel,
          { attrs, x: attrs.inputShape, y: dy },
          { dy: "dy", x: x && "x", y: x && "y", dx: "dx" },
        ),
      ],
    }),
  },
  cases: cases().map(({ attrs, inputs: { x } }) => {
    const y = pooledShape(attrs, x);
    return {
      attrs: { ...attrs, inputShape: x! },
      inputs: { dy: y, ...(attrs.kind !== "average" && { x, y }) },
      // Few different values, so that windows hold equal ones.
      fill: { ...(attrs.kind === "max" && { x: (i: number) => (i * 7) % 3 }), y: () => 2 },
    };
  }),
});

function cases(): Case<WindowPoolAttrs>[] {
  const windows: readonly (readonly [Omit<WindowPoolAttrs, "kind">, Shape])[] = [
    [{ size: [1, 1], strides: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] }, [1, 1, 1, 1]],
    [{ size: [2, 2], strides: [1, 1], dilation: [2, 2], pads: [0, 0, 0, 0] }, [2, 5, 6, 3]],
    [{ size: [3, 2], strides: [2, 1], dilation: [1, 3], pads: [1, 1, 2, 3] }, [1, 5, 7, 4]],
    [{ size: [3, 3], strides: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0], ceilMode: true }, [2, 6, 8, 3]],
    [{ size: [2, 2], strides: [3, 3], dilation: [1, 1], pads: [1, 0, 1, 1], ceilMode: true }, [1, 7, 9, 2]],
    [{ size: [1, 1], strides: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0], ceilMode: true }, [1, 4, 5, 2]],
  ];
  return [
    ...kinds.flatMap((kind) => windows.map(([attrs, x]) => ({ attrs: { ...attrs, kind }, inputs: { x } }))),
    ...windows.map(([attrs, x]) => ({
      attrs: { ...attrs, kind: "average" as const, countIncludePad: true },
      inputs: { x },
    })),
    { attrs: { ...windows[2][0], kind: "lp", p: 1 }, inputs: { x: windows[2][1] } },
    { attrs: { ...windows[3][0], kind: "lp", p: 3 }, inputs: { x: windows[3][1] } },
  ];
}
