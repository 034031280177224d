/** Arithmetic of a tensor and a number, as operation nodes of a functional model hold it. */
import type { Graph, Value } from "../../nn/graph";
import { Layer, type LayerOptions } from "../../nn/layer";

/** Keras's names of the operations that a number can take part in. */
export const scalarOperations: readonly string[] = ["Add", "Subtract", "Multiply", "Divide"];

export interface ScalarOperationOptions extends LayerOptions {
  readonly operation: string;
  readonly value: number;
  /** The number stands before the tensor: `3 - x`. */
  readonly numberFirst?: boolean;
}

/** y = x op value, or y = value op x. Any shape; no weights. */
export class ScalarOperation extends Layer {
  readonly className = "ScalarOperation";

  constructor(readonly options: ScalarOperationOptions) {
    super(options);
  }

  call(g: Graph, [x]: readonly Value[]): Value[] {
    return [g.apply("affine", this.affine(), { x })];
  }

  /** y = scale * x + offset. */
  affine(): { scale: number; offset: number } {
    const { operation, value, numberFirst = false } = this.options;
    switch (operation) {
      case "Add":
        return { scale: 1, offset: value };
      case "Subtract":
        return numberFirst ? { scale: -1, offset: value } : { scale: 1, offset: -value };
      case "Multiply":
        return { scale: value, offset: 0 };
      default:
        return { scale: 1 / value, offset: 0 };
    }
  }

  config(): Record<string, unknown> {
    const { operation, value, numberFirst } = this.options;
    return { operation, value, numberFirst };
  }
}
