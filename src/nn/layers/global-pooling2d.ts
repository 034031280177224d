import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { Settings, type ImageOptions } from "./settings";
import { ImageLayer } from "./unary";

export interface GlobalPooling2DOptions extends LayerOptions, ImageOptions {
  /** Keeps height and width as dimensions of 1; default false. */
  readonly keepdims?: boolean;
}

abstract class GlobalPooling2D extends ImageLayer {
  readonly keepdims: boolean;
  protected abstract readonly operation: string;

  constructor(
    readonly className: string,
    options: GlobalPooling2DOptions,
  ) {
    super(options);
    const read = new Settings(className, options);
    read.channelsLast();
    this.keepdims = read.flag("keepdims", false);
  }

  protected forward(g: Graph, x: Value): Value {
    const y = g.apply(this.operation, {}, { x });
    return this.keepdims ? g.apply("reshape", { shape: [x.shape[0], 1, 1, x.shape[3]] }, { x: y }) : y;
  }

  config(): Record<string, unknown> {
    return { dataFormat: "channels_last", keepdims: this.keepdims };
  }
}

/**
 * The mean of each channel over the whole image: the usual end of a convolutional trunk.
 *
 * Input `[batch, height, width, channels]`, output `[batch, channels]`, or `[batch, 1, 1, channels]` with `keepdims`.
 * No weights: `trainable` changes nothing.
 *
 * @example new GlobalAveragePooling2D()
 */
export class GlobalAveragePooling2D extends GlobalPooling2D {
  protected readonly operation = "globalAveragePool";

  constructor(options: GlobalPooling2DOptions = {}) {
    super("GlobalAveragePooling2D", options);
  }
}

/**
 * The largest value of each channel over the whole image.
 *
 * Input `[batch, height, width, channels]`, output `[batch, channels]`, or `[batch, 1, 1, channels]` with `keepdims`.
 * No weights: `trainable` changes nothing.
 *
 * @example new GlobalMaxPooling2D()
 */
export class GlobalMaxPooling2D extends GlobalPooling2D {
  protected readonly operation = "globalMaxPool";

  constructor(options: GlobalPooling2DOptions = {}) {
    super("GlobalMaxPooling2D", options);
  }
}
