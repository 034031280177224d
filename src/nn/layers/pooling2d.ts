import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { windowPads } from "./windows";
import { Settings, type ImageOptions, type Padding, type Pair } from "./settings";
import { ImageLayer } from "./unary";

export interface Pooling2DOptions extends LayerOptions, ImageOptions {
  /** Height and width of the window; default 2. */
  readonly poolSize?: Pair;
  /** Default: the window's size, so that windows do not overlap. */
  readonly strides?: Pair | null;
  /** Default "valid". */
  readonly padding?: Padding;
}

abstract class Pooling2D extends ImageLayer {
  readonly poolSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  protected abstract readonly operation: string;

  constructor(
    readonly className: string,
    options: Pooling2DOptions,
  ) {
    super(options);
    const read = new Settings(className, options);
    read.channelsLast();
    this.poolSize = read.pair("poolSize", 2);
    this.strides = read.pair("strides", this.poolSize);
    this.padding = read.choice("padding", ["valid", "same"]);
  }

  protected forward(g: Graph, x: Value): Value {
    const pads = windowPads(x.shape, this.padding, this.poolSize, this.strides);
    return g.apply(this.operation, { size: this.poolSize, strides: this.strides, pads }, { x });
  }

  config(): Record<string, unknown> {
    return { poolSize: this.poolSize, padding: this.padding, strides: this.strides, dataFormat: "channels_last" };
  }
}

/**
 * The largest value of each window, channel by channel; padding never wins.
 *
 * Input `[batch, height, width, channels]`, output `[batch, newHeight, newWidth, channels]`. No weights: `trainable` changes nothing.
 *
 * @example new MaxPooling2D({ poolSize: 3, strides: 2, padding: "same" })
 */
export class MaxPooling2D extends Pooling2D {
  protected readonly operation = "maxPool";

  constructor(options: Pooling2DOptions = {}) {
    super("MaxPooling2D", options);
  }
}

/**
 * The mean of each window, channel by channel; padding is left out of the mean.
 *
 * Input `[batch, height, width, channels]`, output `[batch, newHeight, newWidth, channels]`. No weights: `trainable` changes nothing.
 *
 * @example new AveragePooling2D({ poolSize: 2 })
 */
export class AveragePooling2D extends Pooling2D {
  protected readonly operation = "averagePool";

  constructor(options: Pooling2DOptions = {}) {
    super("AveragePooling2D", options);
  }
}
