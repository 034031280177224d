/** The end of a training step: gradient norm, results of the step, and the optimizer as one dispatch over flat arenas. */
import type { Graph, Value } from "../graph";
import type { Traced } from "./trace";
import type { ParameterGradients } from "./differentiate";
import { alignToBlock, blockBytes } from "./plan-memory";

/** An optimizer as an operation over arenas; plain data, made by `adam()` and its like. */
export interface Optimizer {
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Arenas of the same size as the gradients that it keeps between steps, e.g. ["first", "second"] for Adam. */
  readonly slots: readonly string[];
  readonly learningRate: number | ((iteration: number) => number);
  /** The rate that enters the kernel besides the learning rate: Adam's with its bias correction. Default: the same. */
  readonly effectiveRate?: (learningRate: number, iteration: number) => number;
}

/** Steps whose results fit the ring before they have to be read. */
export const ringSlots = 64;
export const ringWidth = 8; // floats a slot
export const statusFloats = 4;
/** u32 a block in the optimizer's table: block of the parameter arena, learning-rate multiplier, flags. */
export const tableWidth = 3;

/** Byte offset of each gradient value in the gradient arena. */
export interface GradientLayout {
  readonly offsets: ReadonlyMap<number, number>;
  readonly bytes: number;
}

export function layOutGradients(gradients: ParameterGradients): GradientLayout {
  const offsets = new Map<number, number>();
  let bytes = 0;
  for (const [parameter, value] of gradients) {
    offsets.set(value.id, bytes);
    bytes += alignToBlock(4 * parameter.count);
  }
  return { offsets, bytes };
}

/** Adds the nodes of the update phase; returns what they keep alive. */
export function addUpdate(
  graph: Graph,
  traced: Traced,
  optimizer: Optimizer | undefined,
  gradients: GradientLayout,
  parameterFloats: number,
): void {
  graph.phase = "update";
  const floats = gradients.bytes / 4;
  const resource = (name: string, shape: readonly number[]): Value =>
    graph.value({ name, shape, role: "resource", resource: name, layer: "optimizer" });
  const ring = resource("ring", [ringSlots, ringWidth]);
  const status = resource("status", [statusFloats]);
  const arena = resource("gradients", [floats]);
  const norm = optimizer && graph.within("optimizer", () => graph.apply("gradientNorm", {}, { gradients: arena }));
  const metrics = Object.fromEntries(traced.metrics.map((m, i) => [`metric${i}`, m]));
  graph.within("results", () => graph.emit("summarize", {}, { loss: traced.loss!, ...metrics, norm, ring, status }));
  if (!optimizer) return;
  const slots = Object.fromEntries(optimizer.slots.map((name) => [name, resource(name, [floats])]));
  const inputs = {
    parameters: resource("parameters", [parameterFloats]),
    gradients: arena,
    ...slots,
    table: resource("table", [(gradients.bytes / blockBytes) * tableWidth]),
    status,
  };
  graph.within("optimizer", () => graph.emit(optimizer.op, optimizer.attrs, inputs));
}

/** Bytes that an optimizer keeps: its slots and its table of blocks. */
export const updateBytes = (gradientBytes: number, slots: number): number =>
  slots * gradientBytes + alignToBlock(Math.max(4, (gradientBytes / blockBytes) * tableWidth * 4));
