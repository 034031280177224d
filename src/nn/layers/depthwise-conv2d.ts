import type { Graph, Value } from "../graph";
import type { LayerOptions, SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { parseActivation, type ActivationConfig, type ActivationFunction } from "./activations";
import { windowPads } from "./windows";
import { Settings, type ImageOptions, type Padding, type Pair } from "./settings";
import { ImageLayer } from "./unary";

export interface DepthwiseConv2DOptions extends LayerOptions, ImageOptions {
  /** Height and width of the window. */
  readonly kernelSize: Pair;
  /** Default 1. */
  readonly strides?: Pair;
  /** Default "valid". */
  readonly padding?: Padding;
  /** Output channels for each input channel; default 1. */
  readonly depthMultiplier?: number;
  /** Default 1. */
  readonly dilationRate?: Pair;
  /** Default: none. */
  readonly activation?: ActivationConfig | null;
  /** Default true. */
  readonly useBias?: boolean;
}

/**
 * Convolution of each channel by itself: y[n,p,q,c*m+k] = activation(b[c*m+k] + sum over i,j of x[n,p*s+i*d,q*s+j*d,c] * w[i,j,c,k]).
 *
 * Input `[batch, height, width, channels]`, output `[batch, newHeight, newWidth, channels * depthMultiplier]`.
 * Weights: `kernel` [kernelHeight, kernelWidth, channels, depthMultiplier] and `bias` [channels * depthMultiplier].
 *
 * `trainable = false`: both weights stay; the gradient for the layers below is still computed where they need one.
 *
 * @example new DepthwiseConv2D({ kernelSize: 3, padding: "same", useBias: false })
 */
export class DepthwiseConv2D extends ImageLayer {
  readonly className = "DepthwiseConv2D";
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly depthMultiplier: number;
  readonly dilationRate: readonly [number, number];
  readonly activation: ActivationFunction;
  readonly useBias: boolean;
  /** [kernelHeight, kernelWidth, channels, depthMultiplier] */
  kernel!: Parameter;
  /** [channels * depthMultiplier] */
  bias: Parameter | undefined;

  constructor(options: DepthwiseConv2DOptions) {
    super(options);
    const read = new Settings(this.className, options);
    read.channelsLast();
    this.kernelSize = read.pair("kernelSize");
    this.strides = read.pair("strides", 1);
    this.padding = read.choice("padding", ["valid", "same"]);
    this.depthMultiplier = read.whole("depthMultiplier", 1);
    this.dilationRate = read.pair("dilationRate", 1);
    this.activation = parseActivation(options.activation, read.who);
    this.useBias = read.flag("useBias", true);
  }

  protected override build([input]: readonly SampleShape[]): void {
    const channels = input.at(-1)!;
    this.kernel = this.addWeight("kernel", [...this.kernelSize, channels, this.depthMultiplier], {
      kind: "glorotUniform",
    });
    if (this.useBias) this.bias = this.addWeight("bias", [channels * this.depthMultiplier], { kind: "zeros" });
  }

  protected forward(g: Graph, x: Value): Value {
    const pads = windowPads(x.shape, this.padding, this.kernelSize, this.strides, this.dilationRate);
    const attrs = { strides: this.strides, dilation: this.dilationRate, groups: x.shape.at(-1)!, pads };
    const y = g.apply("depthwiseConv2d", attrs, {
      x,
      w: g.parameter(this.kernel),
      b: this.bias && g.parameter(this.bias),
    });
    return this.activation.emit(g, y);
  }

  config(): Record<string, unknown> {
    return {
      kernelSize: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      depthMultiplier: this.depthMultiplier,
      dataFormat: "channels_last",
      dilationRate: this.dilationRate,
      activation: this.activation.config,
      useBias: this.useBias,
    };
  }
}
