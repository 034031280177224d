import type { Graph, Value } from "../../graph";
import type { LayerOptions } from "../../layer";
import { axisIndex, Settings } from "../settings";
import { UnaryLayer } from "../unary";

export interface UnitNormalizationOptions extends LayerOptions {
  /** Dimensions that are brought to length 1 together; default -1, the last. */
  readonly axis?: number | readonly number[];
}

/** Squared lengths below this count as this. */
const least = 1e-12;

/**
 * Divides vectors by their length.
 *
 * Input `[batch, ..., features]`, output the same. No weights.
 *
 * @example new UnitNormalization()
 */
export class UnitNormalization extends UnaryLayer {
  readonly className = "UnitNormalization";
  readonly axis: readonly number[];

  constructor(options: UnitNormalizationOptions = {}) {
    super(options);
    this.axis = new Settings(this.className, options).numbers("axis", -1);
  }

  protected override get leastRank(): number {
    return 2;
  }

  protected forward(g: Graph, x: Value): Value {
    const axes = this.axis.map((axis) => axisIndex(axis, x.shape.length) ?? 0).toSorted((a, b) => a - b);
    if (axes[0] < 1 || new Set(axes).size !== axes.length)
      throw new Settings(this.name, { axis: this.axis }).refuse(
        "axis",
        `dimensions of ${x.shape.length}, each once, without the batch`,
      );
    const squares = g.apply("reduce", { kind: "sumSquare", axes, keepDims: true }, { x });
    const bound = g.constant(`${this.name}/least`, [1], [least]);
    const length = g.apply(
      "unary",
      { kind: "sqrt" },
      { x: g.apply("arithmetic", { kind: "max" }, { a: squares, b: bound }) },
    );
    return g.apply("arithmetic", { kind: "div" }, { a: x, b: length });
  }

  config(): Record<string, unknown> {
    return { axis: this.axis.length === 1 ? this.axis[0] : this.axis };
  }
}
