/** Metrics that are no means over rows: all steps of a pass add to their counts on the GPU, which are read once after it. */
import type { Batch, Objective } from "./compile/trace";
import type { Graph, Value } from "./graph";

/** Made by thaw/transfer; plain data and functions. */
export interface Accumulator {
  /** Whether more or less of it is better, where that can be said. */
  readonly better?: "max" | "min";
  /** u32 numbers that it counts in, for an output of so many values a row. */
  readonly words: (outputs: number) => number;
  /** Emits what adds a batch to `countsOf(metric)`. @returns nothing, as a step reports nothing of it. */
  readonly add: (g: Graph, metric: Objective, y: Value, batch: Batch) => readonly Value[];
  /** The metric, or a value for each class. @param counts at least as many as `words`. */
  readonly finish: (counts: Uint32Array, outputs: number) => number | readonly number[];
}

/** The resource in which a metric counts. */
export const countsName = (metric: Objective): string => `counts:${metric.name}`;
