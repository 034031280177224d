/** Every operator that Thaw reads from ONNX files, by name. */
import { ThawError } from "../../../errors";
import { isGraph, type OnnxGraph, type OnnxNode } from "../ir";
import { arrangements } from "./arrange";
import { convolutions } from "./convolution";
import { counting } from "./counting";
import { einsums } from "./einsum";
import { elementwise } from "./elementwise";
import { indexing } from "./indexing";
import { joining } from "./joining";
import { lossOperators } from "./losses";
import { normalizations } from "./normalize";
import type { Emit, Operators } from "./operator";
import { optimizerDomain, optimizerOperators } from "./optimizers";
import { pooling } from "./pooling";
import { products } from "./products";
import { reductions } from "./reduce";
import { resizing } from "./resize";

const operators: Operators = {
  ...counting,
  ...elementwise,
  ...arrangements,
  ...indexing,
  ...joining,
  ...products,
  ...convolutions,
  ...pooling,
  ...normalizations,
  ...reductions,
  ...resizing,
  ...einsums,
  ...lossOperators,
};

/** Operators that only constant folding knows, and If, which is decided before. */
const foldedOnly = new Set(["Constant", "ConstantOfShape", "Range", "ScatterND", "If"]);

export function emitterOf({ domain, op }: OnnxNode): Emit | undefined {
  const list = domain === "" ? operators : domain === optimizerDomain ? optimizerOperators : {};
  return Object.hasOwn(list, op) ? list[op] : undefined;
}

/** Names of all operators, in alphabetical order. */
export const knownOperators = (): string[] =>
  [...Object.keys(operators), ...foldedOnly].filter((op) => op !== "Linear").toSorted();

/** How often each operator that Thaw does not have occurs, inner graphs included. */
export function unknownOperators(graph: OnnxGraph): Map<string, number> {
  const counts = new Map<string, number>();
  const visit = (nodes: readonly OnnxNode[]): void => {
    for (const node of nodes) {
      const known = emitterOf(node) || (node.domain === "" && foldedOnly.has(node.op));
      const name = node.domain === "" ? node.op : `${node.domain}.${node.op}`;
      if (!known) counts.set(name, (counts.get(name) ?? 0) + 1);
      for (const value of node.attributes.values()) if (isGraph(value)) visit(value.nodes);
    }
  };
  visit(graph.nodes);
  return counts;
}

/** @throws with all operators that Thaw does not have. */
export function checkOperators(name: string, graph: OnnxGraph): void {
  const unknown = [...unknownOperators(graph)];
  if (unknown.length === 0) return;
  const list = unknown.map(([op, count]) => `${op} (${count})`).join(", ");
  throw new ThawError(name, `uses operators that Thaw does not have: ${list}`, `only ${knownOperators().join(", ")}`);
}
