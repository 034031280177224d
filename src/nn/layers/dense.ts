import type { Graph, Value } from "../graph";
import type { LayerOptions, SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { parseActivation, type ActivationConfig, type ActivationFunction } from "./activations";
import { Settings } from "./settings";
import { UnaryLayer } from "./unary";

export interface DenseOptions extends LayerOptions {
  /** Number of outputs. */
  readonly units: number;
  /** Default: none. */
  readonly activation?: ActivationConfig | null;
  /** Default true. */
  readonly useBias?: boolean;
}

/**
 * Every output sees every input: y[..., u] = activation(b[u] + sum over c of x[..., c] * w[c, u]).
 *
 * Input `[batch, ..., features]` of any rank from 2 on, output `[batch, ..., units]`.
 * Weights: `kernel` [features, units] and `bias` [units].
 *
 * `trainable = false`: both weights stay; the gradient for the layers below is still computed where they need one.
 *
 * @example new Dense({ units: 2 })  // a classifier's last layer; the loss takes the softmax
 */
export class Dense extends UnaryLayer {
  readonly className = "Dense";
  readonly units: number;
  readonly activation: ActivationFunction;
  readonly useBias: boolean;
  /** [features, units] */
  kernel!: Parameter;
  /** [units] */
  bias: Parameter | undefined;

  constructor(options: DenseOptions) {
    super(options);
    const read = new Settings(this.className, options);
    this.units = read.whole("units");
    this.activation = parseActivation(options.activation, read.who);
    this.useBias = read.flag("useBias", true);
  }

  protected override get leastRank(): number {
    return 2;
  }

  protected override build([input]: readonly SampleShape[]): void {
    this.kernel = this.addWeight("kernel", [input.at(-1)!, this.units], { kind: "glorotUniform" });
    if (this.useBias) this.bias = this.addWeight("bias", [this.units], { kind: "zeros" });
  }

  protected forward(g: Graph, x: Value): Value {
    const y = g.apply("matmul", {}, { x, w: g.parameter(this.kernel), b: this.bias && g.parameter(this.bias) });
    return this.activation.emit(g, y);
  }

  config(): Record<string, unknown> {
    return { units: this.units, activation: this.activation.config, useBias: this.useBias };
  }
}
