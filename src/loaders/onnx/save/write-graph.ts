/** From the operations of a network to ONNX's nodes. */
import { formatShape, ThawError } from "../../../errors";
import type { FoldAttrs } from "../../../kernels/batchNorm/channelAffine";
import type { Graph, Node, Value } from "../../../nn/graph";
import type { Container } from "../../../nn/model";
import { foldNormalizations } from "./fold-normalization";
import { GraphWriter } from "./graph-writer";
import { ownersOf } from "./names";
import { groupWriters, operationWriters } from "./operators/index";
import { batchNormalization, isBatchNormalization, writeFold } from "./operators/normalizations";
import type { Operands } from "./operators/writer";
import { channelsFirst, ordered, plain, type Order } from "./order";
import { recogniseGroups } from "./recognise";
import type { SavedGraph, SavedPort } from "./saved-graph";
import { liveNodes, traceModel } from "./trace";

export interface GraphOptions {
  /** How images go in and come out. */
  readonly layout: "NCHW" | "NHWC";
  readonly foldBatchNormalization: boolean;
  readonly preprocessing: boolean;
}

/** @throws for operations that ONNX cannot say, and for names that collide. */
export function writeGraph(model: Container, options: GraphOptions): SavedGraph {
  const { graph, inputs, outputs } = traceModel(model, options.preprocessing);
  const w = new GraphWriter(graph, graph.batchSize);
  let nodes = recogniseGroups(graph, liveNodes(graph, outputs), outputs);
  if (options.foldBatchNormalization) nodes = liveNodesOf(foldNormalizations(graph, nodes, outputs), outputs);
  const orderOf = (v: Value): Order =>
    options.layout === "NCHW" && v.shape.length === 4 ? channelsFirst(4) : plain(v.shape.length);

  reserveNames(w, model, nodes, inputs, outputs);
  for (const input of inputs) w.set(input, input.name, orderOf(input));
  writeNodes(w, nodes);
  w.layer = "";
  const outputNames = finish(w, model, outputs, orderOf);
  const port = (v: Value, name: string): SavedPort => {
    if (v.shape[0] !== w.batch || v.shape.slice(1).some((d) => d % w.batch === 0))
      throw new ThawError(
        name,
        `has the shape ${formatShape(v.shape).replaceAll(String(w.batch), "batch")}`,
        "the batch as the first dimension, and there alone",
      );
    return { name, dims: ordered(v.shape, orderOf(v)).map((d, i) => (i === 0 ? "batch" : d)) };
  };
  return {
    name: model.name,
    nodes: w.nodes,
    initializers: w.initializers.list,
    inputs: inputs.map((v) => port(v, v.name)),
    outputs: outputs.map((v, i) => port(v, outputNames[i])),
  };
}

/** Nodes that are still needed once normalizations went into weights. */
function liveNodesOf(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  return liveNodes({ nodes } as Graph, outputs);
}

/** Names that must not change: those of inputs and of weights that are written. */
function reserveNames(
  w: GraphWriter,
  model: Container,
  nodes: readonly Node[],
  inputs: readonly Value[],
  outputs: readonly Value[],
): void {
  for (const input of inputs) w.names.reserve(input.name, `the input ${JSON.stringify(input.name)}`);
  const owners = ownersOf(model);
  const read = new Set([...nodes.flatMap((n) => Object.values(n.inputs)), ...outputs.map((v) => v.id)]);
  for (const { id, name, parameter } of w.graph.values)
    if (parameter && read.has(id)) w.names.reserve(name, owners.get(parameter) ?? `the weight ${name}`);
}

const writers = { ...operationWriters, ...groupWriters };

function writeNodes(w: GraphWriter, nodes: readonly Node[]): void {
  const folds = new Map<number, Operands<FoldAttrs>>();
  const values = (ids: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, w.graph.values[id]]));
  /** Of a normalization whose factors something else reads. */
  const needed = ({ inputs }: Operands) => {
    for (const v of Object.values(inputs)) {
      const fold = folds.get(v.id);
      if (!fold) continue;
      writeFold(w, fold);
      for (const made of Object.values(fold.outputs)) folds.delete(made.id);
    }
  };
  for (const node of nodes) {
    w.layer = node.layer;
    const operands: Operands = { attrs: node.attrs, inputs: values(node.inputs), outputs: values(node.outputs) };
    if (node.op === "batchNormFold") {
      for (const v of Object.values(operands.outputs)) folds.set(v.id, operands);
      continue;
    }
    const fold = operands.inputs.scale && folds.get(operands.inputs.scale.id);
    if (node.op === "channelAffine" && fold && isBatchNormalization(fold, operands.inputs)) {
      batchNormalization(w, operands.inputs.x, fold, operands.outputs.y);
      continue;
    }
    needed(operands);
    const write = Object.hasOwn(writers, node.op) ? writers[node.op] : undefined;
    if (!write)
      throw new ThawError(
        node.layer,
        `computes ${node.op} of ${Object.values(operands.inputs)
          .map((v) => formatShape(v.shape).replace(String(w.batch), "batch"))
          .join(" and ")}`,
        "operations that ONNX has",
        "Save the model as .keras, or without this layer.",
      );
    write(w, operands);
  }
}

/** Brings outputs into their order and gives them the names of the layers that make them. */
function finish(w: GraphWriter, model: Container, outputs: readonly Value[], orderOf: (v: Value) => Order): string[] {
  const made = new Map(w.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const renamed = new Map<string, string>();
  const names = outputs.map((v, i) => {
    const { layer } = model.outputs[i];
    w.layer = layer.name;
    const name = w.as(v, orderOf(v));
    for (const n of w.nodes.slice(made.size)) for (const o of n.outputs) made.set(o, n);
    const wanted = w.names.take(layer.name);
    // An input or a weight keeps its name, and so does what is an output already.
    if (!made.has(name) || renamed.has(name)) {
      const copy = w.node("Identity", [name]);
      made.set(copy, w.nodes.at(-1)!);
      renamed.set(copy, wanted);
    } else renamed.set(name, wanted);
    return wanted;
  });
  const now = (name: string) => renamed.get(name) ?? name;
  for (const node of w.nodes) {
    node.inputs.forEach((name, i) => (node.inputs[i] = now(name)));
    node.outputs.forEach((name, i) => (node.outputs[i] = now(name)));
  }
  return names;
}
