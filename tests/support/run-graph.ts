/**
 * A graph computed node by node on the GPU, forward and backward: nothing of compile is used, so the layers and the
 * gradient tables can be checked without it, and it without them.
 */
import type { Gpu } from "../../src/gpu/device";
import { chooseVariant, type Operation, type Shape } from "../../src/kernels/operation";
import { findOperation } from "../../src/kernels/registry";
import type { Graph, Node, Value } from "../../src/nn/graph";
import { adapterTraits } from "../../src/nn/adapter-traits";
import { runOperation } from "./run-operation";

type Data = Map<number, Float32Array>;

async function run(
  gpu: Gpu,
  op: Operation,
  attrs: object,
  inputs: Record<string, Float32Array>,
  shapes: Record<string, Shape>,
) {
  const all = { ...shapes, ...op.shapes(attrs, shapes) };
  if (op.alias) return { [op.outputs[0]]: inputs[op.inputs[0].replace("?", "")] };
  return runOperation(gpu, op, chooseVariant(op, attrs, all, adapterTraits(gpu)), attrs, inputs, shapes);
}

/** Computes every node; `data` holds inputs beforehand and everything afterwards, updated statistics included. */
export async function runForward(gpu: Gpu, graph: Graph, data: Data): Promise<void> {
  for (const value of graph.values) {
    if (value.parameter) data.set(value.id, value.parameter.value);
    else if (value.data) data.set(value.id, value.data);
  }
  for (const node of graph.nodes) {
    const op = findOperation(node.op);
    const inputs = Object.fromEntries(Object.entries(node.inputs).map(([name, id]) => [name, data.get(id)!]));
    const shapes = Object.fromEntries(Object.keys(inputs).map((name) => [name, graph.shapesOf(node)[name]]));
    const results = await run(gpu, op, node.attrs, inputs, shapes);
    for (const [name, id] of Object.entries(node.outputs)) data.set(id, results[name]);
    for (const name of op.updates ?? [])
      if (node.inputs[name] !== undefined) data.set(node.inputs[name], results[name]);
  }
}

/** Gradients of sum(output * dOutput) with respect to every value that has one. */
export async function runBackward(
  gpu: Gpu,
  graph: Graph,
  data: Data,
  output: Value,
  dOutput: Float32Array,
): Promise<Data> {
  const gradients: Data = new Map([[output.id, dOutput]]);
  for (const node of graph.nodes.toReversed()) {
    const op = findOperation(node.op);
    if (!Object.values(node.outputs).some((id) => gradients.has(id))) continue;
    const table = new GradientTable(gpu, graph, node, data, gradients);
    const wanted = Object.entries(node.inputs).filter(([name]) => (op.variadic ? "x" : name) in op.gradients);
    const sent = await Promise.all(wanted.map(async ([name, id]) => [id, await table.gradient(name)] as const));
    for (const [id, gradient] of sent) {
      const before = gradients.get(id);
      gradients.set(id, before ? before.map((v, i) => v + gradient[i]) : gradient);
    }
  }
  return gradients;
}

/** The gradient table of one node, followed. */
class GradientTable {
  readonly #done = new Map<string, Promise<Record<string, Float32Array>>>();
  readonly #op: Operation;

  constructor(
    readonly gpu: Gpu,
    readonly graph: Graph,
    readonly node: Node,
    readonly data: Data,
    readonly gradients: Data,
  ) {
    this.#op = findOperation(node.op);
  }

  async gradient(input: string): Promise<Float32Array> {
    const rule = this.#op.gradients[this.#op.variadic ? "x" : input];
    const outputs = await this.#outputs(input);
    return outputs[rule.output ?? findOperation(rule.op).outputs[0]];
  }

  /** All results of the operation behind the rule of an input; two rules that share it share the run. */
  #outputs(input: string): Promise<Record<string, Float32Array>> {
    const rule = this.#op.gradients[this.#op.variadic ? "x" : input];
    const from = { ...rule.from, ...rule.alternative?.(this.node.attrs) };
    const shapes = this.graph.shapesOf(this.node);
    const attrs = rule.attrs ? rule.attrs(this.node.attrs, shapes, input) : this.node.attrs;
    const key = `${rule.op} ${JSON.stringify(from)} ${JSON.stringify(attrs)}`;
    let promise = this.#done.get(key);
    if (!promise) {
      promise = this.#compute(findOperation(rule.op), attrs, from);
      this.#done.set(key, promise);
    }
    return promise;
  }

  async #compute(
    op: Operation,
    attrs: object,
    from: Readonly<Record<string, string>>,
  ): Promise<Record<string, Float32Array>> {
    const inputs: Record<string, Float32Array> = {};
    const shapes: Record<string, Shape> = {};
    for (const [name, source] of Object.entries(from)) {
      const found = await this.#source(source);
      if (found) [inputs[name], shapes[name]] = [found.data, found.shape];
    }
    return run(this.gpu, op, attrs, inputs, shapes);
  }

  /** A name on the right of a rule: a value of the node, the incoming gradient of an output, or another rule's result. */
  async #source(name: string): Promise<{ data: Float32Array; shape: Shape } | undefined> {
    const { node, graph } = this;
    const own = node.inputs[name] ?? node.outputs[name];
    if (own !== undefined) return { data: this.data.get(own)!, shape: graph.values[own].shape };
    const output = name.startsWith("d") ? node.outputs[name.slice(1)] : undefined;
    if (output !== undefined) {
      const gradient = this.gradients.get(output);
      return gradient && { data: gradient, shape: graph.values[output].shape };
    }
    for (const [input, rule] of Object.entries(this.#op.gradients)) {
      const made = findOperation(rule.op).outputs.includes(name) && !Object.values(rule.from).includes(name);
      if (!made) continue;
      const data = (await this.#outputs(input))[name];
      return { data, shape: [data.length] };
    }
    return undefined; // an optional input that this node does not have
  }
}
