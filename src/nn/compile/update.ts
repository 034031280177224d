/** The end of a training step: gradient norm, results of the step, and the optimizer as one dispatch over flat arenas. */
import type { Graph, Value } from "../graph";
import type { Parameter } from "../parameter";
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
  /** What the user asked for besides the rule; checked and prepared by src/train/optimizer-options.ts. */
  readonly options?: UpdateOptions;
}

/** Options that all optimizers have, in Keras's names. */
export interface UpdateOptions {
  /** Decoupled decay: each step takes `weightDecay * learningRate` of a weight away. Default 0. */
  readonly weightDecay?: number;
  /**
   * Weights without decay, e.g. ["bias", "gamma", "beta"]: a weight whose name contains one of these, as in Keras's
   * `exclude_from_weight_decay`; with a slash or * a pattern of its whole path. Default: all decay.
   */
  readonly excludeFromWeightDecay?: readonly string[];
  /** Each tensor's gradient is scaled down so that its norm is at most this. One of the three clippings at most. */
  readonly clipnorm?: number;
  /** Gradients are scaled down so that their global norm is at most this. Default: no clipping. */
  readonly globalClipnorm?: number;
  /** Each gradient is clipped to [-clipvalue, clipvalue]. Default: no clipping. */
  readonly clipvalue?: number;
  /**
   * The weights change each so many steps by the mean of these steps' gradients. As in Keras 3, Adam's bias
   * correction counts the changes, a schedule all steps. Default 1.
   */
  readonly gradientAccumulationSteps?: number;
  /** Keeps a moving average of the weights (see `swapAveragedWeights` in thaw/transfer). Default false. */
  readonly useEma?: boolean;
  /** Default 0.99. */
  readonly emaMomentum?: number;
  /** Every so many changes the weights become their average. Default: never. */
  readonly emaOverwriteFrequency?: number;
  /**
   * Factors of the learning rate: by pattern of layer names (the last that matches counts, 1 without), or a function of the weight.
   */
  readonly learningRateMultipliers?: Readonly<Record<string, number>> | ((parameter: Parameter) => number);
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
  const {
    gradientAccumulationSteps: steps = 1,
    clipnorm,
    useEma,
    emaMomentum = 0.99,
    emaOverwriteFrequency = 0,
  } = optimizer?.options ?? {};
  const slots = Object.fromEntries((optimizer?.slots ?? []).map((name) => [name, resource(name, [floats])]));
  const { accumulator, average, ...own } = slots;
  const emit = (op: string, attrs: Readonly<Record<string, unknown>>, inputs: Readonly<Record<string, Value>>) =>
    graph.within("optimizer", () => graph.emit(op, attrs, inputs));
  // Before the norm, which is that of the mean where there is one.
  if (accumulator) emit("meanGradients", { steps }, { gradients: arena, accumulator });
  const norm = optimizer && graph.within("optimizer", () => graph.apply("gradientNorm", {}, { gradients: arena }));
  const metrics = Object.fromEntries(traced.metrics.map((m, i) => [`metric${i}`, m]));
  graph.within("results", () => graph.emit("summarize", {}, { loss: traced.loss!, ...metrics, norm, ring, status }));
  if (!optimizer) return;
  const inputs = {
    parameters: resource("parameters", [parameterFloats]),
    gradients: arena,
    ...own,
    table: resource("table", [(gradients.bytes / blockBytes) * tableWidth]),
    status,
  };
  const { table, parameters } = inputs;
  if (clipnorm) emit("clipTensors", { steps, limit: clipnorm }, { gradients: arena, table });
  emit(optimizer.op, optimizer.attrs, inputs);
  if (accumulator || average)
    emit(
      "finishUpdate",
      { steps, overwrite: emaOverwriteFrequency, ...(useEma && { momentum: emaMomentum }) },
      { parameters, gradients: arena, ...(accumulator && { accumulator }), ...(average && { average }), table, status },
    );
}

/** Bytes that an optimizer keeps: its slots and its table of blocks. */
export const updateBytes = (gradientBytes: number, slots: number): number =>
  slots * gradientBytes + alignToBlock(Math.max(4, (gradientBytes / blockBytes) * tableWidth * 4));
