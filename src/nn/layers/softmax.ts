import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { axisIndex, Settings } from "./settings";
import { UnaryLayer } from "./unary";

export interface SoftmaxOptions extends LayerOptions {
  /** The dimension whose entries add up to 1; default -1, the last. */
  readonly axis?: number;
}

/**
 * Probabilities: y[..., c] = exp(x[..., c]) / sum over k of exp(x[..., k]).
 *
 * Input `[batch, ..., classes]`, output the same. No weights: `trainable` changes nothing.
 *
 * @example new Softmax()
 */
export class Softmax extends UnaryLayer {
  readonly className = "Softmax";
  readonly axis: number;

  constructor(options: SoftmaxOptions = {}) {
    super(options);
    const axes = new Settings(this.className, options).numbers("axis", -1);
    if (axes.length !== 1) throw new Settings(this.className, options).refuse("axis", "one axis");
    this.axis = axes[0]!;
  }

  protected forward(g: Graph, x: Value): Value {
    const last = x.shape.length - 1;
    const axis = axisIndex(this.axis, x.shape.length);
    if (!axis)
      throw new Settings(this.name, { axis: this.axis }).refuse("axis", `-1, or a dimension from 1 to ${last}`);
    if (axis === last) return g.apply("softmax", {}, { x });
    // Swapped with the last dimension, and back; a swap is its own inverse.
    const permutation = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
    const y = g.apply("softmax", {}, { x: g.apply("transpose", { permutation }, { x }) });
    return g.apply("transpose", { permutation }, { x: y });
  }

  config(): Record<string, unknown> {
    return { axis: this.axis };
  }
}
