import { ThawError } from "../../../errors";
import type { Graph, Value } from "../../graph";
import { Layer, type CallContext, type LayerOptions, type SampleShape } from "../../layer";
import type { Parameter } from "../../parameter";
import { Dropout } from "../dropout";
import { Settings } from "../settings";

export interface MultiHeadAttentionOptions extends LayerOptions {
  /** Heads that attend side by side. */
  readonly numHeads: number;
  /** Features of a query and a key in each head. */
  readonly keyDim: number;
  /** Features of a value in each head; default: as many as of a key. */
  readonly valueDim?: number | null;
  /** Part of the attention that is dropped in training, from 0 to below 1; default 0. */
  readonly dropout?: number;
  /** Default true. */
  readonly useBias?: boolean;
  /** Features of the output, or a shape; default: those of the query. */
  readonly outputShape?: number | readonly number[] | null;
  /** Default, and all there is: every dimension between batch and features. */
  readonly attentionAxes?: readonly number[] | null;
}

/** A dense layer of heads: what it multiplies and adds. */
interface Projection {
  readonly kernel: Parameter;
  readonly bias: Parameter | undefined;
}

/**
 * Attention of several heads (Vaswani et al. 2017): softmax(Q K^T / sqrt(keyDim)) V in each head, and a projection of what they give.
 *
 * Inputs: query `[batch, ..., features]`, value `[batch, ..., features]` and, where it is not the value, key. Output
 * `[batch, ..., outputShape]` with a row for each of the query's. Weights: kernels `query`, `key` [features, heads, keyDim], `value`
 * [features, heads, valueDim], `attention_output` [heads, valueDim, ...outputShape], and their biases.
 *
 * `trainable = false`: all weights stay; gradients for the layers below are still computed where they need them. Masks are not
 * supported.
 *
 * @example const y = new MultiHeadAttention({ numHeads: 4, keyDim: 16 }).apply([x, x]);
 */
export class MultiHeadAttention extends Layer {
  readonly className = "MultiHeadAttention";
  readonly numHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly useBias: boolean;
  readonly outputShape: readonly number[] | null;
  readonly #axes: readonly number[] | null;
  readonly #dropout: Dropout;
  #query!: Projection;
  #key!: Projection;
  #value!: Projection;
  #output!: Projection;

  constructor(options: MultiHeadAttentionOptions) {
    super(options);
    const read = new Settings(this.className, options);
    this.numHeads = read.whole("numHeads");
    this.keyDim = read.whole("keyDim");
    this.valueDim = read.whole("valueDim", this.keyDim);
    this.useBias = read.flag("useBias", true);
    const { outputShape = null, attentionAxes = null } = options;
    const shape = typeof outputShape === "number" ? [outputShape] : outputShape;
    if (shape && !(shape.length > 0 && shape.every((d) => Number.isInteger(d) && d > 0)))
      throw read.refuse("outputShape", "whole numbers of at least 1");
    this.outputShape = shape;
    this.#axes = typeof attentionAxes === "number" ? [attentionAxes] : attentionAxes;
    this.#dropout = new Dropout({ rate: read.number("dropout", 0, 0), name: read.who });
  }

  protected override build(shapes: readonly SampleShape[]): void {
    const [query, value, key = value] = this.#checked(shapes);
    const { numHeads, keyDim, valueDim } = this;
    const projection = (name: string, kernel: readonly number[], bias: readonly number[]): Projection => ({
      kernel: this.addWeight(`${name}/kernel`, kernel, { kind: "glorotUniform" }),
      bias: this.useBias ? this.addWeight(`${name}/bias`, bias, { kind: "zeros" }) : undefined,
    });
    const into = (name: string, shape: SampleShape, size: number) =>
      projection(name, [shape.at(-1)!, numHeads, size], [numHeads, size]);
    this.#query = into("query", query, keyDim);
    this.#key = into("key", key, keyDim);
    this.#value = into("value", value, valueDim);
    const output = this.outputShape ?? [query.at(-1)!];
    this.#output = projection("attention_output", [numHeads, valueDim, ...output], output);
  }

  #checked(shapes: readonly SampleShape[]): readonly SampleShape[] {
    const list = shapes.map(shown).join(", ");
    if (shapes.length < 2 || shapes.length > 3 || shapes.some((s) => s.length < 2))
      throw new ThawError(this.name, `received ${list}`, "a query, a value and perhaps a key: [batch, ..., features]");
    const [query, value, key = value] = shapes;
    if (key.slice(0, -1).join() !== value.slice(0, -1).join())
      throw new ThawError(this.name, `received ${list}`, "a key for each value");
    const rank = query.length;
    const axes = this.#axes?.map((a) => (a < 0 ? a + rank + 1 : a)).toSorted((a, b) => a - b);
    if (axes && (axes.length !== rank - 1 || axes.some((a, i) => a !== i + 1)))
      throw new ThawError(
        this.name,
        `attends along the axes [${axes.join(", ")}] of a query ${shown(query)}`,
        "all axes between batch and features",
      );
    return shapes;
  }

  call(g: Graph, inputs: readonly Value[], context: CallContext): Value[] {
    this.#checked(inputs.map((x) => x.shape.slice(1)));
    const [query, value, key = value] = inputs;
    const scale = 1 / Math.sqrt(this.keyDim);
    const q = g.apply("affine", { scale, offset: 0 }, { x: this.#heads(g, query, this.#query) });
    const k = this.#heads(g, key, this.#key);
    const v = this.#heads(g, value, this.#value);
    const scores = g.apply("softmax", {}, { x: g.apply("matmul", { transposeW: true }, { x: q, w: k }) });
    const [kept] = this.#dropout.call(g, [scores], context);
    const attended = g.apply("matmul", {}, { x: kept, w: v });
    const [batch, , rows] = q.shape;
    const joined = g.apply("transpose", { permutation: [0, 2, 1, 3] }, { x: attended });
    const flat = reshape(g, joined, [batch, rows, this.numHeads * this.valueDim]);
    const y = project(g, flat, this.#output, 2);
    const output = this.#output.kernel.shape.slice(2);
    return [reshape(g, y, [...query.shape.slice(0, -1), ...output])];
  }

  /** [batch, ..., features] to [batch, heads, rows, size]. */
  #heads(g: Graph, x: Value, projection: Projection): Value {
    const [features, heads, size] = projection.kernel.shape;
    const rows = x.shape.slice(1, -1).reduce((a, b) => a * b, 1);
    const y = project(g, reshape(g, x, [x.shape[0], rows, features]), projection, 1);
    const split = reshape(g, y, [x.shape[0], rows, heads, size]);
    return g.apply("transpose", { permutation: [0, 2, 1, 3] }, { x: split });
  }

  config(): Record<string, unknown> {
    return {
      numHeads: this.numHeads,
      keyDim: this.keyDim,
      valueDim: this.valueDim,
      dropout: this.#dropout.rate,
      useBias: this.useBias,
      outputShape: this.outputShape,
      attentionAxes: this.#axes,
    };
  }
}

const shown = (sample: SampleShape): string => `[batch, ${sample.join(", ")}]`;

function reshape(g: Graph, x: Value, shape: readonly number[]): Value {
  const same = shape.length === x.shape.length && shape.every((d, i) => d === x.shape[i]);
  return same ? x : g.apply("reshape", { shape }, { x });
}

/** x W + b, where the first `inner` dimensions of the kernel are summed over. */
function project(g: Graph, x: Value, { kernel, bias }: Projection, inner: number): Value {
  const count = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);
  const columns = count(kernel.shape.slice(inner));
  const w = reshape(g, g.parameter(kernel), [count(kernel.shape.slice(0, inner)), columns]);
  const b = bias && reshape(g, g.parameter(bias), [columns]);
  return g.apply("matmul", {}, { x, w, b });
}
