import type { Graph, Value } from "../graph";
import type { SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { parseActivation, type ActivationFunction } from "./activations";
import type { DepthwiseConv2DOptions } from "./depthwise-conv2d";
import { windowPads } from "./windows";
import { Settings, type Padding } from "./settings";
import { ImageLayer } from "./unary";

export interface SeparableConv2DOptions extends DepthwiseConv2DOptions {
  /** Number of output channels. */
  readonly filters: number;
}

/**
 * A depthwise convolution, then a convolution of one point across channels: nearly a Conv2D for a fraction of the work.
 *
 * Input `[batch, height, width, channels]`, output `[batch, newHeight, newWidth, filters]`.
 * Weights: `depthwise_kernel` [kernelHeight, kernelWidth, channels, depthMultiplier],
 * `pointwise_kernel` [1, 1, channels * depthMultiplier, filters] and `bias` [filters]. Options and defaults are those of
 * DepthwiseConv2D, and `filters`; activation and bias come after the second convolution.
 *
 * `trainable = false`: all three weights stay.
 *
 * @example new SeparableConv2D({ filters: 64, kernelSize: 3, padding: "same" })
 */
export class SeparableConv2D extends ImageLayer {
  readonly className = "SeparableConv2D";
  readonly filters: number;
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly depthMultiplier: number;
  readonly dilationRate: readonly [number, number];
  readonly activation: ActivationFunction;
  readonly useBias: boolean;
  /** [kernelHeight, kernelWidth, channels, depthMultiplier] */
  depthwiseKernel!: Parameter;
  /** [1, 1, channels * depthMultiplier, filters] */
  pointwiseKernel!: Parameter;
  /** [filters] */
  bias: Parameter | undefined;

  constructor(options: SeparableConv2DOptions) {
    super(options);
    const read = new Settings(this.className, options);
    read.channelsLast();
    this.filters = read.whole("filters");
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
    const between = channels * this.depthMultiplier;
    this.depthwiseKernel = this.addWeight("depthwise_kernel", [...this.kernelSize, channels, this.depthMultiplier], {
      kind: "glorotUniform",
    });
    this.pointwiseKernel = this.addWeight("pointwise_kernel", [1, 1, between, this.filters], { kind: "glorotUniform" });
    if (this.useBias) this.bias = this.addWeight("bias", [this.filters], { kind: "zeros" });
  }

  protected forward(g: Graph, x: Value): Value {
    const pads = windowPads(x.shape, this.padding, this.kernelSize, this.strides, this.dilationRate);
    const spatial = { strides: this.strides, dilation: this.dilationRate, groups: x.shape.at(-1)!, pads };
    const between = g.apply("depthwiseConv2d", spatial, { x, w: g.parameter(this.depthwiseKernel) });
    const point = { strides: [1, 1], dilation: [1, 1], groups: 1, pads: [0, 0, 0, 0] };
    const bias = this.bias && g.parameter(this.bias);
    return this.activation.emit(
      g,
      g.apply("conv2d", point, { x: between, w: g.parameter(this.pointwiseKernel), b: bias }),
    );
  }

  config(): Record<string, unknown> {
    return {
      filters: this.filters,
      kernelSize: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      dataFormat: "channels_last",
      dilationRate: this.dilationRate,
      depthMultiplier: this.depthMultiplier,
      activation: this.activation.config,
      useBias: this.useBias,
    };
  }
}
