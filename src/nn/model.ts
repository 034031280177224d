/** Models: layers connected to a graph. A model is a layer itself, so that models nest. */
import { formatShape, ThawError } from "../errors";
import type { Graph, Value } from "./graph";
import { Layer, type CallContext, type LayerOptions, type SampleShape } from "./layer";
import { InputLayer } from "./layers/input";
import type { Parameter } from "./parameter";
import type { Preprocessing } from "./preprocessing";
import type { Plan } from "./compile/plan";
import {
  makeTrainer,
  type CompiledWith,
  type CompileOptions,
  type Dataset,
  type EvaluateOptions,
  type StreamedDataset,
  type FitOptions,
  type History,
  type PlanOptions,
  type Trainer,
  type TrainingState,
  type TuneOptions,
} from "./trainer";
import type { TuningReport } from "./tuning-report";
import { contextOf, topologicalOrder, type LayerCall, type SymbolicTensor } from "./symbolic";

/** The beginning of a functional model: `const x = input([32, 32, 3])`. */
export function input(shape: SampleShape, options: LayerOptions = {}): SymbolicTensor {
  const layer = new InputLayer({ ...options, shape });
  return { layer, call: { layer, inputs: [], options: {} }, index: 0, shape };
}

/** What sequential and functional models share: named layers, freezing, parameters. */
export abstract class Container extends Layer {
  /** What the network expects of its pixels; undefined where it is not known. Importers set it. */
  preprocessing?: Preprocessing;

  /** Layers in Keras's order, without repetition for shared ones. */
  abstract get layers(): readonly Layer[];

  override get trainable(): boolean {
    return this.layers.some((l) => l.trainable);
  }

  /** Sets every layer inside, however deep. */
  override set trainable(value: boolean) {
    for (const layer of this.layers) layer.trainable = value;
  }

  override allParameters(): Parameter[] {
    return [...new Set(this.layers.flatMap((l) => l.allParameters()))];
  }

  override config(): Record<string, unknown> {
    return {};
  }

  /**
   * A layer by name, also of a nested model (`mobilenetv2/block_1_expand`, or the last part where it is unambiguous).
   *
   * @throws when there is none, with the names there are.
   */
  getLayer(name: string): Layer {
    const direct = this.layers.find((l) => l.name === name);
    if (direct) return direct;
    const [head, ...rest] = name.split("/");
    const nested = this.layers.find((l) => l.name === head);
    if (rest.length > 0 && nested instanceof Container) return nested.getLayer(rest.join("/"));
    const deeper = this.flatLayers().filter((l) => l.name === name);
    if (deeper.length === 1) return deeper[0];
    if (deeper.length > 1)
      throw new ThawError(this.name, `${deeper.length} layers are named ${name}`, "a path such as model/layer");
    throw new ThawError(
      this.name,
      `has no layer ${name}`,
      `one of ${this.flatLayers()
        .map((l) => l.name)
        .join(", ")}`,
    );
  }

  /** All layers, nested models replaced by what is in them, in the order of computation. */
  flatLayers(): Layer[] {
    return [...new Set(this.layers.flatMap((l) => (l instanceof Container ? l.flatLayers() : [l])))];
  }

  /**
   * Freezes every layer up to and including the named one, and thaws what follows. `null` freezes nothing.
   *
   * @throws when there is no such layer.
   */
  freezeUpTo(name: string | null): void {
    const layers = this.flatLayers();
    const last = name === null ? -1 : layers.indexOf(this.getLayer(name));
    if (name !== null && last < 0)
      throw new ThawError(
        this.name,
        `${name} is itself a model`,
        "the name of a layer",
        "Set its trainable flag instead.",
      );
    layers.forEach((layer, i) => (layer.trainable = i > last));
  }

  /** Lower-case wildcard pattern (`block_1_*`) of layer names -> sets their trainable flag; returns how many it found. */
  setTrainable(pattern: string, value: boolean): number {
    const expression = new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*")}$`);
    const found = this.flatLayers().filter((l) => expression.test(l.name));
    for (const layer of found) layer.trainable = value;
    if (found.length === 0)
      throw new ThawError(this.name, `no layer is named like ${pattern}`, "a layer name, * for any characters");
    return found.length;
  }

  /** Symbolic inputs and outputs, so that a model can be continued or cut. */
  abstract get inputs(): readonly SymbolicTensor[];
  abstract get outputs(): readonly SymbolicTensor[];

  /** Sample shape of the only input. */
  get inputShape(): SampleShape {
    return this.inputs[0].shape;
  }

  /**
   * The same layers (shared, not copied), ending at the output of the named one.
   *
   * @throws when there is no such layer on the way from inputs to outputs.
   */
  upTo(name: string): FunctionalModel {
    const call = topologicalOrder(this.outputs).findLast((c) => c.layer.name === name);
    if (!call)
      throw new ThawError(this.name, `has no layer ${name}`, `one of ${this.layers.map((l) => l.name).join(", ")}`);
    const shapes = call.layer.outputShapes(
      call.inputs.length > 0 ? call.inputs.map((t) => t.shape) : [this.inputShape],
    );
    const outputs = shapes.map((shape, index) => ({ layer: call.layer, call, index, shape }));
    return new FunctionalModel({ inputs: this.inputs, outputs, name: this.name });
  }

  override call(g: Graph, inputs: readonly Value[], context: CallContext): Value[] {
    this.expectInputs(inputs, this.inputs.length);
    this.inputs.forEach((t, i) => {
      const received = inputs[i].shape;
      const fits = received.length === t.shape.length + 1 && t.shape.every((d, k) => d === received[k + 1]);
      if (!fits)
        throw new ThawError(
          this.name,
          `received an input of shape ${formatShape(received)}`,
          formatShape([g.batchSize, ...t.shape]),
        );
    });
    const results = new Map<LayerCall, Value[]>();
    this.inputs.forEach((t, i) => results.set(t.call, [inputs[i]]));
    const prefix = g.layer;
    for (const call of topologicalOrder(this.outputs)) {
      if (results.has(call)) continue;
      const values = call.inputs.map((t) => results.get(t.call)![t.index]);
      // The outermost model's name is left out of paths: they read as in model.summary().
      const path = prefix ? `${prefix}/${call.layer.name}` : call.layer.name;
      results.set(
        call,
        g.within(path, () => call.layer.call(g, values, contextOf(call, context))),
      );
    }
    return this.outputs.map((t) => results.get(t.call)![t.index]);
  }

  #trainer: Trainer | undefined;

  /**
   * Prepares the model for a GPU: uploads its weights and settles optimizer, loss and metrics. Compiling again replaces
   * what was there. `trainable` flags may change afterwards at any time.
   *
   * @throws for unknown names, and when the weights do not fit the device.
   */
  async compile(options: CompileOptions): Promise<void> {
    await this.#trainer?.readWeights();
    this.#trainer?.dispose();
    this.#trainer = undefined;
    this.#trainer = await makeTrainer(this, options);
  }

  #compiled(): Trainer {
    if (!this.#trainer)
      throw new ThawError(
        this.name,
        "is not compiled",
        "a compiled model",
        "Call await model.compile({ gpu, loss }) first.",
      );
    return this.#trainer;
  }

  /** Trains on the data. @throws for data that does not fit, before anything is allocated, and for a loss that is not finite. */
  async fit(data: Dataset | StreamedDataset, options: FitOptions = {}): Promise<History> {
    return await this.#compiled().fit(data, options);
  }

  /** Mean loss and metrics over the data, in inference mode. */
  async evaluate(data: Dataset | StreamedDataset, options: EvaluateOptions = {}): Promise<Record<string, number>> {
    return await this.#compiled().evaluate(data, options);
  }

  /** Outputs for the samples, one after the other. */
  async predict(x: Dataset["x"] | StreamedDataset, options: { batchSize?: number } = {}): Promise<Float32Array> {
    return await this.#compiled().predict(x, options);
  }

  /** One training step on the given samples; for loops of one's own. Waits for the result, so `fit` is faster. */
  async trainOnBatch(x: Float32Array | Uint8Array, y: ArrayLike<number>): Promise<Record<string, number>> {
    return await this.#compiled().trainOnBatch(x, y);
  }

  /** Gradients of the last training step by parameter. */
  async readGradients(): Promise<Map<Parameter, Float32Array>> {
    return await this.#compiled().readGradients();
  }

  /**
   * What a step does, what it leaves out and why, for the present `trainable` flags. Where kernels are tuned, those of a plan
   * that has not run yet may still change.
   */
  plan(options: PlanOptions = {}): Plan {
    return this.#compiled().plan(options);
  }

  /**
   * Times the kernels of a plan that have no answer yet on this adapter, and keeps the answers where `requestGpu({ tuning })`
   * says. `fit` and its like do the same within their budget; this is for doing it ahead, and for seeing the times. Weights
   * do not change.
   *
   * @throws when tuning is off or pinned to a table.
   */
  async tune(options: TuneOptions = {}): Promise<TuningReport> {
    return await this.#compiled().tune(options);
  }

  /** Brings `parameter.value` of all parameters up to date with the GPU. */
  async readWeights(): Promise<void> {
    await this.#trainer?.readWeights();
  }

  /** Optimizer, loss and metrics, where the model is compiled. */
  get compiledWith(): CompiledWith | undefined {
    return this.#trainer;
  }

  /** Where training stands, beside the weights; `writeTrainingState` goes on from it. @throws when the model is not compiled. */
  async readTrainingState(): Promise<TrainingState> {
    return await this.#compiled().readState();
  }

  /** The next step is the one after `state.iteration`, with the optimizer slots given. For the same kind of optimizer. */
  writeTrainingState(state: TrainingState): void {
    this.#compiled().writeState(state);
  }

  /** Copies `parameter.value` of all parameters to the GPU, after they were assigned on the host. */
  writeWeights(): void {
    this.#trainer?.writeWeights();
  }

  /** Frees everything the model holds on the GPU. Weights trained there and not read with `readWeights()` are lost. */
  dispose(): void {
    this.#trainer?.dispose();
    this.#trainer = undefined;
  }

  /** Parameter paths as Keras's `variable.path`, with nested models' names in front. */
  assignPaths(prefix = ""): void {
    for (const layer of this.layers) {
      if (layer instanceof Container) layer.assignPaths(`${prefix}${layer.name}/`);
      else for (const p of layer.parameters) p.path = `${prefix}${layer.name}/${p.name}`;
    }
  }
}

export interface FunctionalModelOptions extends LayerOptions {
  readonly inputs: SymbolicTensor | readonly SymbolicTensor[];
  readonly outputs: SymbolicTensor | readonly SymbolicTensor[];
}

/** A model from symbolic inputs to symbolic outputs: branches, shared layers, nested models. */
export class FunctionalModel extends Container {
  readonly className = "Functional";
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly calls: readonly LayerCall[];
  #order: readonly Layer[];

  constructor(options: FunctionalModelOptions) {
    super(options);
    this.inputs = "layer" in options.inputs ? [options.inputs] : options.inputs;
    this.outputs = "layer" in options.outputs ? [options.outputs] : options.outputs;
    this.calls = topologicalOrder(this.outputs);
    const known = new Set(this.inputs.map((t) => t.call));
    const loose = this.calls.find((c) => c.inputs.length === 0 && !known.has(c));
    if (loose)
      throw new ThawError(
        this.name,
        `its outputs depend on the input ${loose.layer.name}`,
        "only inputs that are listed",
      );
    this.#order = [...new Set([...this.inputs.map((t) => t.layer), ...this.calls.map((c) => c.layer)])];
    this.assignPaths();
    if (options.trainable === false) this.trainable = false;
  }

  get layers(): readonly Layer[] {
    return this.#order;
  }

  /** Keras's order of layers, where a file gives another one than the order of computation; names in files follow it. */
  reorder(layers: readonly Layer[]): void {
    const own = new Set(this.#order);
    if (layers.length !== own.size || new Set(layers).size !== own.size || !layers.every((l) => own.has(l))) {
      throw new ThawError(this.name, "the new order has other layers", "the same layers");
    }
    this.#order = layers;
  }
}
