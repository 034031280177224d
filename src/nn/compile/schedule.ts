/**
 * Pass 5, schedule: the order of the nodes, and from it the time each value is in use. What a backward node still reads
 * is what the forward pass has to save; nothing else is.
 */
import { elements } from "../../kernels/operation";
import { findOperation } from "../../kernels/registry";
import type { Graph, Phase } from "../graph";

/** First and last position in the order at which a value's memory is needed. */
export interface Lifetime {
  readonly first: number;
  readonly last: number;
}

export interface Schedule {
  /** By value id; aliases count for the value whose memory they share. */
  readonly lifetimes: ReadonlyMap<number, Lifetime>;
  /** Value id -> the value whose memory it is (itself unless an alias). */
  readonly root: (id: number) => number;
  /** Activations of the forward pass that the backward pass reads. */
  readonly saved: readonly number[];
  readonly savedBytes: number;
}

const phases: readonly Phase[] = ["setup", "feed", "forward", "backward", "update"];

/** Sorts `graph.nodes` by phase (stable) and finds the lifetimes. */
export function schedule(graph: Graph, kept: ReadonlySet<number>): Schedule {
  graph.nodes = phases.flatMap((phase) => graph.nodes.filter((n) => n.phase === phase));
  const roots = new Map<number, number>();
  for (const node of graph.nodes) {
    const op = findOperation(node.op);
    if (op.alias) roots.set(node.outputs[op.outputs[0]], rootOf(Object.values(node.inputs)[0]));
  }
  function rootOf(id: number): number {
    return roots.get(id) ?? id;
  }

  const lifetimes = new Map<number, Lifetime>();
  const saved = new Set<number>();
  const producedIn = new Map<number, Phase>();
  const touch = (id: number, at: number) => {
    const known = lifetimes.get(id);
    lifetimes.set(id, { first: known?.first ?? at, last: at });
  };
  graph.nodes.forEach((node, at) => {
    for (const id of Object.values(node.inputs).map(rootOf)) {
      const from = producedIn.get(id) ?? (graph.values[id].role === "input" ? "feed" : undefined);
      if (node.phase === "backward" && (from === "forward" || from === "feed")) saved.add(id);
      touch(id, at);
    }
    for (const id of Object.values(node.outputs)) {
      if (rootOf(id) === id) producedIn.set(id, node.phase);
      touch(rootOf(id), at);
    }
  });
  const end = graph.nodes.length;
  for (const id of kept) if (lifetimes.has(rootOf(id))) touch(rootOf(id), end);
  // Inputs are written before the first node runs.
  for (const [id, life] of lifetimes)
    if (graph.values[id].role === "input") lifetimes.set(id, { first: 0, last: life.last });
  const savedBytes = [...saved].reduce((sum, id) => sum + 4 * elements(graph.values[id].shape), 0);
  return { lifetimes, root: rootOf, saved: [...saved], savedBytes };
}
