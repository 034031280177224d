import { ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import type { LayerOptions, SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { oneOrAll, scaleAndOffset } from "./rescaling";
import { axisIndex, Settings } from "./settings";
import { UnaryLayer } from "./unary";

export interface NormalizationOptions extends LayerOptions {
  /** Dimensions with statistics of their own: the last, -1 (default), or null for one mean and variance of everything. */
  readonly axis?: number | readonly number[] | null;
  /** Known mean, one number or one a channel; needs `variance`. */
  readonly mean?: number | readonly number[] | null;
  readonly variance?: number | readonly number[] | null;
}

/** Keras's lower bound of the deviation, squared: what is added to the variance so that 0 / 0 does not happen. */
const epsilon = 1e-14;

/**
 * Shifts and scales inputs to mean 0 and variance 1: y = (x - mean[c]) / sqrt(variance[c]).
 *
 * Input `[batch, ..., channels]`, output the same. With given `mean` and `variance` it has no weights; otherwise it holds
 * the statistics `mean`, `variance` [channels] and `count` [], which `adapt` or a file fills.
 *
 * `trainable` changes nothing: training never touches the statistics.
 *
 * @example const normalize = new Normalization(); normalize.adapt(pixels, [1000, 32, 32, 3]);
 */
export class Normalization extends UnaryLayer {
  readonly className = "Normalization";
  readonly axis: readonly number[];
  readonly #given: { readonly mean: readonly number[]; readonly variance: readonly number[] } | undefined;
  /** [channels] */
  mean: Parameter | undefined;
  /** [channels] */
  variance: Parameter | undefined;

  constructor(options: NormalizationOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    const none = options.axis === null || (Array.isArray(options.axis) && options.axis.length === 0);
    this.axis = none ? [] : read.numbers("axis", -1);
    const [mean, variance] = [options.mean ?? undefined, options.variance ?? undefined];
    if ((mean === undefined) !== (variance === undefined))
      throw read.refuse(mean === undefined ? "mean" : "variance", "mean and variance, or neither");
    if (mean !== undefined) this.#given = { mean: read.numbers("mean", 0), variance: read.numbers("variance", 1) };
    else if (none) throw read.refuse("axis", "-1 for statistics that are not given", "Pass mean and variance.");
  }

  protected override build([input]: readonly SampleShape[]): void {
    const last = input.length;
    if (this.axis.some((axis) => axisIndex(axis, last + 1) !== last) || this.axis.length > 1) {
      throw new Settings(this.name, { axis: this.axis }).refuse(
        "axis",
        "the last dimension, -1, or null",
        "Put a Permute before it.",
      );
    }
    if (this.#given) return;
    const channels = [input.at(-1)!];
    this.mean = this.addWeight("mean", channels, { kind: "zeros" }, "state");
    this.variance = this.addWeight("variance", channels, { kind: "ones" }, "state");
    this.addWeight("count", [], { kind: "zeros" }, "state"); // unused, but files have it
  }

  /** Takes mean and variance of data, `[samples, ..., channels]` in C order. */
  adapt(data: ArrayLike<number>, shape: readonly number[]): void {
    if (this.#given) throw new ThawError(this.name, "has a given mean and variance", "a layer without them");
    this.ensureBuilt([shape.slice(1)]);
    const channels = this.mean!.count;
    const rows = data.length / channels;
    if (shape.at(-1) !== channels || data.length === 0 || data.length !== shape.reduce((a, b) => a * b, 1)) {
      throw new ThawError(
        this.name,
        `received ${data.length} values as [${shape.join(", ")}]`,
        `samples with ${channels} channels`,
      );
    }
    const mean = new Float64Array(channels);
    const variance = new Float64Array(channels);
    for (let i = 0; i < data.length; i++) mean[i % channels] += data[i] / rows;
    for (let i = 0; i < data.length; i++) variance[i % channels] += (data[i] - mean[i % channels]) ** 2 / rows;
    this.mean!.assign(mean);
    this.variance!.assign(variance);
  }

  protected forward(g: Graph, x: Value): Value {
    if (this.#given) {
      const { mean, variance } = this.#given;
      const scale = variance.map((v) => 1 / Math.sqrt(v + epsilon));
      const length = Math.max(mean.length, scale.length);
      const offset = Array.from({ length }, (_, i) => -mean[i % mean.length] * scale[i % scale.length]);
      return scaleAndOffset(g, this.name, x, scale, offset);
    }
    const statistics = { mean: g.parameter(this.mean!), variance: g.parameter(this.variance!) };
    const { scale, shift } = g.emit("batchNormFold", { epsilon }, statistics);
    return g.apply("channelAffine", {}, { x, scale, shift });
  }

  config(): Record<string, unknown> {
    const { mean, variance } = this.#given ?? {};
    return { axis: this.axis, mean: mean ? oneOrAll(mean) : null, variance: variance ? oneOrAll(variance) : null };
  }
}
