import { ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import type { LayerOptions, SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { parseActivation, type ActivationConfig, type ActivationFunction } from "./activations";
import { windowPads } from "./windows";
import { Settings, type ImageOptions, type Padding, type Pair } from "./settings";
import { ImageLayer } from "./unary";

export interface Conv2DOptions extends LayerOptions, ImageOptions {
  /** Number of output channels. */
  readonly filters: number;
  /** Height and width of the window. */
  readonly kernelSize: Pair;
  /** Default 1. */
  readonly strides?: Pair;
  /** Default "valid"; "same" gives ceil(size / stride), the odd row or column of zeros at the bottom and right. */
  readonly padding?: Padding;
  /** Distance between the window's taps; default 1. */
  readonly dilationRate?: Pair;
  /** Splits input channels and filters into parts that do not see each other; default 1. */
  readonly groups?: number;
  /** Default: none. */
  readonly activation?: ActivationConfig | null;
  /** Default true. */
  readonly useBias?: boolean;
}

/**
 * Convolution of images: y[n,p,q,f] = activation(b[f] + sum over i,j,c of x[n, p*s+i*d, q*s+j*d, c] * w[i,j,c,f]).
 *
 * Input `[batch, height, width, channels]`, output `[batch, newHeight, newWidth, filters]`.
 * Weights: `kernel` [kernelHeight, kernelWidth, channels / groups, filters] and `bias` [filters].
 *
 * `trainable = false`: both weights stay; the gradient for the layers below is still computed where they need one.
 *
 * @example new Conv2D({ filters: 32, kernelSize: 3, strides: 2, padding: "same", activation: "relu" })
 */
export class Conv2D extends ImageLayer {
  readonly className = "Conv2D";
  readonly filters: number;
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly dilationRate: readonly [number, number];
  readonly groups: number;
  readonly activation: ActivationFunction;
  readonly useBias: boolean;
  /** [kernelHeight, kernelWidth, channels / groups, filters] */
  kernel!: Parameter;
  /** [filters] */
  bias: Parameter | undefined;

  constructor(options: Conv2DOptions) {
    super(options);
    const read = new Settings(this.className, options);
    read.channelsLast();
    this.filters = read.whole("filters");
    this.kernelSize = read.pair("kernelSize");
    this.strides = read.pair("strides", 1);
    this.padding = read.choice("padding", ["valid", "same"]);
    this.dilationRate = read.pair("dilationRate", 1);
    this.groups = read.whole("groups", 1);
    this.activation = parseActivation(options.activation, read.who);
    this.useBias = read.flag("useBias", true);
    if (this.filters % this.groups !== 0) throw read.refuse("filters", `a multiple of groups, ${this.groups}`);
  }

  protected override build([input]: readonly SampleShape[]): void {
    const channels = input.at(-1)!;
    if (channels % this.groups !== 0) {
      throw new ThawError(
        this.name,
        `received ${channels} channels with groups = ${this.groups}`,
        "channels that divide evenly into the groups",
      );
    }
    this.kernel = this.addWeight("kernel", [...this.kernelSize, channels / this.groups, this.filters], {
      kind: "glorotUniform",
    });
    if (this.useBias) this.bias = this.addWeight("bias", [this.filters], { kind: "zeros" });
  }

  protected forward(g: Graph, x: Value): Value {
    const pads = windowPads(x.shape, this.padding, this.kernelSize, this.strides, this.dilationRate);
    const attrs = { strides: this.strides, dilation: this.dilationRate, groups: this.groups, pads };
    const y = g.apply("conv2d", attrs, { x, w: g.parameter(this.kernel), b: this.bias && g.parameter(this.bias) });
    return this.activation.emit(g, y);
  }

  config(): Record<string, unknown> {
    return {
      filters: this.filters,
      kernelSize: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      dataFormat: "channels_last",
      dilationRate: this.dilationRate,
      groups: this.groups,
      activation: this.activation.config,
      useBias: this.useBias,
    };
  }
}
