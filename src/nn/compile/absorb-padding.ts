/**
 * Before differentiation: a ZeroPadding2D that only a convolution reads becomes part of that convolution's own padding.
 * (MobileNet and ResNet pad this way before strided convolutions.) It saves a copy forwards and a crop backwards.
 */
import type { Graph } from "../graph";
import { Uses } from "./uses";

const absorbing = new Set(["conv2d", "depthwiseConv2d"]);

/** Returns how many paddings it absorbed. */
export function absorbPadding(graph: Graph, kept: ReadonlySet<number>): number {
  const uses = new Uses(graph, kept);
  const absorbed = new Set(
    graph.nodes.filter((node) => {
      if (node.op !== "pad") return false;
      const { before, after } = node.attrs as { before: readonly number[]; after: readonly number[] };
      if (before.length !== 4 || before[0] || before[3] || after[0] || after[3]) return false;
      const use = uses.only(node.outputs.y);
      if (!use || !absorbing.has(use.node.op) || use.input !== "x") return false;
      const pads = use.node.attrs.pads as readonly number[];
      use.node.attrs = {
        ...use.node.attrs,
        pads: [pads[0] + before[1], pads[1] + after[1], pads[2] + before[2], pads[3] + after[2]],
      };
      use.node.inputs = { ...use.node.inputs, x: node.inputs.x };
      use.node.merged.push("zero padding");
      return true;
    }),
  );
  graph.nodes = graph.nodes.filter((n) => !absorbed.has(n));
  return absorbed.size;
}
