import { formatShape, ThawError } from "../../errors";
import type { Graph, Value } from "../graph";
import { Layer, type LayerOptions } from "../layer";
import { rectifier } from "./activations";

/** Layers that combine inputs element by element; dimensions of 1 are repeated to fit (broadcasting). */
abstract class Merge extends Layer {
  constructor(
    readonly className: string,
    options: LayerOptions,
  ) {
    super(options);
  }

  /** Two inputs of the same rank into one; `last` tells the last step of `count` inputs. */
  protected abstract combine(g: Graph, a: Value, b: Value, count: number, last: boolean): Value;

  call(g: Graph, inputs: readonly Value[]): Value[] {
    const received = inputs.map((v) => formatShape(v.shape)).join(" and ");
    if (inputs.length < 2)
      throw new ThawError(this.name, `received ${inputs.length} input of shape ${received}`, "at least two inputs");
    const rank = Math.max(...inputs.map((v) => v.shape.length));
    const sizes = Array.from({ length: rank }, (_, i) => Math.max(...inputs.map((v) => alignedShape(v, rank)[i])));
    if (!inputs.every((v) => alignedShape(v, rank).every((size, i) => size === 1 || size === sizes[i]))) {
      throw new ThawError(this.name, `received inputs of shapes ${received}`, "equal shapes, or 1 where they differ");
    }
    const aligned = inputs.map((x) =>
      x.shape.length === rank ? x : g.apply("reshape", { shape: alignedShape(x, rank) }, { x }),
    );
    return [aligned.reduce((a, b, i) => this.combine(g, a, b, inputs.length, i === inputs.length - 1))];
  }

  config(): Record<string, unknown> {
    return {};
  }
}

/** Keras's rule for inputs of different ranks: dimensions of 1 right after the batch. */
function alignedShape({ shape }: Value, rank: number): number[] {
  return [shape[0], ...Array.from({ length: rank - shape.length }, () => 1), ...shape.slice(1)];
}

/**
 * The sum of its inputs, e.g. the end of a residual block.
 *
 * Inputs `[batch, ...]` of one shape, or with dimensions of 1 that are repeated; output the largest shape. No weights:
 * `trainable` changes nothing.
 *
 * @example new Add().apply([x, shortcut])
 */
export class Add extends Merge {
  constructor(options: LayerOptions = {}) {
    super("Add", options);
  }

  protected combine(g: Graph, a: Value, b: Value): Value {
    return g.apply("add", {}, { a, b });
  }
}

/** The first input minus the second. Inputs, output and `trainable` as for Add. */
export class Subtract extends Merge {
  constructor(options: LayerOptions = {}) {
    super("Subtract", options);
  }

  protected combine(g: Graph, a: Value, b: Value, count: number): Value {
    if (count !== 2) throw new ThawError(this.name, `received ${count} inputs`, "two");
    return g.apply("add", { scaleB: -1 }, { a, b });
  }
}

/** The mean of its inputs. Inputs, output and `trainable` as for Add. */
export class Average extends Merge {
  constructor(options: LayerOptions = {}) {
    super("Average", options);
  }

  protected combine(g: Graph, a: Value, b: Value, count: number, last: boolean): Value {
    return g.apply("add", last ? { scaleA: 1 / count, scaleB: 1 / count } : {}, { a, b });
  }
}

/** The product of its inputs, e.g. features times gates. Inputs, output and `trainable` as for Add. */
export class Multiply extends Merge {
  constructor(options: LayerOptions = {}) {
    super("Multiply", options);
  }

  protected combine(g: Graph, a: Value, b: Value): Value {
    return g.apply("multiply", {}, { a, b });
  }
}

/** max(a, b) = a + relu(b - a) and min(a, b) = a - relu(a - b): exact up to rounding, and differentiable by parts. */
function extreme(g: Graph, a: Value, b: Value, sign: 1 | -1): Value {
  const difference = g.apply("add", { scaleA: -sign, scaleB: sign }, { a, b });
  const excess = g.apply("activation", rectifier(undefined, 0, 0), { x: difference });
  return g.apply("add", { scaleB: sign }, { a, b: excess });
}

/** The larger of its inputs, element by element. Inputs, output and `trainable` as for Add. */
export class Maximum extends Merge {
  constructor(options: LayerOptions = {}) {
    super("Maximum", options);
  }

  protected combine(g: Graph, a: Value, b: Value): Value {
    return extreme(g, a, b, 1);
  }
}

/** The smaller of its inputs, element by element. Inputs, output and `trainable` as for Add. */
export class Minimum extends Merge {
  constructor(options: LayerOptions = {}) {
    super("Minimum", options);
  }

  protected combine(g: Graph, a: Value, b: Value): Value {
    return extreme(g, a, b, -1);
  }
}
