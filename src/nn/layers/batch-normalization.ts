import type { Graph, Value } from "../graph";
import type { CallContext, LayerOptions, SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { axisIndex, Settings } from "./settings";
import { UnaryLayer } from "./unary";

export interface BatchNormalizationOptions extends LayerOptions {
  /** The channels; only the last dimension, -1 (default). */
  readonly axis?: number | readonly number[];
  /** Part of the old moving statistics that stays at each step; default 0.99. */
  readonly momentum?: number;
  /** Added to the variance; default 0.001. */
  readonly epsilon?: number;
  /** Whether there is a beta; default true. */
  readonly center?: boolean;
  /** Whether there is a gamma; default true. */
  readonly scale?: boolean;
}

/**
 * Brings each channel to mean 0 and deviation 1, then to a learnt mean and deviation:
 * y = gamma[c] * (x - mean[c]) / sqrt(variance[c] + epsilon) + beta[c].
 *
 * Input `[batch, ..., channels]` of any rank from 2 on, output the same.
 * Weights: `gamma`, `beta`, and the statistics `moving_mean`, `moving_variance`, all [channels].
 *
 * In a training step mean and variance are the batch's, and the moving ones take a step of 1 - momentum towards them;
 * otherwise they are the moving ones.
 *
 * `trainable = false` means inference mode, also in training steps: the moving statistics are used and do not change.
 * So does `training: false` where a model is called, and then gamma and beta still learn if the layer is trainable.
 *
 * @example new BatchNormalization({ momentum: 0.9 })
 */
export class BatchNormalization extends UnaryLayer {
  readonly className = "BatchNormalization";
  readonly axis: number;
  /** Part of the moving statistics that a training step keeps. May be changed before `compile()`. */
  momentum: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  /** [channels] */
  gamma: Parameter | undefined;
  /** [channels] */
  beta: Parameter | undefined;
  /** [channels] */
  movingMean!: Parameter;
  /** [channels] */
  movingVariance!: Parameter;

  constructor(options: BatchNormalizationOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    const axes = read.numbers("axis", -1);
    if (axes.length !== 1) throw read.refuse("axis", "one axis, the last");
    this.axis = axes[0]!;
    this.momentum = read.number("momentum", 0.99, 0, 1);
    this.epsilon = read.number("epsilon", 0.001, 0);
    this.center = read.flag("center", true);
    this.scale = read.flag("scale", true);
  }

  protected override get leastRank(): number {
    return 2;
  }

  protected override build([input]: readonly SampleShape[]): void {
    const rank = input.length + 1;
    if (axisIndex(this.axis, rank) !== rank - 1) {
      throw new Settings(this.name, { axis: this.axis }).refuse(
        "axis",
        "the last dimension, -1",
        "Put a Permute before it.",
      );
    }
    const shape = [input.at(-1)!];
    if (this.scale) this.gamma = this.addWeight("gamma", shape, { kind: "ones" });
    if (this.center) this.beta = this.addWeight("beta", shape, { kind: "zeros" });
    this.movingMean = this.addWeight("moving_mean", shape, { kind: "zeros" }, "state");
    this.movingVariance = this.addWeight("moving_variance", shape, { kind: "ones" }, "state");
  }

  protected forward(g: Graph, x: Value, context: CallContext): Value {
    const gamma = this.gamma && g.parameter(this.gamma);
    const beta = this.beta && g.parameter(this.beta);
    const mean = g.parameter(this.movingMean);
    const variance = g.parameter(this.movingVariance);
    if (context.training && this.trainable) {
      const attrs = { epsilon: this.epsilon, momentum: this.momentum };
      return g.apply("batchNormTraining", attrs, { x, gamma, beta, movingMean: mean, movingVariance: variance });
    }
    // One factor and one offset a channel: compile folds them into the convolution before.
    const { scale, shift } = g.emit("batchNormFold", { epsilon: this.epsilon }, { gamma, beta, mean, variance });
    return g.apply("channelAffine", {}, { x, scale, shift });
  }

  config(): Record<string, unknown> {
    return { axis: this.axis, momentum: this.momentum, epsilon: this.epsilon, center: this.center, scale: this.scale };
  }
}
