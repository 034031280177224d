import type { Graph, Value } from "../graph";
import type { LayerOptions, SampleShape } from "../layer";
import type { Parameter } from "../parameter";
import { rectifier } from "./activations";
import { axisIndex, Settings } from "./settings";
import { UnaryLayer } from "./unary";

export interface PReLUOptions extends LayerOptions {
  /** Dimensions along which one slope serves all, batch not counted and from 1 on: [1, 2] gives one a channel. Default: none. */
  readonly sharedAxes?: readonly number[] | null;
}

/**
 * A leaky rectifier whose slopes are learnt: y = x where x >= 0, else alpha * x.
 *
 * Input `[batch, ...]`, output the same. Weight: `alpha`, a sample's shape with 1 in the shared dimensions.
 *
 * `trainable = false`: the slopes stay.
 *
 * @example new PReLU({ sharedAxes: [1, 2] })
 */
export class PReLU extends UnaryLayer {
  readonly className = "PReLU";
  readonly sharedAxes: readonly number[];
  /** A sample's shape with 1 in the shared dimensions. */
  alpha!: Parameter;

  constructor(options: PReLUOptions = {}) {
    super(options);
    const shared = options.sharedAxes ?? [];
    this.sharedAxes = shared.length > 0 ? new Settings(this.className, options).numbers("sharedAxes", 1) : [];
  }

  protected override build([input]: readonly SampleShape[]): void {
    const rank = input.length + 1;
    const shared = this.sharedAxes.map((axis) => axisIndex(axis, rank));
    if (shared.some((axis) => !axis)) {
      throw new Settings(this.name, { sharedAxes: this.sharedAxes }).refuse(
        "sharedAxes",
        `dimensions from 1 to ${rank - 1}`,
      );
    }
    const shape = input.map((size, i) => (shared.includes(i + 1) ? 1 : size));
    this.alpha = this.addWeight("alpha", shape, { kind: "zeros" });
  }

  protected forward(g: Graph, x: Value): Value {
    // relu(x) - alpha * relu(-x)
    const relu = (v: Value) => g.apply("activation", rectifier(undefined, 0, 0), { x: v });
    const negative = relu(g.apply("affine", { scale: -1, offset: 0 }, { x }));
    const slopes = g.apply("reshape", { shape: [1, ...this.alpha.shape] }, { x: g.parameter(this.alpha) });
    return g.apply("add", { scaleB: -1 }, { a: relu(x), b: g.apply("multiply", {}, { a: negative, b: slopes }) });
  }

  config(): Record<string, unknown> {
    return { sharedAxes: this.sharedAxes.length > 0 ? this.sharedAxes : null };
  }
}
