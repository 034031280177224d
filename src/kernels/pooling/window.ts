/** What max and average pooling share: their attributes, their sizes and their two programs. */
import { ThawError } from "../../errors";
import { ceilDiv, foldWorkgroups, type Kernel } from "../kernel";
import { elements, formatShape, type Shape } from "../operation";
import forwardSource from "./pool.wgsl?raw";
import gradientSource from "./pool_gradient.wgsl?raw";

export interface PoolAttrs {
  /** Height and width of the window. */
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  /** Rows above, rows below, columns left, columns right. */
  readonly pads: readonly [number, number, number, number];
}

export interface PoolGradientAttrs extends PoolAttrs {
  readonly inputShape: Shape;
}

/** Shape of y for x [N, H, W, C]. A window may reach past the padding on the far side only as far as `pads` says. */
export function pooledShape(who: string, { size, strides, pads }: PoolAttrs, x: Shape): Shape {
  if (x.length !== 4)
    throw new ThawError(who, `received x of shape ${formatShape(x)}`, "4 axes: batch, height, width, channels");
  const [n, h, w, c] = x;
  if (pads.some((pad, i) => pad < 0 || pad >= size[i < 2 ? 0 : 1]))
    throw new ThawError(
      who,
      `received pads ${formatShape(pads)} for windows of ${size.join("x")}`,
      "from 0 to less than the window, so that each window holds an element",
      "Put a padding layer in front for more.",
    );
  const p = Math.floor((h + pads[0] + pads[1] - size[0]) / strides[0]) + 1;
  const q = Math.floor((w + pads[2] + pads[3] - size[1]) / strides[1]) + 1;
  if (p < 1 || q < 1)
    throw new ThawError(
      who,
      `a window of ${size.join("x")} does not fit into x of shape ${formatShape(x)} with pads ${formatShape(pads)}`,
      "a window no larger than the padded input",
      "Use a smaller window, larger images, or padding same.",
    );
  return [n, p, q, c];
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

const params = (p: Pool) => ({
  inHeight: p.x[1],
  inWidth: p.x[2],
  outHeight: p.y[1],
  outWidth: p.y[2],
  channels: p.x[3],
  top: p.pads[0],
  left: p.pads[2],
});

export const poolKernel: Kernel<Pool> = {
  name: "pool",
  source: forwardSource,
  overrides,
  params: (p) => ({ count: elements(p.y), ...params(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.y), workgroup)),
  sizes: (p) => ({ x: elements(p.x), y: elements(p.y) }),
  cost: (p) => ({ flops: elements(p.y) * p.size[0] * p.size[1], bytes: 4 * (elements(p.x) + elements(p.y)) }),
};

export const poolGradientKernel: Kernel<Pool> = {
  name: "pool_gradient",
  source: gradientSource,
  overrides,
  params: (p) => ({ count: elements(p.x), ...params(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.x), workgroup)),
  sizes: (p) => ({
    dy: elements(p.y),
    dx: elements(p.x),
    ...(p.maximum && { x: elements(p.x), y: elements(p.y) }),
  }),
  cost: (p) => ({
    flops: elements(p.y) * p.size[0] * p.size[1],
    bytes: 4 * ((p.maximum ? 2 : 1) * (elements(p.x) + elements(p.y))),
  }),
};
