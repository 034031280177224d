/** A layer that is one operation of the engine, made of an example in its contract: what exports of any layer come down to. */
import { elements, exampleStep, type Case, type Operation, type Shape } from "../../src/kernels/operation";
import { Graph, type Value } from "../../src/nn/graph";
import { Layer, type SampleShape } from "../../src/nn/layer";
import { FunctionalModel, input } from "../../src/nn/model";
import { drawInputs } from "./contract";
import { references } from "./references";

export interface OperationExample {
  readonly model: FunctionalModel;
  readonly inputs: readonly { readonly name: string; readonly shape: Shape; readonly data: Float32Array }[];
  readonly expected: Float32Array;
  readonly shape: Shape;
}

/** Attributes that say the batch as a number say the graph's own. */
function withBatch(op: string, attrs: Record<string, unknown>, from: number, to: number): object {
  if (!/^(expand|reshape|slice|stridedSlice)$/.test(op)) return attrs;
  const swap = (key: string) => {
    const list = attrs[key];
    return Array.isArray(list) && list[0] === from ? { [key]: [to, ...(list as unknown[]).slice(1)] } : {};
  };
  return { ...attrs, ...swap("size"), ...swap("shape") };
}

class OperationLayer extends Layer {
  readonly className = "OperationLayer";

  constructor(
    readonly op: Operation,
    readonly example: Case<any>,
    readonly fromSamples: readonly string[],
    readonly numbers: Readonly<Record<string, Float32Array>>,
  ) {
    super({ name: op.name });
  }

  protected override build(_: readonly SampleShape[]): void {
    for (const [name, shape] of Object.entries(this.example.inputs)) {
      if (!shape || this.fromSamples.includes(name) || this.op.integers?.includes(name)) continue;
      this.addWeight(name, shape, { kind: "zeros" }).value = this.numbers[name];
    }
  }

  call(g: Graph, inputs: readonly Value[]): Value[] {
    const batch = this.example.inputs[this.fromSamples[0]]![0];
    const attrs = withBatch(this.op.name, this.example.attrs as Record<string, unknown>, batch, g.batchSize);
    const values = Object.fromEntries(
      Object.entries(this.example.inputs).flatMap(([name, shape]) => {
        if (!shape) return [];
        const at = this.fromSamples.indexOf(name);
        const own = this.parameters.find((p) => p.name === name);
        const value = at >= 0 ? inputs[at] : own ? g.parameter(own) : g.constant(name, shape, this.numbers[name]);
        return [[name, value] as const];
      }),
    );
    return [g.apply(this.op.name, attrs, values)];
  }

  config(): Record<string, unknown> {
    return {};
  }
}

/** Inputs that a network would compute from samples: those with the batch in front. */
function samplesOf(op: Operation, example: Case<unknown>): string[] {
  const shapes = Object.entries(example.inputs).filter((e): e is [string, Shape] => e[1] !== undefined);
  const [first] = shapes;
  if (!first || first[1].length < 2) return [];
  const weights = /^(add|multiply|arithmetic|where|gatherElements)$/.test(op.name)
    ? /^$/
    : /^(w|b|scale|shift|gamma|beta|mean|variance|indices)$/;
  const isSample = ([name, shape]: [string, Shape]) =>
    shape.length >= 2 && shape[0] === first[1][0] && !weights.test(name);
  return shapes.filter((e) => e === first || isSample(e)).map(([name]) => name);
}

/** The example as a model of one layer, with what the reference computes; undefined where it mixes samples or only fusion makes it. */
export function operationExample(op: Operation, example: Case<any>): OperationExample | undefined {
  const { attrs, inputs: shapes } = example;
  if (example.fused || example.large || attrs.activation || attrs.half || shapes.residual) return undefined;
  if (shapes.scale && op.epilogue) return undefined;
  const names = samplesOf(op, example);
  if (names.length === 0) return undefined;
  const numbers = drawInputs(op, example, 7) as unknown as Record<string, Float32Array>;
  try {
    const layer = new OperationLayer(op, example, names, numbers);
    const symbolic = names.map((name) => input(shapes[name]!.slice(1), { name }));
    const y = layer.apply(symbolic);
    const all = { ...shapes, ...op.shapes(attrs, shapes) } as Record<string, Shape>;
    const shape = all[op.outputs[0]];
    if (shape[0] !== shapes[names[0]]![0] || y.shape.join() !== shape.slice(1).join()) return undefined;
    const wide = Object.fromEntries(Object.entries(numbers).map(([k, v]) => [k, Float64Array.from(v)]));
    const result = references.get(op.name)!.run(attrs, wide, all, exampleStep);
    const expected = Float32Array.from(result[op.outputs[0]]);
    if (expected.length !== elements(shape)) return undefined;
    const g = new Graph(13);
    const [traced] = layer.call(
      g,
      symbolic.map((t) => g.input("x", [13, ...t.shape])),
    );
    if (traced.shape[0] !== 13) return undefined; // a batch of 1 that was summed over
    const model = new FunctionalModel({ inputs: symbolic, outputs: y, name: "example" });
    return {
      model,
      inputs: names.map((name) => ({ name, shape: shapes[name]!, data: numbers[name] })),
      expected,
      shape,
    };
  } catch {
    return undefined; // sizes of the batch in other places than the first
  }
}
