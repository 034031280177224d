/** Arithmetic of a tensor and a number, as operation nodes of a functional model hold it. */
import { ThawError } from "../../errors";
import type { Graph, Value } from "../../nn/graph";
import { Layer, type LayerOptions } from "../../nn/layer";
import { affineOf, type Affine, type NumberOperation } from "../number-arithmetic";

export interface ScalarOperationOptions extends LayerOptions {
  readonly operation: NumberOperation;
  readonly value: number;
  /** The number stands before the tensor: `3 - x`. */
  readonly numberFirst?: boolean;
}

/** y = x op value, or y = value op x. Any shape; no weights. */
export class ScalarOperation extends Layer {
  readonly className = "ScalarOperation";
  /** y = scale * x + offset. */
  readonly affine: Affine;

  constructor(readonly options: ScalarOperationOptions) {
    super(options);
    const { operation, value, numberFirst = false } = options;
    const affine = affineOf(operation, value, numberFirst);
    if (!affine) throw new ThawError(this.name, `divides ${value} by a tensor`, "a tensor divided by a number");
    this.affine = affine;
  }

  call(g: Graph, [x]: readonly Value[]): Value[] {
    return [g.apply("affine", this.affine, { x })];
  }

  config(): Record<string, unknown> {
    const { operation, value, numberFirst } = this.options;
    return { operation, value, numberFirst };
  }
}
