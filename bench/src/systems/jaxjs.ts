/** jax-js: single operations and their gradients as its compiler makes them, and the training of a dense head. */
import * as jax from "@jax-js/jax";
import type { Shape } from "../../../src/index";

const { numpy: np, lax } = jax;
export type JaxArray = jax.Array;

/** @throws when its WebGPU device does not start. */
export async function startJaxjs(): Promise<void> {
  const devices = await jax.init("webgpu");
  if (!devices.includes("webgpu")) throw new Error(`jax-js has the devices ${devices.join(", ")}, not webgpu`);
  jax.defaultDevice("webgpu");
}

export const jaxArray = (data: Float32Array, shape: Shape): JaxArray =>
  np.array(data as Float32Array<ArrayBuffer>).reshape([...shape]);

/** NHWC data as the NCHW that jax-js convolves, or a filter HWIO as OIHW (for depthwise, HWC1 as C1HW). */
export function toChannelsFirst(
  data: Float32Array,
  shape: Shape,
  filter: boolean,
): { data: Float32Array; shape: Shape } {
  // order[i]: which axis of the given data becomes axis i
  const depthwise = filter && shape[3] === 1 && shape[2] > 1;
  const order = !filter ? [0, 3, 1, 2] : depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1];
  return { data: permute(data, shape, order), shape: order.map((axis) => shape[axis]) };
}

export function permute(data: Float32Array, shape: Shape, order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const [n0, n1, n2, n3] = order.map((axis) => shape[axis]);
  const [s0, s1, s2, s3] = order.map((axis) => strides[axis]);
  const result = new Float32Array(data.length);
  let at = 0;
  for (let a = 0; a < n0; a++)
    for (let b = 0; b < n1; b++)
      for (let c = 0; c < n2; c++) for (let d = 0; d < n3; d++) result[at++] = data[a * s0 + b * s1 + c * s2 + d * s3];
  return result;
}

export type JaxFunction = (...inputs: JaxArray[]) => JaxArray;

/** Of (x, w), of (dy, w) and of (x, dy), under the names x and w. */
export const jaxMatmul = (direction: "forward" | "dx" | "dw"): JaxFunction =>
  jax.jit((x: JaxArray, w: JaxArray) => {
    if (direction === "dx") return np.matmul(x, np.matrixTranspose(w));
    return np.matmul(direction === "dw" ? np.matrixTranspose(x) : x, w);
  });

export interface JaxConvolution {
  readonly strides: readonly number[];
  readonly pads: readonly [number, number][];
  readonly groups: number;
}

/** @returns functions of (x, w), of (dy, w) and of (x, dy); gradients are jax-js's own, of the sum of y * dy. */
export function jaxConvolution(
  { strides, pads, groups }: JaxConvolution,
  direction: "forward" | "dx" | "dw",
  shapes: { readonly x: Shape; readonly w: Shape },
): JaxFunction {
  const conv = (x: JaxArray, w: JaxArray) =>
    lax.convGeneralDilated(
      x,
      w,
      [...strides],
      pads.map((p) => [...p] as [number, number]),
      {
        featureGroupCount: groups,
      },
    );
  if (direction === "forward") return jax.jit(conv);
  const product = (x: JaxArray, w: JaxArray, dy: JaxArray) => np.sum(conv(x, w).mul(dy));
  // A convolution is linear in each input, so its gradient does not depend on the value of that one: zeros serve.
  if (direction === "dx")
    return jax.jit((dy: JaxArray, w: JaxArray) =>
      jax.grad((x: JaxArray) => product(x, w, dy))(np.zeros([...shapes.x])),
    );
  return jax.jit((x: JaxArray, dy: JaxArray) => jax.grad((w: JaxArray) => product(x, w, dy))(np.zeros([...shapes.w])));
}

export const jaxFinished = async (array: JaxArray): Promise<void> => void (await array.blockUntilReady());

interface Adam {
  readonly w: JaxArray;
  readonly b: JaxArray;
  readonly mw: JaxArray;
  readonly mb: JaxArray;
  readonly vw: JaxArray;
  readonly vb: JaxArray;
}

/** A dense head with softmax crossentropy and Adam, written by hand: jax-js's optimizers are not on npm. */
export class JaxHead {
  #state: Adam;
  #iteration = 0;
  readonly #step: (...args: JaxArray[]) => JaxArray[];

  constructor(kernel: Float32Array, bias: Float32Array, width: number, units: number) {
    const zeros = () => [np.zeros([width, units]), np.zeros([units])];
    const [mw, mb] = zeros();
    const [vw, vb] = zeros();
    this.#state = { w: jaxArray(kernel, [width, units]), b: jaxArray(bias, [units]), mw, mb, vw, vb };
    const loss = (w: JaxArray, b: JaxArray, x: JaxArray, y: JaxArray) =>
      np.mean(np.sum(jax.nn.logSoftmax(np.matmul(x, w).add(b), -1).mul(y), -1)).mul(-1);
    const lossAndGradients = jax.valueAndGrad(loss, { argnums: [0, 1] });
    this.#step = jax.jit(
      (
        w: JaxArray,
        b: JaxArray,
        mw: JaxArray,
        mb: JaxArray,
        vw: JaxArray,
        vb: JaxArray,
        x: JaxArray,
        y: JaxArray,
        rate: JaxArray,
        correction: JaxArray,
      ) => {
        const [value, [gw, gb]] = lossAndGradients(w.ref, b.ref, x, y);
        const mw1 = mw.mul(0.9).add(gw.ref.mul(0.1));
        const mb1 = mb.mul(0.9).add(gb.ref.mul(0.1));
        const vw1 = vw.mul(0.999).add(gw.ref.mul(gw).mul(0.001));
        const vb1 = vb.mul(0.999).add(gb.ref.mul(gb).mul(0.001));
        const update = (m: JaxArray, v: JaxArray, r: JaxArray, c: JaxArray) =>
          m.mul(r).div(np.sqrt(v.mul(c)).add(1e-7));
        const w1 = w.sub(update(mw1.ref, vw1.ref, rate.ref, correction.ref));
        const b1 = b.sub(update(mb1.ref, vb1.ref, rate, correction));
        return [value, w1, b1, mw1, mb1, vw1, vb1];
      },
    );
  }

  /** One step on arrays that stay the caller's. @returns the loss, not yet read. */
  step(x: JaxArray, y: JaxArray): JaxArray {
    const t = ++this.#iteration;
    const { w, b, mw, mb, vw, vb } = this.#state;
    const rate = np.array(1e-3 / (1 - 0.9 ** t));
    const correction = np.array(1 / (1 - 0.999 ** t));
    const [value, ...next] = this.#step(w, b, mw, mb, vw, vb, x.ref, y.ref, rate, correction);
    this.#state = { w: next[0], b: next[1], mw: next[2], mb: next[3], vw: next[4], vb: next[5] };
    return value;
  }

  dispose(): void {
    for (const array of Object.values(this.#state)) (array as JaxArray).dispose();
  }
}
