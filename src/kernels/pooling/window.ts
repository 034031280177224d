/** What max and average pooling share: their attributes, their sizes and their programs. */
import { formatShape, ThawError } from "../../errors";
import { checkWindow, type Pads, type Pair } from "../convolution";
import { ceilDiv, foldWorkgroups, type Kernel } from "../kernel";
import { elements, VariantUnfit, type Shape } from "../operation";
import { wgsl, type Program } from "../program";

export interface PoolAttrs {
  /** Height and width of the window. */
  readonly size: Pair;
  readonly strides: Pair;
  /** Rows above, rows below, columns left, columns right. */
  readonly pads: Pads;
}

export interface PoolGradientAttrs extends PoolAttrs {
  readonly inputShape: Shape;
}

/** Shape of y for x [N, H, W, C]: as many windows as fit into the padded input. */
export function pooledShape(who: string, attrs: PoolAttrs, x: Shape | undefined): Shape {
  const { size, pads } = attrs;
  const [rows, columns] = checkWindow(who, { ...attrs, dilation: [1, 1] }, x, size);
  if (pads.some((pad, i) => pad >= size[i < 2 ? 0 : 1]))
    throw new ThawError(
      who,
      `received pads ${formatShape(pads)} for windows of ${size.join("x")}`,
      "pads smaller than the window, so that each window holds an element",
      "Put a padding layer in front for more.",
    );
  return [x![0], rows, columns, x![3]];
}

export interface Pool extends PoolAttrs {
  readonly maximum: boolean;
  readonly x: Shape; // [N, H, W, C]
  readonly y: Shape; // [N, P, Q, C]
}

const workgroup = 64;

const overrides = (p: Pool) => ({
  MAXIMUM: p.maximum,
  SIZE_H: p.size[0],
  SIZE_W: p.size[1],
  STRIDE_H: p.strides[0],
  STRIDE_W: p.strides[1],
});

/** The programs with `lanes` 4 count in vectors of four channels. */
const params = (p: Pool, lanes: number) => ({
  inHeight: p.x[1],
  inWidth: p.x[2],
  outHeight: p.y[1],
  outWidth: p.y[2],
  channels: p.x[3] / lanes,
  top: p.pads[0],
  left: p.pads[2],
});

const forward = (program: Program, lanes: number): Kernel<Pool> => ({
  program,
  overrides,
  params: (p) => ({ count: elements(p.y) / lanes, ...params(p, lanes) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.y) / lanes, workgroup)),
  sizes: (p) => ({ x: elements(p.x), y: elements(p.y) }),
  cost: (p) => ({ flops: elements(p.y) * p.size[0] * p.size[1], bytes: 4 * (elements(p.x) + elements(p.y)) }),
});

const gradient = (program: Program, lanes: number): Kernel<Pool> => ({
  program,
  overrides,
  params: (p) => ({ count: elements(p.x) / lanes, ...params(p, lanes) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.x) / lanes, workgroup)),
  sizes: (p) => ({
    dy: elements(p.y),
    dx: elements(p.x),
    ...(p.maximum && { x: elements(p.x), y: elements(p.y) }),
  }),
  cost: (p) => ({
    flops: elements(p.y) * p.size[0] * p.size[1],
    bytes: 4 * ((p.maximum ? 2 : 1) * (elements(p.x) + elements(p.y))),
  }),
});

export const poolKernel = forward(wgsl("layers", "pool"), 1);
export const poolVec4Kernel = forward(wgsl("layers", "pool_vec4"), 4);
export const poolGradientKernel = gradient(wgsl("layers", "pool_gradient"), 1);
export const poolGradientVec4Kernel = gradient(wgsl("layers", "pool_gradient_vec4"), 4);

const inFours = (x: Shape) => x[3] % 4 === 0;

export function requireFours(x: Shape): void {
  if (!inFours(x)) throw new VariantUnfit("channels not in fours");
}

/** The table of all pooling operations, on every adapter. */
export const selectPool = (x: Shape) => (inFours(x) ? "vec4" : "plain");
