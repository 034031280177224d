import type { Graph, Value } from "../graph";
import type { LayerOptions, SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { axisIndex, Settings } from "./settings";
import { UnaryLayer } from "./unary";

export interface LayerNormalizationOptions extends LayerOptions {
  /** The last dimension, -1 (default), or several that end with it. */
  readonly axis?: number | readonly number[];
  /** Added to the variance; default 0.001. */
  readonly epsilon?: number;
  /** Whether there is a beta; default true. */
  readonly center?: boolean;
  /** Whether there is a gamma; default true. */
  readonly scale?: boolean;
}

/**
 * Brings each sample's features to mean 0 and deviation 1, then scales and shifts them: no statistics of the batch.
 *
 * Input `[batch, ..., features]` of any rank from 2 on, output the same.
 * Weights: `gamma` and `beta`, with the dimensions that `axis` names.
 *
 * `trainable = false`: both weights stay; what it computes does not change.
 *
 * @example new LayerNormalization({ epsilon: 1e-6 })
 */
export class LayerNormalization extends UnaryLayer {
  readonly className = "LayerNormalization";
  readonly axis: readonly number[];
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  /** Dimensions that `axis` names, e.g. [features]. */
  gamma: Parameter | undefined;
  /** As gamma. */
  beta: Parameter | undefined;

  constructor(options: LayerNormalizationOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    this.axis = read.numbers("axis", -1);
    this.epsilon = read.number("epsilon", 0.001, 0);
    this.center = read.flag("center", true);
    this.scale = read.flag("scale", true);
  }

  protected override get leastRank(): number {
    return 2;
  }

  protected override build([input]: readonly SampleShape[]): void {
    const rank = input.length + 1;
    const axes = this.axis.map((axis) => axisIndex(axis, rank) ?? -1).toSorted((a, b) => a - b);
    const first = rank - axes.length;
    if (first < 1 || axes.some((axis, i) => axis !== first + i)) {
      throw new Settings(this.name, { axis: this.axis }).refuse(
        "axis",
        `the last dimension of ${rank}, or several that end with it, without the batch`,
      );
    }
    const shape = input.slice(first - 1);
    if (this.scale) this.gamma = this.addWeight("gamma", shape, { kind: "ones" });
    if (this.center) this.beta = this.addWeight("beta", shape, { kind: "zeros" });
  }

  protected forward(g: Graph, x: Value): Value {
    const gamma = this.gamma && g.parameter(this.gamma);
    const beta = this.beta && g.parameter(this.beta);
    return g.apply("layerNorm", { epsilon: this.epsilon, axes: this.axis.length }, { x, gamma, beta });
  }

  config(): Record<string, unknown> {
    const axis = this.axis.length === 1 ? this.axis[0] : this.axis;
    return { axis, epsilon: this.epsilon, center: this.center, scale: this.scale };
  }
}
