/**
 * Pass 6, planMemory: values with disjoint lifetimes share whole-buffer slots. (WebGPU refuses a buffer bound for reading
 * and for writing in one dispatch even on disjoint ranges, so a slot is a buffer.) Weights, their gradients, moving
 * statistics and values computed once lie in flat arenas.
 */
import { elements } from "../../kernels/operation";
import type { Graph, Value } from "../graph";
import type { Parameter } from "../parameter";
import type { LoweredNode } from "./lower";
import type { Schedule } from "./schedule";

/** Arenas are cut into blocks of 64 floats = 256 bytes, the alignment that every device accepts for a binding. */
export const blockBytes = 256;

export const alignToBlock = (bytes: number): number => Math.ceil(bytes / blockBytes) * blockBytes;

/** Bytes that a value takes, before alignment. */
export const valueBytes = (value: Value): number => 4 * Math.ceil(elements(value.shape) / (value.half ? 2 : 1));

export type ArenaName = "parameters" | "state" | "gradients";

/** Where a value's bytes are. */
export type Place =
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "arena"; readonly arena: ArenaName; readonly offset: number } // bytes
  | { readonly kind: "constant"; readonly level: number; readonly offset: number }
  | { readonly kind: "resource"; readonly name: string };

/** Byte offsets of all parameters of a model: the same for every plan, so that plans share the arenas. */
export interface ParameterLayout {
  readonly offsets: ReadonlyMap<Parameter, number>;
  readonly parameterBytes: number;
  readonly stateBytes: number;
}

export function layOutParameters(parameters: readonly Parameter[]): ParameterLayout {
  const offsets = new Map<Parameter, number>();
  const size = { weight: 0, state: 0 };
  for (const p of parameters) {
    offsets.set(p, size[p.kind]);
    size[p.kind] += alignToBlock(4 * p.count);
  }
  return { offsets, parameterBytes: size.weight, stateBytes: size.state };
}

export interface MemoryPlan {
  readonly places: ReadonlyMap<number, Place>;
  /** Scratch values by node index and name. */
  readonly scratch: ReadonlyMap<string, Place>;
  readonly slotBytes: readonly number[];
  /** Bytes of the constants' buffers, by level: no dispatch reads and writes the same one. */
  readonly constantBytes: readonly number[];
  readonly gradientBytes: number;
}

interface Request {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  readonly assign: (place: Place) => void;
}

export const scratchKey = (nodeIndex: number, name: string): string => `${nodeIndex}:${name}`;

export function planMemory(
  graph: Graph,
  lowered: readonly LoweredNode[],
  times: Schedule,
  layout: ParameterLayout,
  gradientOffsets: ReadonlyMap<number, number>,
  gradientBytes: number,
): MemoryPlan {
  const places = new Map<number, Place>();
  const scratch = new Map<string, Place>();
  const requests: Request[] = [];
  const constantBytes: number[] = [];
  const levels = constantLevels(graph, times);
  for (const [id, life] of times.lifetimes) {
    const value = graph.values[id];
    const bytes = valueBytes(value);
    if (value.role === "resource") {
      places.set(id, { kind: "resource", name: value.resource! });
    } else if (value.parameter) {
      const arena = value.role === "state" ? "state" : "parameters";
      places.set(id, { kind: "arena", arena, offset: layout.offsets.get(value.parameter)! });
    } else if (gradientOffsets.has(id)) {
      places.set(id, { kind: "arena", arena: "gradients", offset: gradientOffsets.get(id)! });
    } else if (levels.has(id)) {
      const level = levels.get(id)!;
      while (constantBytes.length <= level) constantBytes.push(0);
      places.set(id, { kind: "constant", level, offset: constantBytes[level] });
      constantBytes[level] += alignToBlock(bytes);
    } else {
      requests.push({ bytes: alignToBlock(bytes), ...life, assign: (place) => places.set(id, place) });
    }
  }
  lowered.forEach((node, i) => {
    for (const [name, count] of Object.entries(node.scratch)) {
      requests.push({
        bytes: alignToBlock(4 * count),
        first: i,
        last: i,
        assign: (place) => scratch.set(scratchKey(i, name), place),
      });
    }
  });
  return { places, scratch, slotBytes: assignSlots(requests), constantBytes, gradientBytes };
}

/** Constants of layers are on level 0; what the setup computes is one level above the highest constant that it reads. */
function constantLevels(graph: Graph, times: Schedule): ReadonlyMap<number, number> {
  const levels = new Map<number, number>();
  for (const value of graph.values) if (value.role === "constant") levels.set(times.root(value.id), 0);
  for (const node of graph.nodes) {
    if (node.phase !== "setup") continue;
    const below = Object.values(node.inputs).map((id) => levels.get(times.root(id)) ?? -1);
    const level = 1 + Math.max(-1, ...below);
    for (const id of Object.values(node.outputs)) levels.set(times.root(id), level);
  }
  return levels;
}

/**
 * Greedy by size (Pisarchyk and Lee 2020, arXiv:2001.03288): the largest value first, into the first slot that is free
 * for its whole lifetime.
 */
function assignSlots(requests: readonly Request[]): number[] {
  const slots: { bytes: number; taken: Request[] }[] = [];
  for (const request of requests.toSorted((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    let slot = slots.findIndex((s) => s.taken.every((t) => t.last < request.first || request.last < t.first));
    if (slot < 0) slot = slots.push({ bytes: request.bytes, taken: [] }) - 1;
    slots[slot].taken.push(request);
    request.assign({ kind: "slot", slot });
  }
  return slots.map((s) => s.bytes);
}
