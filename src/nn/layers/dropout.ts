import { formatShape, ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import { hash } from "../hash";
import type { CallContext, LayerOptions } from "../layer";
import { Settings, type ImageOptions } from "./settings";
import { UnaryLayer } from "./unary";

export interface DropoutOptions extends LayerOptions {
  /** Part of the values that is dropped, from 0 to below 1. */
  readonly rate: number;
  /**
   * The mask's shape, batch first, with 1 where one draw counts for all and null for the input's size: `[null, 1, 1, 1]`
   * drops whole samples, as residual branches of EfficientNet do. Default: a draw for each value.
   */
  readonly noiseShape?: readonly (number | null)[] | null;
}

abstract class DropoutLayer extends UnaryLayer {
  readonly rate: number;
  readonly #seed: number | undefined;

  constructor(
    readonly className: string,
    options: DropoutOptions,
  ) {
    super(options);
    const read = new Settings(className, options);
    if (options.rate === undefined) throw read.refuse("rate", "a number from 0 to below 1");
    this.rate = read.number("rate", 0, 0);
    if (this.rate >= 1) throw read.refuse("rate", "a number from 0 to below 1");
    this.#seed = options.seed ?? undefined;
  }

  /** The mask's shape where it is not the input's. */
  protected maskShape(_x: Value): readonly number[] | undefined {
    return undefined;
  }

  protected forward(g: Graph, x: Value, context: CallContext): Value {
    if (!context.training || this.rate === 0) return x;
    // A shared layer drops other values at each of its calls.
    const earlier = g.nodes.filter((node) => node.op === "dropout" && node.layer === g.layer).length;
    const salt = hash(`${g.layer}#${earlier}#${this.#seed ?? ""}`);
    const noiseShape = this.maskShape(x);
    return g.apply("dropout", { rate: this.rate, salt, ...(noiseShape && { noiseShape }) }, { x });
  }

  config(): Record<string, unknown> {
    return { rate: this.rate, seed: this.#seed ?? null };
  }
}

/**
 * In training steps sets a random part of the values to 0 and divides the rest by 1 - rate; otherwise it is not there.
 *
 * Input `[batch, ...]`, output the same. No weights; `trainable = false` does not stop it (Keras's rule), `training: false` does.
 *
 * @example new Dropout({ rate: 0.2 })
 */
export class Dropout extends DropoutLayer {
  readonly noiseShape: readonly (number | null)[] | null;

  constructor(options: DropoutOptions) {
    super("Dropout", options);
    this.noiseShape = options.noiseShape ?? null;
    const fits =
      this.noiseShape === null ||
      (Array.isArray(this.noiseShape) && this.noiseShape.every((d) => d === null || (Number.isInteger(d) && d >= 1)));
    if (!fits) {
      const read = new Settings(this.className, options);
      throw read.refuse("noiseShape", "a list of sizes with the batch in front, null for the input's");
    }
  }

  protected override maskShape(x: Value): readonly number[] | undefined {
    if (!this.noiseShape) return undefined;
    const shape = this.noiseShape.map((d, i) => d ?? x.shape[i]);
    if (shape.length === x.shape.length && shape.every((d, i) => d === 1 || d === x.shape[i])) return shape;
    throw new ThawError(
      this.name,
      `noiseShape [${this.noiseShape.join(", ")}] for an input of shape ${formatShape(x.shape)}`,
      "its sizes, or 1",
    );
  }

  override config(): Record<string, unknown> {
    return { ...super.config(), noiseShape: this.noiseShape };
  }
}

export interface SpatialDropout2DOptions extends Omit<DropoutOptions, "noiseShape">, ImageOptions {}

/**
 * Dropout of whole channels: in training steps a random part of each image's channels is 0.
 *
 * Input `[batch, height, width, channels]`, output the same. No weights; `trainable = false` does not stop it (Keras's rule).
 *
 * @example new SpatialDropout2D({ rate: 0.2 })
 */
export class SpatialDropout2D extends DropoutLayer {
  constructor(options: SpatialDropout2DOptions) {
    super("SpatialDropout2D", options);
    new Settings(this.className, options).channelsLast();
  }

  protected override get rank(): number {
    return 4;
  }

  protected override maskShape(x: Value): readonly number[] {
    return [x.shape[0], 1, 1, x.shape[3]];
  }

  override config(): Record<string, unknown> {
    return { ...super.config(), dataFormat: "channels_last" };
  }
}
