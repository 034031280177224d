/** What every layer is: configuration, parameters, `trainable`, and a `call` that writes operations into a graph. */
import { formatShape, ThawError } from "../errors";
import type { Shape } from "../kernels/operation";
import { Graph, type Value } from "./graph";
import { initialize, Parameter, randomSource, type Initializer } from "./parameter";
import { connect, type SymbolicTensor } from "./symbolic";

/** How a call is meant; a nested model hands it on to its layers. */
export interface CallContext {
  /** Whether this is a training step: dropout drops, and trainable batch normalization uses the batch's statistics. */
  readonly training: boolean;
}

export interface LayerOptions {
  /** Default: the class name in snake case with a number, as in Keras. */
  readonly name?: string;
  /** Default true. */
  readonly trainable?: boolean;
  /** Seed of the initial weights; default: one of the process, so that a script is reproducible. */
  readonly seed?: number;
}

/** Shape without the batch dimension, e.g. [224, 224, 3]. */
export type SampleShape = Shape;

const counters = new Map<string, number>();

/** Starts default names (`dense`, `dense_1`) and default seeds again; for tests and for reproducible scripts. */
export function resetNames(): void {
  counters.clear();
  nextSeed = 1;
}

let nextSeed = 1;

/** Keras's rule: `GlobalAveragePooling2D` -> `global_average_pooling2d`, `ReLU` -> `re_lu`. */
export function snakeCase(className: string): string {
  return className
    .replace(/\W/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

export abstract class Layer {
  /** Keras's class name, e.g. "Conv2D"; written to files and used by default names. */
  abstract readonly className: string;
  readonly parameters: Parameter[] = [];
  #name: string | undefined;
  #trainable: boolean;
  readonly #seed: number;
  #random: (() => number) | undefined;
  #built: readonly SampleShape[] | undefined;

  constructor(options: LayerOptions = {}) {
    this.#name = options.name;
    this.#trainable = options.trainable ?? true;
    this.#seed = options.seed ?? nextSeed++;
  }

  get name(): string {
    if (this.#name === undefined) {
      const base = snakeCase(this.className);
      const n = counters.get(base) ?? 0;
      counters.set(base, n + 1);
      this.#name = n === 0 ? base : `${base}_${n}`;
    }
    return this.#name;
  }

  /**
   * Whether training changes this layer's weights. May be set at any time; the next step uses another plan.
   * Setting it on a model sets it on all layers inside.
   */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(value: boolean) {
    this.#trainable = value;
  }

  get built(): boolean {
    return this.#built !== undefined;
  }

  /** Sample shapes it was built for. */
  get builtShapes(): readonly SampleShape[] | undefined {
    return this.#built;
  }

  get trainableParameters(): Parameter[] {
    return this.allParameters().filter((p) => p.trainable);
  }

  /** Its own parameters and, for a model, those of the layers inside, each once. */
  allParameters(): Parameter[] {
    return this.parameters;
  }

  /** Makes the parameters. Called once, before the first `call`; later calls with other shapes are the layer's business. */
  ensureBuilt(shapes: readonly SampleShape[]): void {
    if (this.#built) return;
    this.#random = randomSource(this.#seed * 0x9e3779b1);
    this.build(shapes);
    this.#built = shapes;
  }

  /** Creates weights with `addWeight`; nothing by default. */
  protected build(_shapes: readonly SampleShape[]): void {}

  /** Writes the layer's operations into the graph; inputs include the batch dimension. */
  abstract call(g: Graph, inputs: readonly Value[], context: CallContext): Value[];

  /** Keras's configuration (camelCase here; loaders translate), without name and trainable. */
  abstract config(): Record<string, unknown>;

  protected addWeight(
    name: string,
    shape: Shape,
    initializer: Initializer,
    kind: Parameter["kind"] = "weight",
  ): Parameter {
    const index = this.parameters.length;
    const draw = () => this.#drawUpTo(index);
    const parameter = new Parameter(name, shape, kind, draw, () => this.trainable, initializer);
    parameter.path = `${this.name}/${name}`;
    this.parameters.push(parameter);
    return parameter;
  }

  readonly #drawn: Float32Array[] = [];

  /** First values in the order of the weights, whichever is asked for first: the same seed gives the same layer. */
  #drawUpTo(index: number): Float32Array {
    for (let i = this.#drawn.length; i <= index; i++) {
      const { initializer, shape } = this.parameters[i];
      this.#drawn.push(initialize(initializer, shape, this.#random!));
    }
    const value = this.#drawn[index];
    this.#drawn[index] = new Float32Array(0); // it has an owner now
    return value;
  }

  /**
   * Connects the layer to symbolic tensors, for functional models: `const y = new Dense({ units: 2 }).apply(x)`.
   *
   * @param options.training false keeps dropout and batch normalization inside in inference mode, whatever `fit` does.
   */
  apply(input: SymbolicTensor, options?: { training?: boolean }): SymbolicTensor;
  apply(inputs: readonly SymbolicTensor[], options?: { training?: boolean }): SymbolicTensor;
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[], options: { training?: boolean } = {}): SymbolicTensor {
    const list = "layer" in inputs ? [inputs] : [...inputs];
    return connect(this, list, options)[0];
  }

  /** Shapes of the outputs for these inputs, found by writing the layer into a throw-away graph. */
  outputShapes(shapes: readonly SampleShape[]): SampleShape[] {
    this.ensureBuilt(shapes);
    const g = new Graph(1);
    const inputs = shapes.map((s, i) => g.input(`input_${i}`, [1, ...s]));
    return g.within(this.name, () => this.call(g, inputs, { training: false })).map((v) => v.shape.slice(1));
  }

  /** For error messages of subclasses: received something else than `count` inputs. */
  protected expectInputs(inputs: readonly Value[], count: number): void {
    if (inputs.length !== count) {
      const received = inputs.map((v) => formatShape(v.shape)).join(", ");
      throw new ThawError(this.name, `received ${inputs.length} inputs (${received})`, `${count}`);
    }
  }

  protected expectRank(x: Value, rank: number): void {
    if (x.shape.length !== rank) {
      throw new ThawError(
        this.name,
        `received an input of shape ${formatShape(x.shape)}`,
        `${rank} dimensions, batch first`,
      );
    }
  }
}
