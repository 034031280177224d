import { formatShape, ThawError } from "../../errors";
import { elements } from "../../kernels/operation";
import type { Graph, Value } from "../graph";
import type { LayerOptions } from "../layer";
import { Settings, type ImageOptions } from "./settings";
import { UnaryLayer } from "./unary";

export interface ReshapeOptions extends LayerOptions {
  /** New shape without the batch; one -1 stands for what is left. */
  readonly targetShape: readonly number[];
}

/**
 * The same numbers in the same order, in another shape; costs nothing.
 *
 * Input `[batch, ...]`, output `[batch, ...targetShape]`. No weights: `trainable` changes nothing.
 *
 * @example new Reshape({ targetShape: [-1, 64] })
 */
export class Reshape extends UnaryLayer {
  readonly className = "Reshape";
  readonly targetShape: readonly number[];

  constructor(options: ReshapeOptions) {
    super(options);
    const target = options.targetShape;
    const fits = Array.isArray(target) && target.every((d) => Number.isInteger(d) && (d >= 1 || d === -1));
    if (!fits || target.filter((d) => d === -1).length > 1) {
      throw new Settings(this.className, options).refuse(
        "targetShape",
        "a list of whole numbers above 0, at most one of them -1",
      );
    }
    this.targetShape = target;
  }

  protected forward(g: Graph, x: Value): Value {
    const count = elements(x.shape.slice(1));
    const known = elements(this.targetShape.filter((d) => d !== -1));
    const shape = this.targetShape.map((d) => (d === -1 ? count / known : d));
    if (elements(shape) !== count || !shape.every(Number.isInteger)) {
      const happened = `cannot turn samples of shape ${formatShape(x.shape.slice(1))} (${count} values) into ${formatShape(this.targetShape)}`;
      throw new ThawError(this.name, happened, `a shape of ${count} values`);
    }
    return g.apply("reshape", { shape: [x.shape[0], ...shape] }, { x });
  }

  config(): Record<string, unknown> {
    return { targetShape: this.targetShape };
  }
}

export interface FlattenOptions extends LayerOptions, ImageOptions {}

/**
 * Each sample as one row, in memory order; costs nothing.
 *
 * Input `[batch, ...]`, output `[batch, values]`. No weights: `trainable` changes nothing.
 *
 * @example new Flatten()
 */
export class Flatten extends UnaryLayer {
  readonly className = "Flatten";

  constructor(options: FlattenOptions = {}) {
    super(options);
    new Settings(this.className, options).channelsLast();
  }

  protected forward(g: Graph, x: Value): Value {
    if (x.shape.length === 2) return x;
    return g.apply("reshape", { shape: [x.shape[0], elements(x.shape.slice(1))] }, { x });
  }

  config(): Record<string, unknown> {
    return { dataFormat: "channels_last" };
  }
}

export interface PermuteOptions extends LayerOptions {
  /** Which input dimension each output dimension is; counted from 1, the batch left out. */
  readonly dims: readonly number[];
}

/**
 * Dimensions in another order: output dimension i is input dimension dims[i].
 *
 * Input `[batch, ...]`, output the same dimensions reordered. No weights: `trainable` changes nothing.
 *
 * @example new Permute({ dims: [3, 1, 2] })  // [batch, height, width, channels] -> [batch, channels, height, width]
 */
export class Permute extends UnaryLayer {
  readonly className = "Permute";
  readonly dims: readonly number[];

  constructor(options: PermuteOptions) {
    super(options);
    const { dims } = options;
    if (!Array.isArray(dims) || dims.toSorted((a, b) => a - b).some((d, i) => d !== i + 1)) {
      throw new Settings(this.className, options).refuse(
        "dims",
        "each dimension from 1 on once, the batch not counted",
      );
    }
    this.dims = dims;
  }

  protected override get rank(): number {
    return this.dims.length + 1;
  }

  protected forward(g: Graph, x: Value): Value {
    return g.apply("transpose", { permutation: [0, ...this.dims] }, { x });
  }

  config(): Record<string, unknown> {
    return { dims: this.dims };
  }
}
