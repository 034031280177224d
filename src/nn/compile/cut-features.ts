/**
 * The feature cache: what depends on the samples and on nothing that training changes is the same in every epoch, so it can
 * be computed once for the data set. This pass finds how far up that reaches (the cut) and splits the graph there.
 *
 * A node lies below the cut when all it reads does and it is the same each time: frozen weights, constants, no random
 * numbers, no statistics of the batch. The cut is as deep as it can be, so every such node is saved; what is kept are the
 * values that a node above the cut reads, several where skip connections cross it. (Values of frozen weights alone, such as
 * folded normalizations, do not depend on samples: they stay in both halves, where the phase `setup` computes them.)
 */
import { arrayWords } from "../../kernels/gather/format";
import { elements } from "../../kernels/operation";
import { findOperation } from "../../kernels/registry";
import type { Graph, Node, Value } from "../graph";
import type { Parameter } from "../parameter";

/** How cached features lie in memory: "float16" takes half the bytes and loses digits. */
export type FeatureFormat = "float32" | "float16";

/** Which half of a plan is wanted, or why the plan is whole. Without a cut "above" is the whole plan, with the reason. */
export type FeatureRequest =
  | { readonly part: "below" | "above"; readonly format: FeatureFormat; readonly count: number }
  | { readonly part: "none"; readonly reason: string };

/** Where features can be cut off. */
export interface FeatureCut {
  /** What the nodes above read, in the order of computation. */
  readonly values: readonly Value[];
  /** Nodes that need not run any more. */
  readonly below: ReadonlySet<Node>;
  /** Nodes that compute from frozen weights alone; both halves may need them. */
  readonly fixed: ReadonlySet<Node>;
  /** Frozen weights and statistics that the features are computed from. */
  readonly parameters: readonly Parameter[];
  /** What keeps the cut from lying higher, e.g. "head is trainable". */
  readonly limit: string;
}

/** @returns the cut, or why there is none. */
export function findCut(graph: Graph, samples: Value): FeatureCut | { readonly reason: string } {
  const fixedValues = new Set(graph.values.filter(isFixed).map((v) => v.id));
  /** Values of weights that are trained, whatever else goes into them but samples. */
  const trained = new Set(graph.values.filter((v) => v.parameter && !isFixed(v)).map((v) => v.id));
  const features = new Set([samples.id]);
  const below = new Set<Node>();
  const fixed = new Set<Node>();
  let limit: string | undefined;
  for (const node of graph.nodes) {
    if (node.phase !== "forward") continue;
    const inputs = Object.values(node.inputs);
    const outputs = Object.values(node.outputs);
    if (isSame(node) && inputs.every((id) => fixedValues.has(id))) {
      fixed.add(node);
      for (const id of outputs) fixedValues.add(id);
    } else if (
      isSame(node) &&
      inputs.every((id) => fixedValues.has(id) || features.has(id)) &&
      outputs.every((id) => graph.values[id].shape[0] === graph.batchSize)
    ) {
      below.add(node);
      for (const id of outputs) features.add(id);
    } else if (inputs.some((id) => features.has(id))) {
      limit ??= limitAt(graph, node, trained);
    } else if (inputs.every((id) => fixedValues.has(id) || trained.has(id))) {
      for (const id of outputs) trained.add(id);
    }
  }
  if (limit === undefined) return { reason: "nothing is trained" };
  const parameters = parametersOf(graph, [...below, ...fixed], below);
  if (parameters.length === 0) return { reason: `${limit}, and nothing frozen lies below it` };
  const read = new Set(graph.nodes.filter((n) => !below.has(n)).flatMap((n) => Object.values(n.inputs)));
  const values = graph.values.filter((v) => read.has(v.id) && features.has(v.id) && v !== samples);
  if (values.length === 0) return { reason: `${limit}, and it reads the samples themselves` };
  return { values, below, fixed, parameters, limit };
}

const isFixed = ({ role, parameter }: Value): boolean =>
  role === "constant" || (parameter !== undefined && !parameter.layerIsTrainable());

/** Whether a node computes the same from the same inputs each time, and changes nothing. */
function isSame(node: Node): boolean {
  const op = findOperation(node.op);
  return !op.random && !op.updates?.length && !op.loss;
}

/** Why a node that reads features is not below the cut; undefined where it only follows others that are not. */
function limitAt(graph: Graph, node: Node, trained: ReadonlySet<number>): string | undefined {
  const op = findOperation(node.op);
  if (op.random) return `${node.layer} is random`;
  if (Object.values(node.inputs).some((id) => trained.has(id)) || op.updates?.length)
    return `${node.layer} is trainable`;
  const mixes = Object.values(node.outputs).some((id) => graph.values[id].shape[0] !== graph.batchSize);
  return mixes && !op.loss ? `${node.layer} mixes the samples of a batch` : undefined;
}

/** Weights and statistics that the nodes of a set are computed from, directly or through folded vectors. */
function parametersOf(graph: Graph, nodes: readonly Node[], wanted: ReadonlySet<Node>): Parameter[] {
  const read = new Set([...wanted].flatMap((n) => Object.values(n.inputs)));
  for (const node of nodes.toReversed())
    if (Object.values(node.outputs).some((id) => read.has(id)))
      for (const id of Object.values(node.inputs)) read.add(id);
  return graph.values.flatMap((v) => (read.has(v.id) && v.parameter ? [v.parameter] : []));
}

/** 4-byte words of a value's array over a data set of `count` samples. */
export const featureWords = (value: Value, format: FeatureFormat, count: number): number =>
  arrayWords(format, count, elements(value.shape.slice(1)));

/** Name of the buffer of a cut's value. */
export const featureResource = (index: number): string => `features:${index}`;

/** Leaves what lies below the cut, and stores each of its values into an array over the data set. */
export function keepBelow(graph: Graph, cut: FeatureCut, format: FeatureFormat, count: number): void {
  graph.nodes = graph.nodes.filter((n) => cut.below.has(n) || cut.fixed.has(n));
  graph.phase = "forward";
  cut.values.forEach((x, i) => {
    graph.emit("store", { format }, { x, data: array(graph, x, i, format, count) }, { layer: x.layer });
  });
}

/** Leaves what lies above the cut; its values are gathered from the arrays in the order of the step. */
export function keepAbove(graph: Graph, cut: FeatureCut, format: FeatureFormat, count: number): void {
  const index = graph.value({ name: "index", shape: [count], role: "resource", resource: "index" });
  const above = graph.nodes.filter((n) => !cut.below.has(n));
  graph.nodes = [];
  cut.values.forEach((value, i) => {
    const inputs = { data: array(graph, value, i, format, count), index };
    graph.emit("gather", { shape: value.shape, format }, inputs, { layer: value.layer, phase: "feed" });
    // Its readers know the value by its number: the gather takes the place of what computed it.
    graph.nodes.at(-1)!.outputs = { y: value.id };
  });
  graph.nodes.push(...above);
}

function array(graph: Graph, value: Value, index: number, format: FeatureFormat, count: number): Value {
  const name = featureResource(index);
  return graph.value({ name, shape: [featureWords(value, format, count)], role: "resource", resource: name });
}
