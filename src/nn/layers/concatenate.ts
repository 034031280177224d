import { formatShape, ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import { Layer, type LayerOptions } from "../layer";
import { axisIndex, Settings } from "./settings";

export interface ConcatenateOptions extends LayerOptions {
  /** The dimension along which inputs follow one another, batch counted as 0; default -1, the last. */
  readonly axis?: number;
}

/**
 * Its inputs one after the other along a dimension, usually the channels.
 *
 * Inputs `[batch, ...]` that differ in that dimension only; output has the sum there. No weights: `trainable` changes nothing.
 *
 * @example new Concatenate().apply([features, skip])
 */
export class Concatenate extends Layer {
  readonly className = "Concatenate";
  readonly axis: number;

  constructor(options: ConcatenateOptions = {}) {
    super(options);
    this.axis = new Settings(this.className, options).number("axis", -1);
  }

  call(g: Graph, inputs: readonly Value[]): Value[] {
    const first = inputs[0].shape;
    const axis = axisIndex(this.axis, first.length);
    if (!axis)
      throw new Settings(this.name, { axis: this.axis }).refuse(
        "axis",
        `-1, or a dimension from 1 to ${first.length - 1}`,
      );
    const same = ({ shape }: Value) =>
      shape.length === first.length && shape.every((size, i) => i === axis || size === first[i]);
    if (!inputs.every(same)) {
      const received = inputs.map((v) => formatShape(v.shape)).join(" and ");
      throw new ThawError(
        this.name,
        `received inputs of shapes ${received}`,
        `equal shapes, but for dimension ${axis}`,
      );
    }
    if (inputs.length === 1) return [...inputs];
    return [g.apply("concatenate", { axis }, Object.fromEntries(inputs.map((v, i) => [`x${i}`, v])))];
  }

  config(): Record<string, unknown> {
    return { axis: this.axis };
  }
}
