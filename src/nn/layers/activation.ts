import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { parseActivation, type ActivationConfig, type ActivationFunction } from "./activations";
import { UnaryLayer } from "./unary";

export interface ActivationOptions extends LayerOptions {
  /** Keras's name: "relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "tanh", "silu", "gelu", "softmax", ... */
  readonly activation: ActivationConfig;
}

/**
 * A function applied to every element (softmax: to the last dimension).
 *
 * Input `[batch, ...]`, output the same. "linear" costs nothing. No weights: `trainable` changes nothing.
 *
 * @example new Activation({ activation: "relu6" })
 */
export class Activation extends UnaryLayer {
  readonly className = "Activation";
  readonly activation: ActivationFunction;

  constructor(options: ActivationOptions) {
    super(options);
    this.activation = parseActivation(options.activation, options.name ?? this.className);
  }

  protected forward(g: Graph, x: Value): Value {
    return this.activation.emit(g, x);
  }

  config(): Record<string, unknown> {
    return { activation: this.activation.config };
  }
}
