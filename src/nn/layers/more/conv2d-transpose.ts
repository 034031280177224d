import type { Graph, Value } from "../../graph";
import type { LayerOptions, SampleShape } from "../../layer";
import type { Parameter } from "../../parameter";
import { parseActivation, type ActivationConfig, type ActivationFunction } from "../activations";
import { Settings, type ImageOptions, type Padding, type Pair } from "../settings";
import { ImageLayer } from "../unary";

export interface Conv2DTransposeOptions extends LayerOptions, ImageOptions {
  /** Number of output channels. */
  readonly filters: number;
  /** Height and width of the window. */
  readonly kernelSize: Pair;
  /** How many times larger the output is; default 1. */
  readonly strides?: Pair;
  /** Default "valid"; "same" gives size * stride. */
  readonly padding?: Padding;
  /** Settles the size of the output where several would do: size (stride - 1) + window - 2 floor(window / 2) + this for "same". Default: none. */
  readonly outputPadding?: Pair | null;
  /** Distance between the window's taps; default 1. */
  readonly dilationRate?: Pair;
  /** Default: none. */
  readonly activation?: ActivationConfig | null;
  /** Default true. */
  readonly useBias?: boolean;
}

/**
 * What a convolution does to the gradient of its input: each pixel puts its window, weighted, into a larger image.
 *
 * Input `[batch, height, width, channels]`, output `[batch, newHeight, newWidth, filters]`.
 * Weights: `kernel` [kernelHeight, kernelWidth, filters, channels] and `bias` [filters].
 *
 * `trainable = false`: both weights stay; the gradient for the layers below is still computed where they need one.
 *
 * @example new Conv2DTranspose({ filters: 16, kernelSize: 3, strides: 2, padding: "same" })
 */
export class Conv2DTranspose extends ImageLayer {
  readonly className = "Conv2DTranspose";
  readonly filters: number;
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly outputPadding: readonly [number, number] | null;
  readonly dilationRate: readonly [number, number];
  readonly activation: ActivationFunction;
  readonly useBias: boolean;
  /** [kernelHeight, kernelWidth, filters, channels] */
  kernel!: Parameter;
  /** [filters] */
  bias: Parameter | undefined;

  constructor(options: Conv2DTransposeOptions) {
    super(options);
    const read = new Settings(this.className, options);
    read.channelsLast();
    this.filters = read.whole("filters");
    this.kernelSize = read.pair("kernelSize");
    this.strides = read.pair("strides", 1);
    this.padding = read.choice("padding", ["valid", "same"]);
    this.outputPadding = (options.outputPadding ?? null) === null ? null : read.pair("outputPadding", undefined, 0);
    this.dilationRate = read.pair("dilationRate", 1);
    this.activation = parseActivation(options.activation, read.who);
    this.useBias = read.flag("useBias", true);
    if (this.outputPadding?.some((more, i) => more >= this.strides[i]))
      throw read.refuse("outputPadding", `less than strides, [${this.strides.join(", ")}]`);
  }

  protected override build([input]: readonly SampleShape[]): void {
    this.kernel = this.addWeight("kernel", [...this.kernelSize, this.filters, input.at(-1)!], {
      kind: "glorotUniform",
    });
    if (this.useBias) this.bias = this.addWeight("bias", [this.filters], { kind: "zeros" });
  }

  /** Rows that the full result has too many, in front and behind, and those that it lacks at the end. */
  #surplus(i: 0 | 1): { before: number; after: number; more: number } {
    const [size, stride] = [(this.kernelSize[i] - 1) * this.dilationRate[i] + 1, this.strides[i]];
    const given = this.outputPadding?.[i];
    // Against (n - 1) strides and a window: "same" has n strides, "valid" at least those.
    const total =
      given === undefined
        ? this.padding === "same"
          ? size - stride
          : Math.min(size - stride, 0)
        : (this.padding === "same" ? 2 * Math.floor(size / 2) : 0) - given;
    const before = Math.floor(Math.max(total, 0) / 2);
    return { before, after: Math.max(total, 0) - before, more: Math.max(-total, 0) };
  }

  protected forward(g: Graph, x: Value): Value {
    const [rows, columns] = [this.#surplus(0), this.#surplus(1)];
    const attrs = {
      strides: this.strides,
      dilation: this.dilationRate,
      groups: 1,
      pads: [rows.before, rows.after, columns.before, columns.after],
      outputPadding: [rows.more, columns.more],
    };
    const b = this.bias && g.parameter(this.bias);
    return this.activation.emit(g, g.apply("convTranspose2d", attrs, { x, w: g.parameter(this.kernel), b }));
  }

  config(): Record<string, unknown> {
    return {
      filters: this.filters,
      kernelSize: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      outputPadding: this.outputPadding,
      dataFormat: "channels_last",
      dilationRate: this.dilationRate,
      activation: this.activation.config,
      useBias: this.useBias,
    };
  }
}
