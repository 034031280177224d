/** Computations over a model's layers, or over arrays alone, run as a model of their own: its plan, memory and programs are the engine's. */
import { ThawError } from "../../errors";
import type { Graph, Value } from "../../nn/graph";
import type { Layer, SampleShape } from "../../nn/layer";
import { Container, input } from "../../nn/model";
import { Parameter } from "../../nn/parameter";
import type { SymbolicTensor } from "../../nn/symbolic";

export interface ExpressionOptions {
  readonly name: string;
  readonly inputShape: SampleShape;
  /** Of what a loss sees; predictions may have any shape. */
  readonly outputShape?: SampleShape;
  readonly parameters: readonly Parameter[];
  readonly emit: (g: Graph, x: Value) => Value;
}

/** A model whose graph a function writes. */
export class Expression extends Container {
  readonly className = "Expression";
  readonly layers: readonly Layer[] = [];
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly #parameters: Parameter[];
  readonly #emit: ExpressionOptions["emit"];

  constructor({ name, inputShape, outputShape = inputShape, parameters, emit }: ExpressionOptions) {
    super({ name });
    const start = input(inputShape, { name: `${name}_input` });
    this.inputs = [start];
    this.outputs = [{ ...start, shape: outputShape }];
    this.#parameters = [...parameters];
    this.#emit = emit;
  }

  override allParameters(): Parameter[] {
    return this.#parameters;
  }

  /** Paths are those of the models that the parameters come from. */
  override assignPaths(): void {}

  override call(g: Graph, [x]: readonly Value[]): Value[] {
    return [this.#emit(g, x)];
  }
}

/** A model's parameters under the same paths, none of them trainable, so that its own flags are neither read nor changed. */
export function frozenCopies(model: Container): Map<Parameter, Parameter> {
  model.assignPaths();
  return new Map(
    model.allParameters().map((p) => {
      const copy = new Parameter(
        p.name,
        p.shape,
        p.kind,
        () => p.value,
        () => false,
      );
      copy.path = p.path;
      return [p, copy];
    }),
  );
}

/** What one call of a layer gave. */
export interface LayerOutput {
  /** Path as in `model.summary()`: nested models' names in front. */
  readonly path: string;
  /** How many calls of the same layer came before (shared layers). */
  readonly occurrence: number;
  readonly values: readonly Value[];
}

/**
 * Writes a model in inference mode into a graph, with a look at what each layer, also of nested models, gives.
 *
 * @param onLayer may return other values, which the layers behind read instead.
 */
export function callTapped(
  g: Graph,
  model: Container,
  x: Value,
  parameters: ReadonlyMap<Parameter, Parameter>,
  onLayer: (output: LayerOutput) => readonly Value[],
): Value {
  const within = g.within.bind(g);
  const parameter = g.parameter.bind(g);
  const calls = new Map<string, number>();
  g.parameter = (p) => parameter(parameters.get(p) ?? p);
  g.within = <T>(path: string, body: () => T): T =>
    within(path, () => {
      const result = body();
      if (!isValues(result)) return result;
      const occurrence = calls.get(path) ?? 0;
      calls.set(path, occurrence + 1);
      return onLayer({ path, occurrence, values: result });
    }) as T;
  try {
    const outputs = model.call(g, [x], { training: false });
    if (outputs.length !== 1) throw new ThawError(model.name, `has ${outputs.length} outputs`, "one output");
    return outputs[0];
  } finally {
    g.within = within;
    g.parameter = parameter;
  }
}

const isValues = (v: unknown): v is Value[] =>
  Array.isArray(v) && v.length > 0 && v.every((e) => typeof e === "object" && e !== null && "role" in e);

/** What a softmax or sigmoid at the end of the graph was given; without one, the output itself. */
export function logits(g: Graph, output: Value): Value {
  const node = g.nodes.findLast((n) => Object.values(n.outputs).includes(output.id));
  const squashes = node && (node.op === "softmax" || (node.op === "activation" && node.attrs.kind === "sigmoid"));
  return squashes ? g.values[node.inputs.x] : output;
}
