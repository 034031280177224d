import { formatShape, ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import { Layer, type LayerOptions, type SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { Settings } from "./settings";
import { UnaryLayer } from "./unary";

export interface LayerScaleOptions extends LayerOptions {
  /** What every factor begins with. */
  readonly initValues: number;
  /** Number of channels. */
  readonly projectionDim: number;
}

/**
 * A learnt factor for each channel at the end of a residual branch (Touvron et al. 2021; ConvNeXt): y = x * gamma[c].
 *
 * Input `[batch, ..., channels]`, output the same. Weights: `gamma` [channels].
 *
 * `trainable = false`: the factors stay.
 *
 * @example new LayerScale({ initValues: 1e-6, projectionDim: 96 })
 */
export class LayerScale extends UnaryLayer {
  readonly className = "LayerScale";
  readonly initValues: number;
  readonly projectionDim: number;
  /** [channels] */
  gamma!: Parameter;

  constructor(options: LayerScaleOptions) {
    super(options);
    const read = new Settings(this.className, options);
    if (options.initValues === undefined) throw read.refuse("initValues", "a number");
    this.initValues = read.number("initValues", 0);
    this.projectionDim = read.whole("projectionDim");
  }

  protected override get leastRank(): number {
    return 2;
  }

  protected override build([input]: readonly SampleShape[]): void {
    if (input.at(-1) !== this.projectionDim)
      throw new ThawError(
        this.name,
        `received samples of shape ${formatShape(input)}`,
        `${this.projectionDim} channels, its projectionDim`,
      );
    this.gamma = this.addWeight("gamma", [this.projectionDim], { kind: "constant", value: this.initValues });
  }

  protected forward(g: Graph, x: Value): Value {
    return g.apply("multiply", {}, { a: x, b: g.parameter(this.gamma) });
  }

  config(): Record<string, unknown> {
    return { initValues: this.initValues, projectionDim: this.projectionDim };
  }
}

export interface CustomScaleLayerOptions extends LayerOptions {
  readonly scale: number;
}

/**
 * The first input plus a part of the second, as residual blocks of InceptionResNetV2 end: y = a + scale * b.
 *
 * Two inputs `[batch, ...]` of one shape, output the same. No weights: `trainable` changes nothing.
 *
 * @example new CustomScaleLayer({ scale: 0.17 }).apply([x, branch])
 */
export class CustomScaleLayer extends Layer {
  readonly className = "CustomScaleLayer";
  readonly scale: number;

  constructor(options: CustomScaleLayerOptions) {
    super(options);
    const read = new Settings(this.className, options);
    if (options.scale === undefined) throw read.refuse("scale", "a number");
    this.scale = read.number("scale", 1);
  }

  call(g: Graph, inputs: readonly Value[]): Value[] {
    this.expectInputs(inputs, 2);
    const [a, b] = inputs as [Value, Value];
    if (formatShape(a.shape) !== formatShape(b.shape))
      throw new ThawError(
        this.name,
        `received inputs of shapes ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
        "equal shapes",
      );
    return [g.apply("add", { scaleB: this.scale }, { a, b })];
  }

  config(): Record<string, unknown> {
    return { scale: this.scale };
  }
}
