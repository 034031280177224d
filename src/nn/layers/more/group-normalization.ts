import { ThawError } from "../../../errors";
import type { Graph, Value } from "../../graph";
import type { LayerOptions, SampleShape } from "../../layer";
import type { Parameter } from "../../parameter";
import { axisIndex, Settings } from "../settings";
import { UnaryLayer } from "../unary";

export interface GroupNormalizationOptions extends LayerOptions {
  /** Default 32; -1: a group for each channel. */
  readonly groups?: number;
  /** Default, and all there is: the last dimension. */
  readonly axis?: number;
  /** Added to the variance; default 0.001. */
  readonly epsilon?: number;
  /** Whether there is a beta; default true. */
  readonly center?: boolean;
  /** Whether there is a gamma; default true. */
  readonly scale?: boolean;
}

/**
 * Brings the channels of each group, over all positions of a sample, to mean 0 and deviation 1, then scales and shifts each channel
 * (Wu and He 2018).
 *
 * Input `[batch, ..., channels]`, output the same. Weights: `gamma` and `beta` [channels].
 *
 * `trainable = false`: both weights stay; what it computes does not change.
 *
 * @example new GroupNormalization({ groups: 8 })
 */
export class GroupNormalization extends UnaryLayer {
  readonly className = "GroupNormalization";
  readonly groups: number;
  readonly axis: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  /** [channels] */
  gamma: Parameter | undefined;
  /** [channels] */
  beta: Parameter | undefined;

  constructor(options: GroupNormalizationOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    this.groups = options.groups === -1 ? -1 : read.whole("groups", 32);
    this.axis = read.number("axis", -1);
    this.epsilon = read.number("epsilon", 0.001, 0);
    this.center = read.flag("center", true);
    this.scale = read.flag("scale", true);
  }

  protected override get leastRank(): number {
    return 2;
  }

  protected override build([input]: readonly SampleShape[]): void {
    const channels = input.at(-1)!;
    if (axisIndex(this.axis, input.length + 1) !== input.length)
      throw new Settings(this.name, { axis: this.axis }).refuse("axis", `the last dimension of ${input.length + 1}`);
    if (this.groups !== -1 && channels % this.groups !== 0)
      throw new ThawError(this.name, `${channels} channels in ${this.groups} groups`, "groups of equal size");
    if (this.scale) this.gamma = this.addWeight("gamma", [channels], { kind: "ones" });
    if (this.center) this.beta = this.addWeight("beta", [channels], { kind: "zeros" });
  }

  protected forward(g: Graph, x: Value): Value {
    const [batch, channels] = [x.shape[0], x.shape.at(-1)!];
    const groups = this.groups === -1 ? channels : this.groups;
    const positions = x.shape.slice(1, -1).reduce((a, b) => a * b, 1);
    const turn = (value: Value) => g.apply("transpose", { permutation: [0, 2, 1, 3] }, { x: value });
    const view = (value: Value, shape: readonly number[]) => g.apply("reshape", { shape }, { x: value });
    const each = channels / groups;
    const grouped = turn(view(x, [batch, positions, groups, each]));
    const flat = view(grouped, [batch, groups, positions * each]);
    const normal = g.apply("layerNorm", { epsilon: this.epsilon, axes: 1 }, { x: flat });
    const y = view(turn(view(normal, [batch, groups, positions, each])), x.shape);
    const [scale, shift] = [this.gamma, this.beta].map((p) => p && g.parameter(p));
    if (scale && shift) return g.apply("channelAffine", {}, { x: y, scale, shift });
    if (scale) return g.apply("multiply", {}, { a: y, b: scale });
    return shift ? g.apply("add", {}, { a: y, b: shift }) : y;
  }

  config(): Record<string, unknown> {
    const { groups, axis, epsilon, center, scale } = this;
    return { groups, axis, epsilon, center, scale };
  }
}
