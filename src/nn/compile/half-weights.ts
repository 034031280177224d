/**
 * Frozen weights in f16, where it was asked for: a copy that the setup makes when weights change, read by products and
 * convolutions forward and by their gradients with respect to the input. The parameters themselves stay as they are, in f32.
 * It runs after `simplify`, on the nodes that are left.
 */
import { multipliesHalves } from "../../kernels/half/half";
import { elements, refusal, type AdapterTraits } from "../../kernels/operation";
import { findOperation } from "../../kernels/registry";
import type { Graph, Node, Value } from "../graph";

/**
 * What a plan does with frozen weights. "float32": reads them as they are. "float16Weights": reads a copy in f16, and
 * computes in f32; works on every adapter. "float16": multiplies in f16 too in the forward pass, summing 16 terms in f16 and
 * the sums of these in f32, where the adapter has shader-f16, and else as "float16Weights"; gradients are computed in f32.
 */
export type FrozenPrecision = "float32" | "float16Weights" | "float16";

/** What the pass did, for the plan's reader. */
export interface HalvedWeights {
  readonly asked: FrozenPrecision;
  /** Weights that were copied. */
  readonly copies: number;
  /** Bytes of the copies. */
  readonly bytes: number;
  /** Frozen weights that stay in f32, because no program reads them in f16: their channels do not come in fours. */
  readonly unfit: number;
  /** Whether products are summed in f16. */
  readonly arithmetic: boolean;
}

const readers: ReadonlySet<string> = new Set(["matmul", "conv2d", "conv2dInputGradient"]);

export function halveFrozenWeights(graph: Graph, asked: FrozenPrecision, adapter: AdapterTraits): HalvedWeights {
  const copies = new Map<number, Value>();
  const unfit = new Set<number>();
  const nodes = asked === "float32" ? [] : graph.nodes.filter((node) => readsFrozenWeight(graph, node));
  for (const node of nodes) {
    const w = graph.values[node.inputs.w];
    // Gradients are too small for f16: below 2^-14 it loses digits, and a mean over a batch begins there.
    const half = asked === "float16" && node.phase === "forward" ? "arithmetic" : "weights";
    const attrs = { ...node.attrs, half };
    if (refusal(findOperation(node.op), "tilesW16", attrs, graph.shapesOf(node), adapter)) {
      unfit.add(w.id);
      continue;
    }
    const copy = copies.get(w.id) ?? graph.emit("toHalf", {}, { x: w }, { layer: w.layer, phase: "setup" }).y;
    copies.set(w.id, copy);
    node.attrs = attrs;
    node.inputs = { ...node.inputs, w: copy.id };
  }
  return {
    asked,
    copies: copies.size,
    bytes: [...copies.values()].reduce((sum, v) => sum + valueBytes(v), 0),
    unfit: [...unfit].filter((id) => !copies.has(id)).length,
    arithmetic: asked === "float16" && copies.size > 0 && multipliesHalves(adapter),
  };
}

function readsFrozenWeight(graph: Graph, node: Node): boolean {
  if (!readers.has(node.op)) return false;
  const { role, parameter } = graph.values[node.inputs.w];
  return role === "parameter" && !parameter!.trainable;
}

/** Bytes that a value takes, before alignment. */
export const valueBytes = (value: Value): number => 4 * Math.ceil(elements(value.shape) / (value.half ? 2 : 1));

/** A line for the plan's reader; empty where nothing was asked for. */
export function describeHalves({ asked, copies, bytes, unfit, arithmetic }: HalvedWeights): string {
  if (asked === "float32") return "";
  const kept = unfit > 0 ? `; ${unfit} stay in f32, whose channels do not come in fours` : "";
  const sums = arithmetic
    ? "multiplied in f16 and summed in f32 in the forward pass"
    : `multiplied in f32${asked === "float16" && copies > 0 ? ", because the adapter has no shader-f16" : ""}`;
  const what = copies > 0 ? `${copies} in f16 (${bytes} bytes more), ${sums}` : "none in f16";
  return `frozen weights: ${what}${kept}`;
}
