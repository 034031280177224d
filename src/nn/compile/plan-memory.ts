/**
 * Pass 6, planMemory: values with disjoint lifetimes share whole-buffer slots. (WebGPU refuses a buffer bound for reading
 * and for writing in one dispatch even on disjoint ranges, so a slot is a buffer.) Weights, their gradients, moving
 * statistics and values computed once lie in flat arenas.
 */
import { elements } from "../../kernels/operation";
import type { Graph } from "../graph";
import type { Parameter } from "../parameter";
import type { LoweredNode } from "./lower";
import type { Schedule } from "./schedule";

/** Arenas are cut into blocks of 64 floats = 256 bytes, the alignment that every device accepts for a binding. */
export const blockBytes = 256;

export const alignToBlock = (bytes: number): number => Math.ceil(bytes / blockBytes) * blockBytes;

export type ArenaName = "parameters" | "state" | "gradients" | "constants";

/** Where a value's bytes are. */
export type Place =
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "arena"; readonly arena: ArenaName; readonly offset: number } // bytes
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
  readonly constantBytes: number;
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
  let constantBytes = 0;
  const setupOutputs = new Set(
    graph.nodes.filter((n) => n.phase === "setup").flatMap((n) => Object.values(n.outputs).map(times.root)),
  );
  for (const [id, life] of times.lifetimes) {
    const value = graph.values[id];
    const bytes = 4 * elements(value.shape);
    if (value.role === "resource") {
      places.set(id, { kind: "resource", name: value.resource! });
    } else if (value.parameter) {
      const arena = value.role === "state" ? "state" : "parameters";
      places.set(id, { kind: "arena", arena, offset: layout.offsets.get(value.parameter)! });
    } else if (gradientOffsets.has(id)) {
      places.set(id, { kind: "arena", arena: "gradients", offset: gradientOffsets.get(id)! });
    } else if (value.role === "constant" || setupOutputs.has(id)) {
      places.set(id, { kind: "arena", arena: "constants", offset: constantBytes });
      constantBytes += alignToBlock(bytes);
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
