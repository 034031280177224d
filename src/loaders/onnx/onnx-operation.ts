/** The layer for ONNX operators that no layer of Keras's stands for: one node, its weights as parameters. */
import { Graph, type Value } from "../../nn/graph";
import { Layer, type LayerOptions, type SampleShape } from "../../nn/layer";
import type { Parameter } from "../../nn/parameter";
import { batchSize, compute } from "./evaluate";
import { checkFolded, isHost, product, type HostTensor } from "./host-tensor";
import type { OnnxNode } from "./ir";
import { arrange, Emitter, type Arrangement, type Operand } from "./layout/emitter";
import type { Layout, Tensor } from "./layout/tensor";

export interface OnnxOperationOptions extends LayerOptions {
  readonly node: OnnxNode;
  /** For each input how it lies, or its numbers; undefined where it is left out. */
  readonly inputs: readonly (Layout | HostTensor | undefined)[];
  readonly literalBatch: number;
  /** It is made to see what it writes: its weights have shapes and no numbers. */
  readonly trial?: boolean;
}

/** What writes the node; another than the node's own operator for what only arranges. */
export type Write = (e: Emitter, operands: readonly (Operand | undefined)[]) => readonly Operand[];

/**
 * One operator of an ONNX graph. Its float initializers are weights: `trainable = false` keeps them, and the gradient for the
 * layers below is still computed where they need one.
 */
export class OnnxOperation extends Layer {
  readonly className: string;
  readonly saidByOperations = true;
  readonly #options: OnnxOperationOptions;
  readonly #write: Write;
  readonly #weights = new Map<HostTensor, Map<string, Parameter>>();
  /** How each output lies. Of an operator that writes nothing, `through` says which input it is. */
  outputs: readonly { readonly layout: Layout; readonly through: number }[] = [];
  /** Whether it writes operations at all; reshapes and transposes mostly do not. */
  writes = false;

  constructor(options: OnnxOperationOptions, write?: Write) {
    super(options);
    this.className = options.node.op;
    this.#options = options;
    this.#write = write ?? ((e, operands) => compute(e, options.node, operands));
  }

  protected override build(shapes: readonly SampleShape[]): void {
    const g = new Graph(batchSize);
    const inputs = shapes.map((s, i) => g.input(`input_${i}`, [batchSize, ...s]));
    const results = this.#emit(g, inputs, (constant, arrangement) => this.#own(g, constant, arrangement));
    this.writes = g.nodes.length > 0;
    this.outputs = results.map(({ value, ...layout }) => ({ layout, through: inputs.indexOf(value) }));
  }

  call(g: Graph, inputs: readonly Value[]): Value[] {
    const e = this.#emitter(g, inputs, (constant, arrangement) => this.#own(g, constant, arrangement));
    return this.#emit(g, inputs, (constant, arrangement) => this.#own(g, constant, arrangement)).map((t) =>
      e.memory(t),
    );
  }

  #emitter(
    g: Graph,
    inputs: readonly Value[],
    own: (constant: HostTensor, arrangement: Arrangement) => Value,
  ): Emitter {
    // The batch is memory axis 0 of what is computed from samples.
    const computed = this.#options.inputs.filter((x): x is Layout => x !== undefined && !isHost(x));
    const sampled = inputs.find((_, i) => computed[i]?.shape[0] === batchSize);
    return new Emitter(
      g,
      batchSize,
      (_, constant, arrangement) => own(constant, arrangement),
      this.#options.literalBatch,
      sampled?.shape[0],
    );
  }

  #emit(g: Graph, inputs: readonly Value[], own: (constant: HostTensor, arrangement: Arrangement) => Value): Tensor[] {
    const e = this.#emitter(g, inputs, own);
    let next = 0;
    const operands = this.#options.inputs.map((x): Operand | undefined =>
      x === undefined || isHost(x) ? x : { ...x, value: inputs[next++] },
    );
    return this.#write(e, operands).filter((x): x is Tensor => !isHost(x));
  }

  /** A weight as a parameter, made when it is first asked for; other constants as they are. */
  #own(g: Graph, constant: HostTensor, arrangement: Arrangement): Value {
    const { shape } = arrangement;
    if (this.#options.trial) return g.value({ name: "constant", shape, role: "constant" });
    if (constant.weight === undefined || constant.kind !== "float" || product(shape) === 1)
      return g.constant(`${this.name}/constant`, shape, arrange(constant, arrangement));
    if (constant.repeats) checkFolded(this.name, product(shape));
    const key = JSON.stringify(arrangement);
    const known = this.#weights.get(constant)?.get(key);
    if (known) return g.parameter(known);
    const parameter = this.addWeight(this.#nameOf(constant.weight), shape, { kind: "zeros" });
    parameter.value = arrange(constant, arrangement);
    const arrangements = this.#weights.get(constant) ?? new Map<string, Parameter>();
    this.#weights.set(constant, arrangements.set(key, parameter));
    return g.parameter(parameter);
  }

  /** `encoder.layer.0.class_token` -> class_token; names of the exporter's own making say nothing. */
  #nameOf(weight: string): string {
    const last = weight.split(/[./]/).at(-1)!.replace(/:\d+$/, "");
    const base = /^(onnx::.*|val_\d+|\d*)$/.test(last) ? "weight" : last;
    let name = base;
    for (let n = 1; this.parameters.some((p) => p.name === name); n++) name = `${base}_${n}`;
    return name;
  }

  config(): Record<string, unknown> {
    const attributes = [...this.#options.node.attributes].filter(([, v]) => typeof v !== "object" || Array.isArray(v));
    return Object.fromEntries(attributes);
  }
}
