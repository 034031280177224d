/**
 * Pass 3, differentiate: from the loss back. A gradient with respect to an input is made only where the input requires
 * one: dw where the parameter is trainable, dx where something trainable lies below. Nothing else ever exists.
 */
import { ThawError } from "../../errors";
import { findOperation } from "../../kernels/registry";
import type { Gradient, Operation } from "../../kernels/operation";
import type { Graph, Node, Value } from "../graph";
import type { Parameter } from "../parameter";

/** Gradient value of each trainable parameter that the loss depends on. */
export type ParameterGradients = ReadonlyMap<Parameter, Value>;

export function differentiate(graph: Graph, loss: Value, required: ReadonlySet<number>): ParameterGradients {
  const pending = new Map<number, Value[]>(); // value -> gradients that its readers have sent back
  const forward = [...graph.nodes];
  graph.phase = "backward";
  for (const node of forward.toReversed()) {
    const op = findOperation(node.op);
    const isLoss = op.loss === true && Object.values(node.outputs).includes(loss.id);
    const incoming = new Map<string, Value>();
    for (const [name, id] of Object.entries(node.outputs)) {
      const gradient = collect(graph, node.layer, pending.get(id));
      if (gradient) incoming.set(name, gradient);
    }
    if (incoming.size === 0 && !isLoss) continue;
    const emitted = new Map<string, Record<string, Value>>();
    for (const [input, id] of inputsWeightsFirst(graph, node)) {
      const rule = op.gradients[op.variadic ? "x" : input];
      if (!rule || !required.has(id)) continue;
      const kind = graph.values[id].role === "parameter" ? "dw" : "dx";
      const gradient = apply(graph, node, op, input, rule, incoming, emitted, kind);
      const list = pending.get(id);
      if (list) list.push(gradient);
      else pending.set(id, [gradient]);
    }
  }
  return parameterGradients(graph, pending);
}

/** Weights first: once dw has read the saved input, its memory is free for dx. */
function inputsWeightsFirst(graph: Graph, node: Node): [string, number][] {
  const isWeight = (id: number) => (graph.values[id].role === "parameter" ? 0 : 1);
  return Object.entries(node.inputs).toSorted((a, b) => isWeight(a[1]) - isWeight(b[1]));
}

/** The sum of what all readers of a value sent back. */
function collect(graph: Graph, layer: string, gradients: readonly Value[] | undefined): Value | undefined {
  if (!gradients || gradients.length === 0) return undefined;
  return gradients.reduce((a, b) => graph.emit("add", {}, { a, b }, { layer, gradient: "sum" }).y);
}

function apply(
  graph: Graph,
  node: Node,
  op: Operation,
  input: string,
  rule: Gradient,
  incoming: ReadonlyMap<string, Value>,
  emitted: Map<string, Record<string, Value>>,
  kind: "dx" | "dw",
): Value {
  const from = { ...rule.from, ...rule.alternative?.(node.attrs) };
  const shapes = graph.shapesOf(node);
  const attrs = rule.attrs ? rule.attrs(node.attrs, shapes, input) : node.attrs;
  // Two inputs whose gradients are outputs of one operation (gamma and beta) share it.
  const key = `${rule.op} ${JSON.stringify(from)} ${JSON.stringify(attrs)}`;
  let outputs = emitted.get(key);
  if (!outputs) {
    const sources = Object.fromEntries(Object.entries(from).map(([name, source]) => [name, resolve(source)]));
    const same = passesThrough(rule.op, attrs, sources, graph.values[node.inputs[input]]);
    if (same) return same;
    outputs = graph.emit(rule.op, attrs, sources, { layer: node.layer, gradient: kind });
    emitted.set(key, outputs);
  }
  return outputs[rule.output ?? findOperation(rule.op).outputs[0]];

  function resolve(source: string): Value | undefined {
    const own = node.inputs[source] ?? node.outputs[source];
    if (own !== undefined) return graph.values[own];
    if (source.startsWith("d") && source.slice(1) in node.outputs) return incoming.get(source.slice(1));
    for (const [other, otherRule] of Object.entries(op.gradients)) {
      const otherOp = findOperation(otherRule.op);
      if (!otherOp.outputs.includes(source) || Object.values(otherRule.from).includes(source)) continue;
      const made = [...emitted.values()].find((values) => values[source]);
      if (made) return made[source];
      apply(graph, node, op, other, otherRule, incoming, emitted, kind);
      return [...emitted.values()].find((values) => values[source])?.[source];
    }
    return undefined; // an optional input that this node does not have
  }
}

/** The gradient of a plain sum is the incoming gradient itself: no operation is needed. */
function passesThrough(
  op: string,
  attrs: object,
  sources: Readonly<Record<string, Value | undefined>>,
  input: Value,
): Value | undefined {
  if (op !== "reduceTo" || sources.other || !sources.x) return undefined;
  const { scale = 1 } = attrs as { scale?: number };
  const same = sources.x.shape.length === input.shape.length && sources.x.shape.every((d, i) => d === input.shape[i]);
  return same && scale === 1 ? sources.x : undefined;
}

function parameterGradients(graph: Graph, pending: ReadonlyMap<number, Value[]>): ParameterGradients {
  const result = new Map<Parameter, Value>();
  const taken = new Set<number>();
  for (const value of graph.values.filter((v) => v.role === "parameter" && v.parameter!.trainable)) {
    let gradient = collect(graph, value.layer, pending.get(value.id));
    if (!gradient) continue;
    // Each gradient has a place of its own among the gradients: one that is also something else is copied there.
    const producer = graph.nodes.findLast((n) => Object.values(n.outputs).includes(gradient!.id));
    if (taken.has(gradient.id) || !producer || producer.phase !== "backward" || findOperation(producer.op).alias) {
      gradient = graph.emit(
        "affine",
        { scale: 1, offset: 0 },
        { x: gradient },
        { layer: value.layer, gradient: "dw" },
      ).y!;
    }
    if (gradient.shape.join() !== value.shape.join()) {
      throw new ThawError(
        value.name,
        `its gradient has shape [${gradient.shape.join(", ")}]`,
        `[${value.shape.join(", ")}]`,
        "This is a fault of Thaw.",
      );
    }
    taken.add(gradient.id);
    result.set(value.parameter!, gradient);
  }
  return result;
}
