/** Pass 2, requireGrad: which values have a trainable parameter upstream. */
import { findOperation } from "../../kernels/registry";
import type { Graph } from "../graph";

export function requireGrad(graph: Graph): Set<number> {
  const required = new Set<number>();
  for (const value of graph.values) if (value.parameter?.trainable) required.add(value.id);
  for (const node of graph.nodes) {
    const op = findOperation(node.op);
    const differentiable = (input: string) => (op.variadic ? "x" : input) in op.gradients;
    const needs = Object.entries(node.inputs).some(([input, id]) => required.has(id) && differentiable(input));
    if (needs) for (const id of Object.values(node.outputs)) required.add(id);
  }
  return required;
}
