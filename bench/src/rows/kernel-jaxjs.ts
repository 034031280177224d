/** One operation as jax-js's compiler makes it. Data is channels first there, so it is turned before and after. */
import type { Shape } from "../../../src/index";
import {
  jaxArray,
  jaxConvolution,
  jaxFinished,
  jaxMatmul,
  permute,
  toChannelsFirst,
  type JaxArray,
  type JaxFunction,
} from "../systems/jaxjs";
import type { Problem } from "./problems";

export class JaxKernel {
  readonly #problem: Problem;
  readonly #inputs: readonly JaxArray[];
  readonly #function: JaxFunction;
  #result: JaxArray | undefined;

  constructor(problem: Problem, data: Readonly<Record<string, Float32Array>>) {
    this.#problem = problem;
    const given = Object.entries(problem.inputs);
    if (problem.kind === "matmul") {
      this.#inputs = given.map(([name, shape]) => jaxArray(data[name], shape));
      this.#function = jaxMatmul(problem.direction);
      return;
    }
    const turned = given.map(([name, shape]) => toChannelsFirst(data[name], shape, name === "w"));
    this.#inputs = turned.map((t) => jaxArray(t.data, t.shape));
    const { stride, pad, direction, kind } = problem;
    const shapes = { x: firstShape(problem.x), w: filterShape(problem.w, kind === "depthwise") };
    const pads: [number, number][] = [
      [pad, pad],
      [pad, pad],
    ];
    const groups = kind === "depthwise" ? problem.x[3] : 1;
    this.#function = jaxConvolution({ strides: [stride, stride], pads, groups }, direction, shapes);
  }

  async run(times: number): Promise<void> {
    const results: JaxArray[] = [];
    for (let i = 0; i < times; i++) results.push(this.#function(...this.#inputs.map((array) => array.ref)));
    await Promise.all(results.map(jaxFinished));
    this.#result?.dispose();
    this.#result = results.pop();
    results.forEach((array) => array.dispose());
  }

  /** The result of the last run, channels last. */
  async read(): Promise<Float32Array> {
    const result = this.#result!;
    const shape = [...result.shape] as Shape;
    const data = (await result.ref.data()) as Float32Array;
    const { kind, direction } = this.#problem;
    if (kind === "matmul") return data;
    if (direction !== "dw") return permute(data, shape, [0, 2, 3, 1]);
    return permute(data, shape, kind === "depthwise" ? [2, 3, 0, 1] : [2, 3, 1, 0]);
  }

  dispose(): void {
    for (const array of this.#inputs) array.dispose();
    this.#result?.dispose();
  }
}

const firstShape = ([n, h, w, c]: Shape): Shape => [n, c, h, w];

const filterShape = ([h, w, c, o]: Shape, depthwise: boolean): Shape => (depthwise ? [c, o, h, w] : [o, c, h, w]);
