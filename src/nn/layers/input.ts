import type { Graph, Value } from "../graph";
import { Layer, type LayerOptions, type SampleShape } from "../layer";

/**
 * The beginning of a model. Shape without the batch dimension, e.g. `[224, 224, 3]`.
 *
 * @example const x = input([32, 32, 3]);
 */
export class InputLayer extends Layer {
  readonly className = "InputLayer";
  readonly shape: SampleShape;

  constructor(options: LayerOptions & { readonly shape: SampleShape }) {
    super(options);
    this.shape = options.shape;
  }

  call(_g: Graph, inputs: readonly Value[]): Value[] {
    return [...inputs];
  }

  config(): Record<string, unknown> {
    return { shape: this.shape };
  }
}
