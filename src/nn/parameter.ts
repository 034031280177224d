/** Weights and moving statistics: the values that outlive a step. */
import { elements, type Shape } from "../kernels/operation";
import { formatShape, ThawError } from "../errors";

export type Initializer =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "glorotUniform" }
  | { readonly kind: "heNormal" }
  | { readonly kind: "randomNormal"; readonly stddev: number }
  | { readonly kind: "randomUniform"; readonly limit: number };

/**
 * One weight or moving statistic of a layer. `value` is the copy on the host; while a model is compiled, the GPU's copy
 * is ahead of it and `model.readWeights()` brings it up to date. It may be a view of a larger buffer: after an import of the file's.
 */
export class Parameter {
  /** Set by the layer that owns it, e.g. `block_1_expand/kernel`; unique within a model once the model is built. */
  path = "";
  #value: Float32Array | undefined;
  #draw: (() => Float32Array) | undefined;

  constructor(
    /** Keras's name within the layer: "kernel", "bias", "gamma", "moving_mean". */
    readonly name: string,
    readonly shape: Shape,
    /** "weight" is trained where its layer is trainable; "state" (moving statistics) never has a gradient. */
    readonly kind: "weight" | "state",
    /** In C order, `elements(shape)` long; or what draws it when it is first asked for, which an import never does. */
    value: Float32Array | (() => Float32Array),
    /** Whether the layer that owns it is trainable now. */
    readonly layerIsTrainable: () => boolean,
    /** How the layer draws its first value; an imported one can be drawn anew with it. */
    readonly initializer: Initializer = { kind: "zeros" },
  ) {
    if (typeof value === "function") this.#draw = value;
    else this.#value = value;
  }

  get value(): Float32Array {
    return (this.#value ??= this.#draw!());
  }

  set value(value: Float32Array) {
    this.#value = value;
  }

  /** Has its value made when somebody first reads it. */
  defer(draw: () => Float32Array): void {
    this.#value = undefined;
    this.#draw = draw;
  }

  get trainable(): boolean {
    return this.kind === "weight" && this.layerIsTrainable();
  }

  get count(): number {
    return elements(this.shape);
  }

  /** @throws when the number of values does not fit the shape. */
  assign(value: ArrayLike<number>, shape: Shape = this.shape): void {
    const same = shape.length === this.shape.length && shape.every((d, i) => d === this.shape[i]);
    if (!same || value.length !== this.count) {
      throw new ThawError(
        this.path || this.name,
        `received ${formatShape(shape)} (${value.length} values)`,
        formatShape(this.shape),
      );
    }
    this.value = Float32Array.from(value);
  }
}

/** Counter-free generator for initial values: mulberry32 (public domain, T. Ettinger); quality is ample for this use. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Fan-in and fan-out as Keras counts them: the last two dimensions, times the receptive field before them. */
function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 };
  const field = elements(shape.slice(0, -2));
  return { fanIn: shape.at(-2)! * field, fanOut: shape.at(-1)! * field };
}

/** Initial values; formulas of Keras's initializers of the same names (Glorot and Bengio 2010, He et al. 2015). */
export function initialize(initializer: Initializer, shape: Shape, random: () => number): Float32Array {
  const { fanIn, fanOut } = fans(shape);
  const draw = (make: () => number) => Float32Array.from({ length: elements(shape) }, make);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  switch (initializer.kind) {
    case "zeros":
      return draw(() => 0);
    case "ones":
      return draw(() => 1);
    case "constant":
      return draw(() => initializer.value);
    case "glorotUniform": {
      const limit = Math.sqrt(6 / (fanIn + fanOut));
      return draw(() => (2 * random() - 1) * limit);
    }
    case "heNormal": {
      // Truncated at two deviations, and widened so that the deviation is sqrt(2 / fanIn) after the cut.
      const stddev = Math.sqrt(2 / fanIn) / 0.87962566103423978;
      const truncated = (): number => {
        const v = normal();
        return Math.abs(v) < 2 ? v : truncated();
      };
      return draw(() => stddev * truncated());
    }
    case "randomNormal":
      return draw(() => initializer.stddev * normal());
    case "randomUniform":
      return draw(() => (2 * random() - 1) * initializer.limit);
  }
}
