/** Kernels for nodes: which variant runs, as which dispatches, with which temporary memory. */
import type { Cost, Dispatch } from "../../kernels/kernel";
import { choose, type AdapterTraits } from "../../kernels/operation";
import { findOperation } from "../../kernels/registry";
import type { Graph, Node } from "../graph";

export interface LoweredNode {
  readonly node: Node;
  readonly variant: string;
  /** The variant that `select` names, where a tuned answer took its place. */
  readonly instead?: string;
  readonly dispatches: readonly LoweredDispatch[];
  /** Temporary values: name -> 4-byte elements. */
  readonly scratch: Readonly<Record<string, number>>;
}

export interface LoweredDispatch {
  readonly dispatch: Dispatch;
  /** Elements behind each storage binding. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly cost: Cost;
}

export function lower(graph: Graph, adapter: AdapterTraits): LoweredNode[] {
  return graph.nodes.map((node) => {
    const op = findOperation(node.op);
    if (op.alias) return { node, variant: "alias", dispatches: [], scratch: {} };
    const shapes = graph.shapesOf(node);
    const choice = choose(op, node.attrs, shapes, adapter);
    const { dispatches, scratch = {} } = op.variants[choice.variant](node.attrs, shapes, adapter);
    return {
      node,
      ...choice,
      scratch,
      dispatches: dispatches.map((dispatch) => ({
        dispatch,
        sizes: dispatch.kernel.sizes(dispatch.problem as never),
        cost: dispatch.kernel.cost(dispatch.problem as never),
      })),
    };
  });
}
