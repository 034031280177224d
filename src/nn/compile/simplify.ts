/**
 * Pass 4, simplify: fewer, larger dispatches that compute the same. It runs after differentiation, so a value that a
 * surviving gradient reads has a reader there and is left alone: one rule ("only one reader") makes every merge legal.
 */
import { gradientReadsOutput, type Activation } from "../../kernels/activation/activation";
import { withGradient } from "../../kernels/losses/losses";
import { findOperation } from "../../kernels/registry";
import type { Graph, Node } from "../graph";
import { Uses } from "./uses";

/** What the pass gained, for the plan's reader. */
export interface Simplified {
  readonly merged: number;
  readonly hoisted: number;
  readonly removed: number;
}

/** Activations that kernels with an epilogue can apply. */
const epilogueActivations = new Set(["relu", "sigmoid", "tanh", "silu", "hardSigmoid", "hardSilu"]);

export function simplify(graph: Graph, kept: ReadonlySet<number>): Simplified {
  const removed = removeDead(graph, kept);
  let merged = 0;
  for (const rule of [mergeEpilogue, mergeActivation, mergeGradientScale, mergeLoss]) {
    for (let again = true; again;) {
      const uses = new Uses(graph, kept);
      const pair = findMap(graph.nodes, (node) => rule(graph, node, uses));
      again = pair !== undefined;
      if (pair) merged++;
    }
  }
  return { merged, removed, hoisted: hoist(graph) };
}

function findMap<T, R>(items: readonly T[], f: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const result = f(item);
    if (result !== undefined) return result;
  }
  return undefined;
}

/** Drops nodes whose results nobody reads. */
function removeDead(graph: Graph, kept: ReadonlySet<number>): number {
  const needed = new Set(kept);
  const alive: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    const updates = (findOperation(node.op).updates?.length ?? 0) > 0;
    if (!updates && !Object.values(node.outputs).some((id) => needed.has(id))) continue;
    alive.push(node);
    for (const id of Object.values(node.inputs)) needed.add(id);
  }
  const removed = graph.nodes.length - alive.length;
  graph.nodes = alive.toReversed();
  return removed;
}

const activationOf = (node: Node) => node.attrs.activation as Activation | undefined;
const firstOutput = (node: Node) => findOperation(node.op).outputs[0];

/**
 * conv/matmul -> channel affine | add | activation: the second becomes the first's epilogue
 * y = act(z * scale + b + residual). The merged node takes the reader's place in the order, where all inputs exist.
 */
function mergeEpilogue(graph: Graph, node: Node, uses: Uses): true | undefined {
  if (!findOperation(node.op).epilogue || activationOf(node)) return undefined;
  const output = node.outputs[firstOutput(node)];
  const use = uses.only(output);
  if (!use || use.node.phase !== node.phase) return undefined;
  const reader = use.node;
  if (reader.op === "channelAffine" && use.input === "x") {
    if (node.inputs.scale !== undefined || node.inputs.residual !== undefined || !accepts(node, "scale"))
      return undefined;
    node.inputs = { ...node.inputs, scale: reader.inputs.scale, ...bias(graph, node, reader) };
    node.merged.push("batch normalization");
    if (activationOf(reader)) node.attrs = { ...node.attrs, activation: activationOf(reader) };
  } else if (reader.op === "add" && mergesResidual(graph, node, use, uses)) {
    const other = use.input === "a" ? reader.inputs.b : reader.inputs.a;
    node.inputs = { ...node.inputs, residual: other };
    node.merged.push(node.phase === "backward" ? "sum of gradients" : "add");
    if (activationOf(reader)) node.attrs = { ...node.attrs, activation: activationOf(reader) };
  } else if (reader.op === "activation" && epilogueActivations.has(reader.attrs.kind as string) && accepts(node, "b")) {
    node.attrs = { ...node.attrs, activation: reader.attrs };
    node.merged.push(reader.attrs.kind as string);
  } else {
    return undefined;
  }
  replace(graph, node, firstOutput(node), reader);
  return true;
}

const accepts = (node: Node, input: string) => findOperation(node.op).inputs.includes(`${input}?`);

/** The bias of the merged node: the shift, plus the convolution's own bias scaled along. */
function bias(graph: Graph, node: Node, affine: Node): { b?: number } {
  const { shift, scale } = affine.inputs;
  if (node.inputs.b === undefined) return shift === undefined ? {} : { b: shift };
  const own = graph.values[node.inputs.b];
  const at = graph.nodes.indexOf(affine);
  const inputs = { x: own, scale: graph.values[scale], shift: shift === undefined ? undefined : graph.values[shift] };
  const scaled = graph.emit("channelAffine", {}, inputs, { layer: node.layer, phase: node.phase }).y;
  // emit() appends; the small vector has to be there before the merged node runs.
  graph.nodes.splice(at, 0, graph.nodes.pop()!);
  return { b: scaled.id };
}

function mergesResidual(graph: Graph, node: Node, use: { node: Node; input: string }, uses: Uses): boolean {
  const { a, b } = use.node.inputs;
  const { scaleA = 1, scaleB = 1 } = use.node.attrs as { scaleA?: number; scaleB?: number };
  if (!accepts(node, "residual") || node.inputs.residual !== undefined || scaleA !== 1 || scaleB !== 1 || a === b)
    return false;
  if (graph.values[a].shape.join() !== graph.values[b].shape.join()) return false;
  // Of two candidates the later one takes the sum: the earlier one's result exists by then without being kept longer.
  const other = uses.producer(use.input === "a" ? b : a);
  return !other || graph.nodes.indexOf(other) < graph.nodes.indexOf(node);
}

/** normalisation | affine | add -> activation, where the gradient can be taken from the output. */
function mergeActivation(graph: Graph, node: Node, uses: Uses): true | undefined {
  if (!["batchNormTraining", "channelAffine", "add"].includes(node.op) || activationOf(node) || node.phase === "setup")
    return undefined;
  const output = node.outputs.y;
  const use = uses.only(output);
  if (!use || use.node.op !== "activation" || use.node.phase !== node.phase) return undefined;
  const activation = use.node.attrs as unknown as Activation;
  if (!epilogueActivations.has(activation.kind)) return undefined;
  if (node.op === "batchNormTraining" && !mergeIntoReductions(graph, node, use.node, activation, uses))
    return undefined;
  node.attrs = { ...node.attrs, activation };
  node.merged.push(activation.kind);
  replace(graph, node, "y", use.node);
  return true;
}

/** The gradient of the activation above a batch normalization moves into the two programs of its backward pass. */
function mergeIntoReductions(graph: Graph, norm: Node, activation: Node, a: Activation, uses: Uses): boolean {
  const reductions = uses
    .of(norm.outputs.statistics)
    .filter((u) => u.node.op === "batchNormReduce" || u.node.op === "batchNormInputGradient");
  if (reductions.length === 0) return true; // nothing below is trained, and neither is this layer
  if (a.kind !== "relu" || !gradientReadsOutput(a)) return false;
  const gradientId = reductions[0].node.inputs.dy;
  const gradient = uses.producer(gradientId);
  if (gradient?.op !== "activationGradient" || gradient.inputs.saved !== activation.outputs.y) return false;
  if (uses.of(gradientId).some((u) => !reductions.some((r) => r.node === u.node)) || uses.kept.has(gradientId))
    return false;
  // They compute what went into the activation anew from x, which they read anyway: that costs less than reading y.
  const { gamma, beta } = norm.inputs;
  for (const node of new Set(reductions.map((r) => r.node))) {
    node.inputs = {
      ...node.inputs,
      dy: gradient.inputs.dy,
      ...(gamma !== undefined && { gamma }),
      ...(beta !== undefined && { beta }),
    };
    node.attrs = { ...node.attrs, activation: a };
    node.merged.push(`${a.kind} gradient`);
  }
  graph.nodes = graph.nodes.filter((n) => n !== gradient);
  return true;
}

/** activation gradient -> channel scale (of a frozen batch normalization): one pass instead of two. */
function mergeGradientScale(graph: Graph, node: Node, uses: Uses): true | undefined {
  if (node.op !== "activationGradient" || node.inputs.scale !== undefined) return undefined;
  const use = uses.only(node.outputs.dx);
  if (!use || use.node.op !== "channelScale" || use.input !== "x") return undefined;
  node.inputs = { ...node.inputs, scale: use.node.inputs.scale };
  node.merged.push("batch normalization");
  replace(graph, node, "dx", use.node);
  return true;
}

/** A loss and its gradient read the same predictions and labels: one pass instead of two, at the start of the backward pass. */
function mergeLoss(graph: Graph, node: Node, uses: Uses): true | undefined {
  if (!findOperation(node.op).loss) return undefined;
  const { x, labels } = node.inputs;
  const gradient = uses.of(x).find((u) => u.node.op === `${node.op}Gradient` && u.node.inputs.labels === labels)?.node;
  if (!gradient || uses.of(node.outputs.loss).some((u) => u.node.phase !== "update")) return undefined;
  gradient.op = withGradient(node.op);
  gradient.outputs = { ...gradient.outputs, loss: node.outputs.loss };
  gradient.merged.push("loss");
  graph.nodes = graph.nodes.filter((n) => n !== node);
  return true;
}

/** `node` computes what `reader` did: it takes its output and its place in the order. */
function replace(graph: Graph, node: Node, output: string, reader: Node): void {
  node.outputs = { ...node.outputs, [output]: reader.outputs[firstOutput(reader)] };
  graph.nodes = graph.nodes.filter((n) => n !== node).map((n) => (n === reader ? node : n));
}

/** What depends on frozen values alone is computed once, when weights change, instead of every step. */
function hoist(graph: Graph): number {
  const fixed = new Set<number>();
  const updated = new Set(
    graph.nodes.flatMap((n) =>
      (findOperation(n.op).updates ?? []).map((name) => n.inputs[name]).filter((id) => id !== undefined),
    ),
  );
  for (const v of graph.values) {
    if (
      v.role === "constant" ||
      (v.role === "state" && !updated.has(v.id)) ||
      (v.role === "parameter" && !v.parameter!.trainable)
    )
      fixed.add(v.id);
  }
  let hoisted = 0;
  for (const node of graph.nodes) {
    if (node.phase !== "forward" || findOperation(node.op).updates) continue;
    if (!Object.values(node.inputs).every((id) => fixed.has(id))) continue;
    node.phase = "setup";
    hoisted++;
    for (const id of Object.values(node.outputs)) fixed.add(id);
  }
  return hoisted;
}
