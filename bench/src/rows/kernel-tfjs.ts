/** One operation by TF.js's kernels, called as its gradients call them. */
import type { Shape } from "../../../src/index";
import { elements } from "../../../src/kernels/operation";
import { finishTfjs, tf, type Tensor } from "../systems/tfjs";
import type { Problem } from "./problems";

const kernels = {
  conv: { forward: "Conv2D", dx: "Conv2DBackpropInput", dw: "Conv2DBackpropFilter" },
  depthwise: {
    forward: "DepthwiseConv2dNative",
    dx: "DepthwiseConv2dNativeBackpropInput",
    dw: "DepthwiseConv2dNativeBackpropFilter",
  },
} as const;

export class TfjsKernel {
  readonly #problem: Problem;
  readonly #data: Readonly<Record<string, Float32Array>>;
  readonly #tensors: Record<string, Tensor>;
  #result: Tensor | undefined;

  constructor(problem: Problem, data: Readonly<Record<string, Float32Array>>) {
    this.#problem = problem;
    this.#data = data;
    this.#tensors = this.#upload();
  }

  /** @param batch images; the first of the data. Of matrices, the first elements as a product of 256. */
  #upload(batch?: number): Record<string, Tensor> {
    const { inputs, kind } = this.#problem;
    return Object.fromEntries(
      Object.entries(inputs).map(([name, shape]) => {
        let cut: Shape = shape;
        if (batch !== undefined && kind === "matmul") cut = [256, 256];
        else if (batch !== undefined && name !== "w") cut = [batch, ...shape.slice(1)];
        return [name, tf.tensor(this.#data[name].subarray(0, elements(cut)), [...cut])];
      }),
    );
  }

  #launch(t: Readonly<Record<string, Tensor>>): Tensor {
    const { kind, direction, stride, pad, x, w } = this.#problem;
    if (kind === "matmul") return tf.matMul(t.x, t.w, direction === "dw", direction === "dx");
    // Its fast paths ask for "same" or "valid"; explicit padding only where neither says the same.
    const explicit = [
      [0, 0],
      [pad, pad],
      [pad, pad],
      [0, 0],
    ];
    const common = {
      strides: [stride, stride],
      pad: stride === 1 ? "same" : pad === 0 ? "valid" : explicit,
      dataFormat: "NHWC",
      dilations: [1, 1],
      dimRoundingMode: stride === 1 ? undefined : "floor", // or it refuses a size that leaves a rest
    };
    const given = {
      forward: { inputs: { x: t.x, filter: t.w }, attrs: common },
      dx: { inputs: { dy: t.dy, filter: t.w }, attrs: { ...common, inputShape: [t.dy?.shape[0], ...x.slice(1)] } },
      dw: { inputs: { x: t.x, dy: t.dy }, attrs: { ...common, filterShape: [...w] } },
    }[direction];
    return tf.engine().runKernel(kernels[kind][direction], given.inputs as never, given.attrs as never) as Tensor;
  }

  async run(times: number): Promise<void> {
    const results = [];
    for (let i = 0; i < times; i++) results.push(this.#launch(this.#tensors));
    await finishTfjs();
    this.#result?.dispose();
    this.#result = results.pop();
    results.forEach((t) => t.dispose());
  }

  /** The same with one image, or a small product: it compiles what the large one needs. */
  async runSmall(): Promise<void> {
    const tensors = this.#upload(1);
    const result = this.#launch(tensors);
    await finishTfjs();
    tf.dispose([result, ...Object.values(tensors)]);
  }

  /** The result of the last run. */
  async read(): Promise<Float32Array> {
    return (await this.#result!.data()) as Float32Array;
  }

  dispose(): void {
    tf.dispose([...Object.values(this.#tensors), ...(this.#result ? [this.#result] : [])]);
  }
}
