/**
 * Frozen weights in f16, where it was asked for: a copy that the setup makes when weights change, read by products and
 * convolutions forward and by their gradients with respect to the input. The parameters themselves stay as they are, in f32.
 * It runs after `simplify`, on the nodes that are left; `compile()` loads it where it was asked for.
 */
import { ThawError } from "../../errors";
import { multipliesHalves } from "../../kernels/half/half";
import { refusal, type AdapterTraits } from "../../kernels/operation";
import { findOperation } from "../../kernels/registry";
import type { Graph, Node, Value } from "../graph";
import { valueBytes } from "./plan-memory";

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
  /** The same as a line for the plan's reader. */
  readonly text: string;
}

/** The pass, with what was asked of it. */
export interface Halving {
  readonly asked: FrozenPrecision;
  readonly run: (graph: Graph, adapter: AdapterTraits) => HalvedWeights;
}

/** @throws for a precision that there is not. */
export function halving(asked: FrozenPrecision): Halving {
  if (!["float32", "float16Weights", "float16"].includes(asked))
    throw new ThawError("compile", `frozenPrecision "${asked}"`, '"float32", "float16Weights" or "float16"');
  return { asked, run: (graph, adapter) => halveFrozenWeights(graph, asked, adapter) };
}

const readers: ReadonlySet<string> = new Set(["matmul", "conv2d", "conv2dInputGradient"]);

function halveFrozenWeights(graph: Graph, asked: FrozenPrecision, adapter: AdapterTraits): HalvedWeights {
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
  const halved = {
    asked,
    copies: copies.size,
    bytes: [...copies.values()].reduce((sum, v) => sum + valueBytes(v), 0),
    unfit: [...unfit].filter((id) => !copies.has(id)).length,
    arithmetic: asked === "float16" && copies.size > 0 && multipliesHalves(adapter),
  };
  return { ...halved, text: describe(halved) };
}

function readsFrozenWeight(graph: Graph, node: Node): boolean {
  if (!readers.has(node.op)) return false;
  const { role, parameter } = graph.values[node.inputs.w];
  return role === "parameter" && !parameter!.trainable;
}

/** Empty where nothing was asked for. */
function describe({ asked, copies, bytes, unfit, arithmetic }: Omit<HalvedWeights, "text">): string {
  if (asked === "float32") return "";
  const kept = unfit > 0 ? `; ${unfit} stay in f32, whose channels do not come in fours` : "";
  const sums = arithmetic
    ? "multiplied in f16 and summed in f32 in the forward pass"
    : `multiplied in f32${asked === "float16" && copies > 0 ? ", because the adapter has no shader-f16" : ""}`;
  const what = copies > 0 ? `${copies} in f16 (${bytes} bytes more), ${sums}` : "none in f16";
  return `frozen weights: ${what}${kept}`;
}
