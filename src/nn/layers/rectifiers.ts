import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { rectifier } from "./activations";
import { Settings } from "./settings";
import { UnaryLayer } from "./unary";

export interface ReLUOptions extends LayerOptions {
  /** Upper bound; default none. */
  readonly maxValue?: number | null;
  /** Slope below the threshold; default 0. */
  readonly negativeSlope?: number;
  /** Where the identity begins; default 0. */
  readonly threshold?: number;
}

/**
 * Rectified linear unit: y = min(x, maxValue) where x >= threshold, else negativeSlope * (x - threshold).
 *
 * Input `[batch, ...]`, output the same. No weights: `trainable` changes nothing.
 *
 * @example new ReLU({ maxValue: 6 })
 */
export class ReLU extends UnaryLayer {
  readonly className = "ReLU";
  readonly maxValue: number | null;
  readonly negativeSlope: number;
  readonly threshold: number;

  constructor(options: ReLUOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    this.maxValue = (options.maxValue ?? null) === null ? null : read.number("maxValue", 0, 0);
    this.negativeSlope = read.number("negativeSlope", 0, 0);
    this.threshold = read.number("threshold", 0, 0);
  }

  protected forward(g: Graph, x: Value): Value {
    return g.apply("activation", rectifier(this.maxValue ?? undefined, this.negativeSlope, this.threshold), { x });
  }

  config(): Record<string, unknown> {
    return { maxValue: this.maxValue, negativeSlope: this.negativeSlope, threshold: this.threshold };
  }
}

export interface LeakyReLUOptions extends LayerOptions {
  /** Slope below 0; default 0.3 (the function "leaky_relu" has 0.2, as in Keras). */
  readonly negativeSlope?: number;
  /** Keras 2's name of `negativeSlope`. */
  readonly alpha?: number;
}

/**
 * y = x where x >= 0, else negativeSlope * x.
 *
 * Input `[batch, ...]`, output the same. No weights: `trainable` changes nothing.
 *
 * @example new LeakyReLU({ negativeSlope: 0.1 })
 */
export class LeakyReLU extends UnaryLayer {
  readonly className = "LeakyReLU";
  readonly negativeSlope: number;

  constructor(options: LeakyReLUOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    this.negativeSlope = read.number("negativeSlope", read.number("alpha", 0.3, 0), 0);
  }

  protected forward(g: Graph, x: Value): Value {
    return g.apply("activation", rectifier(undefined, this.negativeSlope, 0), { x });
  }

  config(): Record<string, unknown> {
    return { negativeSlope: this.negativeSlope };
  }
}

export interface ELUOptions extends LayerOptions {
  /** Minus the limit for very negative x; default 1. */
  readonly alpha?: number;
}

/**
 * Exponential linear unit: y = x where x > 0, else alpha * (exp(x) - 1).
 *
 * Input `[batch, ...]`, output the same. No weights: `trainable` changes nothing.
 *
 * @example new ELU()
 */
export class ELU extends UnaryLayer {
  readonly className = "ELU";
  readonly alpha: number;

  constructor(options: ELUOptions = {}) {
    super(options);
    this.alpha = new Settings(this.className, options).number("alpha", 1, 0);
  }

  protected forward(g: Graph, x: Value): Value {
    return g.apply("activation", { kind: "elu", slope: this.alpha }, { x });
  }

  config(): Record<string, unknown> {
    return { alpha: this.alpha };
  }
}
