import { formatShape, ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { Settings, type ImageOptions, type Pair, type Sides } from "./settings";
import { ImageLayer } from "./unary";

export interface ZeroPadding2DOptions extends LayerOptions, ImageOptions {
  /** Rows and columns to add: one number, `[vertical, horizontal]` or `[[top, bottom], [left, right]]`; default 1. */
  readonly padding?: Pair | Sides;
}

/**
 * Rows and columns of zeros around an image.
 *
 * Input `[batch, height, width, channels]`, output `[batch, top + height + bottom, left + width + right, channels]`.
 * No weights: `trainable` changes nothing.
 *
 * @example new ZeroPadding2D({ padding: [[0, 1], [0, 1]] })
 */
export class ZeroPadding2D extends ImageLayer {
  readonly className = "ZeroPadding2D";
  readonly padding: Sides;

  constructor(options: ZeroPadding2DOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    read.channelsLast();
    this.padding = read.sides("padding", 1);
  }

  protected forward(g: Graph, x: Value): Value {
    const [[top, bottom], [left, right]] = this.padding;
    return g.apply("pad", { before: [0, top, left, 0], after: [0, bottom, right, 0] }, { x });
  }

  config(): Record<string, unknown> {
    return { padding: this.padding, dataFormat: "channels_last" };
  }
}

export interface Cropping2DOptions extends LayerOptions, ImageOptions {
  /** Rows and columns to take away: one number, `[vertical, horizontal]` or `[[top, bottom], [left, right]]`; default 0. */
  readonly cropping?: Pair | Sides;
}

/**
 * Cuts rows and columns off the sides of an image.
 *
 * Input `[batch, height, width, channels]`, output `[batch, height - top - bottom, width - left - right, channels]`.
 * No weights: `trainable` changes nothing.
 *
 * @example new Cropping2D({ cropping: 2 })
 */
export class Cropping2D extends ImageLayer {
  readonly className = "Cropping2D";
  readonly cropping: Sides;

  constructor(options: Cropping2DOptions = {}) {
    super(options);
    const read = new Settings(this.className, options);
    read.channelsLast();
    this.cropping = read.sides("cropping", 0);
  }

  protected forward(g: Graph, x: Value): Value {
    const [[top, bottom], [left, right]] = this.cropping;
    const [batch, height, width, channels] = x.shape as [number, number, number, number];
    const size = [batch, height - top - bottom, width - left - right, channels];
    if (size[1] < 1 || size[2] < 1) {
      throw new ThawError(
        this.name,
        `cropping ${JSON.stringify(this.cropping)} leaves nothing of ${formatShape(x.shape)}`,
        "at least one row and column",
      );
    }
    return g.apply("slice", { begin: [0, top, left, 0], size }, { x });
  }

  config(): Record<string, unknown> {
    return { cropping: this.cropping, dataFormat: "channels_last" };
  }
}
