/** Models without branches. */
import { ThawError } from "../errors";
import type { Layer, LayerOptions, SampleShape } from "./layer";
import { InputLayer } from "./layers/input";
import { Container, input } from "./model";
import type { SymbolicTensor } from "./symbolic";

/** Layers one after the other. */
export class Sequential extends Container {
  readonly className = "Sequential";
  readonly #layers: Layer[] = [];
  #ends: { inputs: readonly SymbolicTensor[]; outputs: readonly SymbolicTensor[] } | undefined;

  /**
   * @param layers the first needs a known input shape: a model, an `InputLayer`, or `options.inputShape`.
   */
  constructor(layers: readonly Layer[] = [], options: LayerOptions & { readonly inputShape?: SampleShape } = {}) {
    super(options);
    if (options.inputShape) this.add(new InputLayer({ shape: options.inputShape }));
    for (const layer of layers) this.add(layer);
    if (options.trainable === false) this.trainable = false;
  }

  /** @throws when the layer does not fit onto the one before. */
  add(layer: Layer): void {
    if (layer instanceof InputLayer) {
      if (this.#ends)
        throw new ThawError(
          this.name,
          `the input ${layer.name} comes after other layers`,
          "an input only as the first layer",
        );
      const start = { layer, call: { layer, inputs: [], options: {} }, index: 0, shape: layer.shape };
      this.#ends = { inputs: [start], outputs: [start] };
      return;
    }
    if (!this.#ends && layer instanceof Container) {
      const start = input(layer.inputShape);
      this.#ends = { inputs: [start], outputs: [start] };
    }
    this.#layers.push(layer);
    if (this.#ends) this.#ends = { inputs: this.#ends.inputs, outputs: [layer.apply(this.#ends.outputs)] };
    this.assignPaths();
  }

  /** Gives a model without input layer its sample shape; nothing happens where it has one. */
  setInputShape(shape: SampleShape): void {
    if (this.#ends) return;
    const start = input(shape);
    let last: SymbolicTensor = start;
    for (const layer of this.#layers) last = layer.apply(last);
    this.#ends = { inputs: [start], outputs: [last] };
    this.assignPaths();
  }

  get layers(): readonly Layer[] {
    return this.#layers;
  }

  get inputs(): readonly SymbolicTensor[] {
    return this.#known().inputs;
  }

  get outputs(): readonly SymbolicTensor[] {
    return this.#known().outputs;
  }

  /** Whether its input's shape is known, and with it its output's. */
  get hasShape(): boolean {
    return this.#ends !== undefined;
  }

  protected override build(shapes: readonly SampleShape[]): void {
    this.setInputShape(shapes[0]);
  }

  #known() {
    if (!this.#ends)
      throw new ThawError(
        this.name,
        "its input shape is not known",
        "an input shape",
        "Pass { inputShape: [height, width, channels] }.",
      );
    return this.#ends;
  }
}
