/** From a model to the entries of its configuration: Sequential and functional models, nested, with shared layers. */
import { ThawError } from "../../../errors";
import type { Layer, SampleShape } from "../../../nn/layer";
import { InputLayer } from "../../../nn/layers/input";
import { Container, FunctionalModel } from "../../../nn/model";
import type { LayerCall, SymbolicTensor } from "../../../nn/symbolic";
import type { Call, Constant, Entry, Reference, SaveDialect, WrittenModel } from "./entries";
import { kerasOrder } from "./keras-order";
import { partsOf } from "./layer-parts";
import { EntryNames } from "./names";
import { isOperationPart, type Part, type PartInput, type Parts } from "./parts";

/** What a dialect cannot say, of all models inside. */
interface Findings {
  readonly problems: string[];
  /** Each layer and the model that it stands in. */
  readonly owners: Map<Layer, string>;
}

/** @throws one error that names every layer that the dialect cannot say, and for names that collide. */
export function writtenModel(model: Container, dialect: SaveDialect): WrittenModel {
  const { written, problems } = draftModel(model, dialect);
  if (problems.length > 0) {
    const program = dialect === 2 ? "TF.js" : "Keras";
    const more = problems.length > 20 ? ` and ${problems.length - 20} more` : "";
    throw new ThawError(
      model.name,
      `${program} cannot say ${problems.slice(0, 20).join("; ")}${more}`,
      `layers and options that ${program} has`,
      dialect !== 2 ? "Save it in another format, or registerLayer() what you bring to Keras yourself." : "",
    );
  }
  return written;
}

/** The same with what is wrong beside it: layers that cannot be said have their place and their weights in it. */
export function draftModel(
  model: Container,
  dialect: SaveDialect,
): { written: WrittenModel; problems: readonly string[] } {
  const findings: Findings = { problems: [], owners: new Map() };
  return { written: new ModelWriter(model, dialect, findings).write(), problems: findings.problems };
}

class ModelWriter {
  readonly #names: EntryNames;
  /** Entries of each layer, in the order of its parts. */
  readonly #entries = new Map<Layer, Entry[]>();
  readonly #references = new Map<LayerCall, readonly Reference[]>();
  readonly #functional: boolean;

  constructor(
    readonly model: Container,
    readonly dialect: SaveDialect,
    readonly findings: Findings,
  ) {
    this.#names = new EntryNames(model.name);
    this.#functional = model instanceof FunctionalModel;
  }

  write(): WrittenModel {
    const { model } = this;
    const inputs = model.inputs.map((t) => t.layer);
    const ordered = [...new Set(this.#functional ? model.layers : [...inputs, ...model.layers])];
    const names = new Map(ordered.map((layer) => [layer, this.#names.own(layer.name)]));
    for (const layer of ordered) this.#claim(layer);
    const calls = model instanceof FunctionalModel ? model.calls : sequentialCalls(model);
    for (const call of new Set([...model.inputs.map((t) => t.call), ...calls]))
      this.#addCall(call, names.get(call.layer)!);
    this.#refuseRepeated();
    const reference = (t: SymbolicTensor) => this.#references.get(t.call)![t.index];
    const layers = ordered.filter((layer) => !(layer instanceof InputLayer));
    const written: WrittenModel = {
      className: this.#functional ? "Functional" : "Sequential",
      name: model.name,
      trainable: layers.length === 0 || layers.some((layer) => layer.trainable),
      entries: ordered.flatMap((layer) => this.#entries.get(layer) ?? []),
      inputs: model.inputs.map(reference),
      outputs: model.outputs.map(reference),
    };
    // Parts for outputs of a layer that nobody reads are no part of the model.
    const read = new Set(kerasOrder(written));
    return { ...written, entries: written.entries.filter((entry) => read.has(entry)) };
  }

  /** A layer in two models would come back as two layers. */
  #claim(layer: Layer): void {
    if (layer instanceof InputLayer) return;
    const { problems, owners } = this.findings;
    const other = owners.get(layer);
    if (other !== undefined && layer.allParameters().length > 0)
      problems.push(`${layer.name}, which is shared by the models ${other} and ${this.model.name}`);
    owners.set(layer, this.model.name);
  }

  /** A Sequential lists each layer once. */
  #refuseRepeated(): void {
    if (this.#functional) return;
    for (const [layer, [entry]] of this.#entries)
      if (entry.calls.length > 1)
        this.findings.problems.push(`${layer.name}, which is ${entry.calls.length} times in a Sequential model`);
  }

  #addCall(call: LayerCall, name: string): void {
    const { layer, options } = call;
    const inputs = call.inputs.map((t) => this.#references.get(t.call)![t.index]);
    const shapes = call.inputs.map((t) => t.shape);
    const outputs = layer instanceof InputLayer ? [layer.shape] : layer.outputShapes(shapes);
    if (layer instanceof InputLayer || layer instanceof Container) {
      const [entry] = this.#once(layer, () => [this.#whole(layer, name)]);
      const index = entry.calls.length;
      if (inputs.length > 0) entry.calls.push({ inputs, asList: inputs.length > 1, ...inference(options) });
      this.#references.set(
        call,
        outputs.map((shape, output) => ({ entry, call: index, output, shape })),
      );
      return;
    }
    const parts = partsOf(layer, { dialect: this.dialect, shapes, functional: this.#functional });
    if (typeof parts === "string") {
      const problem = `${layer.name} (${parts})`;
      if (!this.findings.problems.includes(problem)) this.findings.problems.push(problem);
    }
    const found = typeof parts === "string" ? placeholder(layer, shapes.length, outputs.length) : parts;
    this.#references.set(call, this.#addParts(call, name, found, inputs, outputs));
  }

  /** Each part is called once more; operations are written anew for each call. */
  #addParts(
    { layer, options }: LayerCall,
    name: string,
    { parts, outputs: results = [parts.length - 1] }: Parts,
    inputs: readonly Reference[],
    shapes: readonly SampleShape[],
  ): readonly Reference[] {
    const before = this.#entries.get(layer);
    const entries = before ?? [];
    this.#entries.set(layer, entries);
    const main = Math.max(
      parts.findIndex((part) => part.ownsWeights),
      -1,
    );
    const named = main >= 0 ? main : parts.length - 1;
    const made: Reference[] = [];
    const resolve = (input: PartInput): Reference | Constant =>
      typeof input === "number" ? made[input] : typeof input === "string" ? inputs[Number(input.slice(1))] : input;
    for (const [i, part] of parts.entries()) {
      let entry = isOperationPart(part) ? undefined : before?.filter((e) => !e.isOperation)[countLayers(parts, i)];
      if (!entry) {
        const own = i === named && !(before && isOperationPart(part));
        const written = own ? name : this.#names.extra(part.suffix === "" ? `${name}_1` : `${name}_${part.suffix}`);
        const built = part.inputs.map(resolve).flatMap((input) => ("entry" in input ? [input.shape] : []));
        entry = this.#part(layer, written, part, i === main ? built : undefined);
        entries.push(entry);
      }
      const training = isOperationPart(part) ? {} : inference(options);
      made.push({ entry, call: entry.calls.length, output: 0, shape: part.shape ?? shapes[0] });
      entry.calls.push({ inputs: part.inputs.map(resolve), asList: part.asList ?? false, ...training });
    }
    return results.map((result) => resolve(result) as Reference);
  }

  #once(layer: Layer, make: () => Entry[]): Entry[] {
    const known = this.#entries.get(layer);
    if (known) return known;
    const made = make();
    this.#entries.set(layer, made);
    return made;
  }

  #base(layer: Layer, name: string) {
    return { name, registeredName: null, calls: [] as Call[], trainable: layer.trainable };
  }

  #whole(layer: InputLayer | Container, name: string): Entry {
    const base = { ...this.#base(layer, name), isOperation: false };
    if (layer instanceof InputLayer) {
      const shape = [null, ...layer.shape];
      const key = this.dialect === 2 ? "batch_input_shape" : "batch_shape";
      const config = { [key]: shape, dtype: "float32", sparse: false };
      return { ...base, className: "InputLayer", module: "keras.layers", config };
    }
    const model = new ModelWriter(layer, this.dialect, this.findings).write();
    const module = model.className === "Functional" ? "keras.src.models.functional" : "keras";
    return { ...base, className: model.className, module, config: {}, model };
  }

  /** @param built shapes of its inputs, where it has the layer's weights. */
  #part(layer: Layer, name: string, part: Part, built: readonly SampleShape[] | undefined): Entry {
    const isOperation = isOperationPart(part);
    return {
      ...this.#base(layer, name),
      className: part.className,
      module: part.module === undefined ? "keras.layers" : part.module,
      registeredName: part.registeredName ?? (isOperation ? part.className : null),
      config: part.config,
      isOperation,
      ...(built && { layer }),
      ...(built && layer.parameters.length > 0 && { built }),
    };
  }
}

/** Stands for what cannot be said, so that the rest can be looked at too. */
const placeholder = (layer: Layer, inputs: number, outputs: number): Parts => ({
  parts: [
    {
      suffix: "",
      className: layer.className,
      config: {},
      inputs: Array.from({ length: inputs }, (_, i) => `x${i}` as const),
      ownsWeights: true,
    },
  ],
  outputs: Array.from({ length: outputs }, () => 0),
});

/** How many parts before this one are layers. */
const countLayers = (parts: readonly Part[], end: number) =>
  parts.slice(0, end).filter((part) => !isOperationPart(part)).length;

/** A Sequential's calls: its layers one after the other. */
function sequentialCalls(model: Container): readonly LayerCall[] {
  const calls: LayerCall[] = [];
  for (let [tensor]: readonly (SymbolicTensor | undefined)[] = model.outputs; tensor; tensor = tensor.call.inputs[0])
    calls.unshift(tensor.call);
  return calls;
}

/** Only `training: false` says something. */
const inference = ({ training }: LayerCall["options"]): { readonly training?: false } =>
  training === false ? { training } : {};
