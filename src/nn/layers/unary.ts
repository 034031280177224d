import { formatShape, ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import { Layer, type CallContext, type SampleShape } from "../layer";

/** What layers with one input and one output share: the check that the input is one that they can work on. */
export abstract class UnaryLayer extends Layer {
  /** Dimensions of the input, batch included; undefined: any number. */
  protected get rank(): number | undefined {
    return undefined;
  }

  /** The least number of dimensions, batch included, where any number from there on will do. */
  protected get leastRank(): number {
    return 1;
  }

  /** Writes the layer's operations for one input, batch included. */
  protected abstract forward(g: Graph, x: Value, context: CallContext): Value;

  override ensureBuilt(shapes: readonly SampleShape[]): void {
    // Before weights exist: a wrong input must not leave a half-built layer behind.
    if (!this.built && shapes.length === 1) this.#checkRank(["batch", ...shapes[0]]);
    super.ensureBuilt(shapes);
  }

  call(g: Graph, inputs: readonly Value[], context: CallContext): Value[] {
    this.expectInputs(inputs, 1);
    const x = inputs[0];
    this.#checkRank(x.shape);
    const built = this.builtShapes?.[0];
    if (built && this.parameters.length > 0 && x.shape.at(-1) !== built.at(-1)) {
      throw new ThawError(
        this.name,
        `received an input of shape ${formatShape(x.shape)}`,
        `${built.at(-1)} in the last dimension: its weights were made for samples of shape ${formatShape(built)}`,
        "A layer can be shared between inputs with the same number of channels only.",
      );
    }
    return [this.forward(g, x, context)];
  }

  #checkRank(shape: readonly (number | string)[]): void {
    if (this.rank === undefined ? shape.length >= this.leastRank : shape.length === this.rank) return;
    const expected =
      this.rank === 4
        ? "[batch, height, width, channels]"
        : `${this.rank ?? `at least ${this.leastRank}`} dimensions, batch first`;
    throw new ThawError(this.name, `received an input of shape [${shape.join(", ")}]`, expected);
  }
}

/** A layer whose input is an image, `[batch, height, width, channels]`. */
export abstract class ImageLayer extends UnaryLayer {
  protected override get rank(): number {
    return 4;
  }
}
