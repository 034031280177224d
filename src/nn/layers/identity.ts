import type { Graph, Value } from "../graph";
import { UnaryLayer } from "./unary";

/**
 * Gives its input back and costs nothing: a name for a place in a model.
 *
 * Input `[batch, ...]`, output the same. No weights: `trainable` changes nothing.
 *
 * @example new Identity({ name: "features" })
 */
export class Identity extends UnaryLayer {
  readonly className = "Identity";

  protected forward(_g: Graph, x: Value): Value {
    return x;
  }

  config(): Record<string, unknown> {
    return {};
  }
}
