import type { Graph, Value } from "../../graph";
import type { LayerOptions } from "../../layer";
import type { Parameter } from "../../parameter";
import { Settings } from "../settings";
import { UnaryLayer } from "../unary";

export interface EmbeddingOptions extends LayerOptions {
  /** Number of entries: inputs are whole numbers below it. */
  readonly inputDim: number;
  /** Features of an entry. */
  readonly outputDim: number;
  /** Default, and all there is: false. */
  readonly maskZero?: boolean;
}

/**
 * A table of vectors, of which the inputs are the numbers.
 *
 * Input `[batch, ...]` of whole numbers from 0 to below `inputDim`, output `[batch, ..., outputDim]`.
 * Weights: `embeddings` [inputDim, outputDim].
 *
 * `trainable = false`: the table stays.
 *
 * @example new Embedding({ inputDim: 1000, outputDim: 64 })
 */
export class Embedding extends UnaryLayer {
  readonly className = "Embedding";
  readonly inputDim: number;
  readonly outputDim: number;
  /** [inputDim, outputDim] */
  embeddings!: Parameter;

  constructor(options: EmbeddingOptions) {
    super(options);
    const read = new Settings(this.className, options);
    this.inputDim = read.whole("inputDim");
    this.outputDim = read.whole("outputDim");
    if (read.flag("maskZero", false)) throw read.refuse("maskZero", "false: Thaw has no masks");
  }

  protected override build(): void {
    this.embeddings = this.addWeight("embeddings", [this.inputDim, this.outputDim], {
      kind: "randomUniform",
      limit: 0.05,
    });
  }

  override call(g: Graph, inputs: readonly Value[]): Value[] {
    this.expectInputs(inputs, 1); // of any shape, also another than before
    return [this.forward(g, inputs[0])];
  }

  protected forward(g: Graph, indices: Value): Value {
    return g.apply("gatherAxis", { axis: 0 }, { x: g.parameter(this.embeddings), indices });
  }

  config(): Record<string, unknown> {
    return { inputDim: this.inputDim, outputDim: this.outputDim, maskZero: false };
  }
}
