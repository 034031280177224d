import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { Settings, type ImageOptions, type Pair } from "./settings";
import { ImageLayer } from "./unary";

export interface UpSampling2DOptions extends LayerOptions, ImageOptions {
  /** Factors of height and width; default 2. */
  readonly size?: Pair;
  /** Default "nearest". */
  readonly interpolation?: "nearest" | "bilinear";
}

/**
 * Enlarges an image, by repeating pixels or linearly between their centres.
 *
 * Input `[batch, height, width, channels]`, output `[batch, height * size[0], width * size[1], channels]`.
 * No weights: `trainable` changes nothing.
 *
 * @example new UpSampling2D({ size: 2, interpolation: "bilinear" })
 */
export class UpSampling2D extends ImageLayer {
  readonly className = "UpSampling2D";
  readonly size: readonly [number, number];
  readonly interpolation: "nearest" | "bilinear";

  constructor(options: UpSampling2DOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    read.channelsLast();
    this.size = read.pair("size", 2);
    this.interpolation = read.choice("interpolation", ["nearest", "bilinear"]);
  }

  protected forward(g: Graph, x: Value): Value {
    return g.apply("upsample", { size: this.size, interpolation: this.interpolation }, { x });
  }

  config(): Record<string, unknown> {
    return { size: this.size, dataFormat: "channels_last", interpolation: this.interpolation };
  }
}
