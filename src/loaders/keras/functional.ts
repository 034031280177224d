/** Functional models: calls of layers on the outputs of other calls, in whatever order a file lists them. */
import { formatShape, ThawError } from "../../errors";
import type { Layer } from "../../nn/layer";
import { InputLayer } from "../../nn/layers/input";
import { FunctionalModel } from "../../nn/model";
import { connect, type SymbolicTensor } from "../../nn/symbolic";
import { layerArguments, readCall, tensorsOf, type CallSpec } from "./calls";
import { CallCounter } from "./call-counter";
import type { BuildContext } from "./config";
import { isModel, isSequential, readHistories, readLayers, type History, type Serialised } from "./json";
import { isOperation, operationFrom } from "./operations";

type MakeLayer = (s: Serialised, context: BuildContext) => Layer;

export function buildFunctional(s: Serialised, context: BuildContext, makeLayer: MakeLayer): FunctionalModel {
  return new FunctionalBuilder(s, context, makeLayer).build();
}

/** A layer of the file; made at its first call, when the shapes of its inputs are known. */
interface Entry {
  readonly s: Serialised;
  readonly calls: readonly CallSpec[];
  layer?: Layer;
}

/** A call that waits for its inputs. */
interface PendingCall {
  readonly entry: Entry;
  readonly spec: CallSpec;
  readonly key: string;
  missing: number;
}

const keyOf = (layer: string, call: number) => `${layer}\u0000${call}`;

class FunctionalBuilder {
  readonly #who: string;
  readonly #entries = new Map<string, Entry>();
  readonly #results = new Map<string, readonly SymbolicTensor[]>();
  readonly #inputs: readonly History[];
  readonly #outputs: readonly History[];
  readonly #counter: CallCounter;

  constructor(
    readonly serialised: Serialised,
    readonly context: BuildContext,
    readonly makeLayer: MakeLayer,
  ) {
    this.#who = context.file;
    this.#counter = new CallCounter(context.file, serialised.name);
    for (const s of readLayers(this.#who, serialised)) {
      if (this.#entries.has(s.name))
        throw new ThawError(this.#who, `two layers of ${serialised.name} are named ${s.name}`, "a name for each layer");
      this.#entries.set(s.name, { s, calls: s.inboundNodes.map((n) => readCall(`${this.#who}: ${s.name}`, n)) });
    }
    this.#inputs = readHistories(this.#who, serialised.config.input_layers);
    this.#outputs = readHistories(this.#who, serialised.config.output_layers).map((end) => this.#asCall(end));
  }

  build(): FunctionalModel {
    for (const { layer } of this.#inputs) this.#addInput(layer);
    this.#connectAll();
    const { name } = this.serialised.config;
    const model = new FunctionalModel({
      inputs: this.#inputs.map((h) => this.#tensor(h)),
      outputs: this.#outputs.map((h) => this.#tensor(h)),
      ...(typeof name === "string" && { name }),
    });
    // Names in weight files count layers in the file's order. Layers that lead to no output are not part of the model.
    const used = new Set(model.layers);
    const layers = [...this.#entries.values()].flatMap(({ layer }) => (layer && used.has(layer) ? [layer] : []));
    model.reorder(layers);
    this.#counter.finish(model);
    return model;
  }

  /** Keras 3 counts a nested functional model's own node among the model's outputs, and not where calls refer to it. */
  #asCall(end: History): History {
    const s = this.#entries.get(end.layer)?.s;
    const counted = this.context.dialect === 3 && s !== undefined && isModel(s) && !isSequential(s);
    return counted ? { ...end, call: Math.max(0, end.call - 1) } : end;
  }

  #addInput(name: string): void {
    const entry = this.#entries.get(name);
    if (entry?.s.className !== "InputLayer" || this.#results.has(keyOf(name, 0)))
      throw new ThawError(this.#who, `the input ${name} is no InputLayer, or there twice`, "InputLayers");
    const layer = this.makeLayer(entry.s, this.context);
    if (!(layer instanceof InputLayer))
      throw new ThawError(this.#who, `the input ${name} is made otherwise`, "an InputLayer");
    this.#freezeWithModel(layer);
    entry.layer = layer;
    const call = { layer, inputs: [], options: {} };
    this.#results.set(keyOf(name, 0), [{ layer, call, index: 0, shape: layer.shape }]);
  }

  /** Keras writes no flag for inputs and operations; a frozen model has them frozen too. */
  #freezeWithModel(layer: Layer): void {
    if (this.serialised.config.trainable === false) layer.trainable = false;
  }

  /** Each call goes as soon as its inputs are there. */
  #connectAll(): void {
    const first = this.#firstCalls();
    const waiting = new Map<string, PendingCall[]>();
    const ready: PendingCall[] = [];
    let left = 0;
    for (const [name, entry] of this.#entries) {
      // A nested model was called once while it was built; files before Keras 3 count its later calls from 1.
      const older = this.context.dialect < 3 && isModel(entry.s);
      const offset = older && (first.get(name) ?? 0) > 0 ? 1 : 0;
      for (const [i, spec] of entry.calls.entries()) {
        const needed = new Set(tensorsOf(spec).map((h) => keyOf(h.layer, h.call)));
        const missing = [...needed].filter((key) => !this.#results.has(key));
        const call = { entry, spec, key: keyOf(name, i + offset), missing: missing.length };
        for (const key of missing) waiting.set(key, [...(waiting.get(key) ?? []), call]);
        if (call.missing === 0) ready.push(call);
        left++;
      }
    }
    for (let call = ready.shift(); call; call = ready.shift()) {
      this.#connect(call);
      left--;
      for (const next of waiting.get(call.key) ?? []) if (--next.missing === 0) ready.push(next);
      waiting.delete(call.key);
    }
    if (left > 0) {
      const names = new Set([...waiting.values()].flat().map((c) => c.entry.s.name));
      const shown = [...names].slice(0, 8).join(", ");
      throw new ThawError(
        this.#who,
        `the inputs of ${shown}${names.size > 8 ? ` and ${names.size - 8} more` : ""} lead nowhere or in a circle`,
        "calls that follow from the model's inputs",
      );
    }
  }

  /** The lowest call number by which the file refers to each layer. */
  #firstCalls(): Map<string, number> {
    const result = new Map<string, number>();
    const all = [...this.#entries.values()].flatMap((entry) => entry.calls.flatMap(tensorsOf));
    for (const { layer, call } of [...all, ...this.#outputs])
      result.set(layer, Math.min(call, result.get(layer) ?? Infinity));
    return result;
  }

  #connect({ entry, spec, key }: PendingCall): void {
    const { s } = entry;
    const who = `${this.#who}: ${s.name}`;
    if (isOperation(s)) {
      if (entry.layer) throw new ThawError(who, "is an operation that is called twice", "one call");
      const { layer, inputs } = operationFrom(this.#who, s, spec);
      const tensors = inputs.map((h) => this.#tensor(h));
      // Layers line up dimensions after the batch, operations from the last one.
      if (tensors.some((t) => t.shape.length !== tensors[0].shape.length)) {
        const shapes = tensors.map((t) => formatShape(t.shape)).join(" and ");
        throw new ThawError(who, `is called with samples of shapes ${shapes}`, "the same number of dimensions");
      }
      this.#freezeWithModel(layer);
      entry.layer = layer;
      this.#counter.add(layer);
      this.#results.set(key, connect(layer, tensors, {}));
      return;
    }
    const { inputs, training } = layerArguments(who, spec);
    const tensors = inputs.map((h) => this.#tensor(h));
    entry.layer ??= this.makeLayer(s, {
      ...this.context,
      inputShape: tensors.length === 1 ? tensors[0].shape : undefined,
    });
    this.#counter.add(entry.layer);
    this.#results.set(key, connect(entry.layer, tensors, training === false ? { training } : {}));
  }

  #tensor({ layer, call, output }: History): SymbolicTensor {
    const found = this.#results.get(keyOf(layer, call))?.[output];
    if (found) return found;
    const happened = `refers to output ${output} of call ${call} of ${layer}`;
    throw new ThawError(this.#who, happened, "a call that the file describes");
  }
}
