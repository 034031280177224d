/**
 * Groups of operations that ONNX has one operator for, and Thaw's layers write out so that each part has a gradient: maximum and minimum
 * of two tensors, and the rectifier with a slope a channel.
 */
import type { AddAttrs } from "../../../kernels/elementwise/binary";
import type { Activation } from "../../../kernels/activation/activation";
import type { Graph, Node, Value } from "../../../nn/graph";

class Uses {
  readonly #makers: ReadonlyMap<number, Node>;
  readonly #counts = new Map<number, number>();

  constructor(nodes: readonly Node[], outputs: readonly Value[]) {
    this.#makers = new Map(nodes.flatMap((n) => Object.values(n.outputs).map((id) => [id, n] as const)));
    const read = [...nodes.flatMap((n) => Object.values(n.inputs)), ...outputs.map((v) => v.id)];
    for (const id of read) this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
  }

  /** The operation of this kind that makes a value for one reader alone. */
  only(id: number | undefined, op: string): Node | undefined {
    const node = id === undefined || this.#counts.get(id) !== 1 ? undefined : this.#makers.get(id);
    return node?.op === op ? node : undefined;
  }
}

/** A relu without bounds, slopes or thresholds. */
const isRelu = (node: Node | undefined): node is Node => {
  const { kind, slope, maxValue, threshold } = (node?.attrs ?? {}) as Partial<Activation>;
  return kind === "relu" && !slope && maxValue === undefined && !threshold;
};

const scales = (node: Node): [number, number] => {
  const { scaleA = 1, scaleB = 1 } = node.attrs as AddAttrs;
  return [scaleA, scaleB];
};

type Match = { readonly gone: readonly Node[]; readonly instead: Pick<Node, "op" | "attrs" | "inputs"> };

/** max(a, b) = a + relu(b - a), min(a, b) = a - relu(a - b). */
function extreme(last: Node, uses: Uses): Match | undefined {
  const [one, sign] = scales(last);
  const excess = uses.only(last.inputs.b, "activation");
  const difference = isRelu(excess) ? uses.only(excess.inputs.x, "add") : undefined;
  if (one !== 1 || Math.abs(sign) !== 1 || !excess || !difference || difference.inputs.a !== last.inputs.a)
    return undefined;
  const [scaleA, scaleB] = scales(difference);
  if (scaleA !== -sign || scaleB !== sign) return undefined;
  const { a, b } = difference.inputs;
  return {
    gone: [difference, excess],
    instead: { op: "arithmetic", attrs: { kind: sign > 0 ? "max" : "min" }, inputs: { a, b } },
  };
}

/** relu(x) - slopes * relu(-x). */
function prelu(last: Node, uses: Uses): Match | undefined {
  const [one, minus] = scales(last);
  const above = uses.only(last.inputs.a, "activation");
  const product = uses.only(last.inputs.b, "multiply");
  const below = uses.only(product?.inputs.a, "activation");
  const negative = isRelu(below) ? uses.only(below.inputs.x, "affine") : undefined;
  if (one !== 1 || minus !== -1 || !isRelu(above) || !product || !below || !negative) return undefined;
  const { scale, offset } = negative.attrs;
  const x = above.inputs.x;
  if (scale !== -1 || offset !== 0 || negative.inputs.x !== x) return undefined;
  return {
    gone: [above, product, below, negative],
    instead: { op: "prelu", attrs: {}, inputs: { x, slope: product.inputs.b } },
  };
}

/** The nodes with such groups as one: "prelu" is no operation of the engine, and has a writer all the same. */
export function recogniseGroups(graph: Graph, nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const uses = new Uses(nodes, outputs);
  const gone = new Set<Node>();
  for (const node of nodes) {
    if (node.op !== "add") continue;
    const match = extreme(node, uses) ?? prelu(node, uses);
    // An operand that is broadcast in the group is broadcast by the operator too, but PRelu's x never is.
    if (!match || (match.instead.op === "prelu" && !sameShape(graph, match.instead.inputs.x, node.outputs.y))) continue;
    for (const part of match.gone) gone.add(part);
    Object.assign(node, match.instead);
  }
  return nodes.filter((n) => !gone.has(n));
}

const sameShape = (graph: Graph, a: number, b: number): boolean =>
  graph.values[a].shape.join() === graph.values[b].shape.join();
