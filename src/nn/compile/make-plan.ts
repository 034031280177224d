/** Runs the passes in order. Pure: the same request gives the same plan, in Node or in a browser, with or without a GPU. */
import { ThawError } from "../../errors";
import { alignBytes } from "../../gpu/memory";
import { recordingBytes } from "../../gpu/recorder";
import { elements, type AdapterTraits } from "../../kernels/operation";
import { findOperation } from "../../kernels/registry";
import type { Graph, Value } from "../graph";
import type { Parameter } from "../parameter";
import { absorbPadding } from "./absorb-padding";
import { findCut, keepAbove, keepBelow, type FeatureCut, type FeatureRequest } from "./cut-features";
import { differentiate, type ParameterGradients } from "./differentiate";
import { explainLayers } from "./explain";
import { featureArrays, featureReport, type FeatureReport } from "./feature-report";
import type { Halving } from "./half-weights";
import { lower, type LoweredNode } from "./lower";
import { Plan, type PlanStep, type Port } from "./plan";
import { alignToBlock, blockBytes, layOutParameters, planMemory, scratchKey, type MemoryPlan } from "./plan-memory";
import { collectProblems } from "./problems";
import { requireGrad } from "./require-grad";
import { schedule, type Schedule } from "./schedule";
import { simplify } from "./simplify";
import { trace, type Traced, type TraceRequest } from "./trace";
import { addUpdate, layOutGradients, ringSlots, ringWidth, statusFloats, updateBytes, type Optimizer } from "./update";

export interface PlanRequest extends TraceRequest {
  readonly optimizer?: Optimizer | undefined;
  readonly adapter: AdapterTraits;
  /** Frozen weights in f16; default: as they are. */
  readonly halving?: Halving | undefined;
  /** No gradients and no shared memory, so that every value can be read after a step; for finding where a NaN began. */
  readonly forwardOnly?: boolean;
  /** One half of a graph that is cut where features are cached, or why it is not. */
  readonly features?: FeatureRequest | undefined;
}

export function makePlan(request: PlanRequest): Plan {
  const traced = trace(request);
  const { graph } = traced;
  const outputs = new Set(
    [...traced.outputs, ...traced.metrics, ...(traced.loss ? [traced.loss] : [])].map((v) => v.id),
  );
  absorbPadding(graph, outputs);
  const forwardLayers = [...new Set(graph.nodes.filter((n) => n.phase === "forward").map((n) => n.layer))];
  const split = splitAtFeatures(request, traced);
  const below = request.features?.part === "below";

  const training = request.mode === "train" && !request.forwardOnly && !below;
  const required = training ? requireGrad(graph) : new Set<number>();
  const gradients: ParameterGradients = training ? differentiate(graph, traced.loss!, required) : new Map();
  const gradientLayout = layOutGradients(gradients);
  const layout = layOutParameters(request.model.allParameters());
  const optimizer = training && gradients.size > 0 ? request.optimizer : undefined;
  if (traced.loss && !below) addUpdate(graph, traced, optimizer, gradientLayout, layout.parameterBytes / 4);

  const kept = keptValues(traced, gradients, request.mode === "predict");
  const gained = simplify(graph, kept);
  const halved = request.halving?.run(graph, request.adapter);
  const lasting = request.forwardOnly ? new Set(graph.nodes.flatMap((n) => Object.values(n.outputs))) : kept;
  const times = schedule(graph, lasting);
  const lowered = lower(graph, request.adapter);
  const memory = planMemory(graph, lowered, times, layout, gradientLayout.offsets, gradientLayout.bytes);
  const steps = lowered.flatMap((node, i) => planSteps(node, i, times, memory));
  const setupCount = steps.filter((s) => s.phase === "setup").length;
  return new Plan({
    mode: below ? "features" : request.mode,
    batchSize: request.batchSize,
    steps,
    layers: explainLayers(request.model, graph, steps, times, training, forwardLayers, below ? undefined : split.cut),
    slotBytes: memory.slotBytes,
    memory: {
      // A model without moving statistics has a buffer for them all the same, of the least size.
      parameters: alignBytes(layout.parameterBytes),
      state: alignBytes(layout.stateBytes),
      gradients: gradientLayout.bytes,
      optimizer: optimizer ? updateBytes(gradientLayout.bytes, optimizer.slots.length) : 0,
      constants: memory.constantBytes.reduce((a, b) => a + b, 0),
      activations: memory.slotBytes.reduce((a, b) => a + b, 0),
      data: resourceBytes(graph, times, (name) => /^(index|data:|counts:)/.test(name)),
      features: resourceBytes(graph, times, (name) => name.startsWith("features:")),
      other:
        recordingBytes(steps.length - setupCount) +
        (setupCount > 0 ? recordingBytes(setupCount) : 0) +
        blockBytes + // the step uniform
        (traced.loss && !below ? 3 * alignToBlock(4 * ringSlots * ringWidth) + alignToBlock(4 * statusFloats) : 0), // ring, two copies to read it
    },
    savedActivationBytes: times.savedBytes,
    gradients: new Map([...gradients].map(([p, v]) => [p, gradientLayout.offsets.get(v.id)!])),
    ports: portsOf(traced, times, memory, request.forwardOnly ? graph : undefined),
    constantBytes: memory.constantBytes,
    constants: graph.values
      .filter((v) => v.data && times.lifetimes.has(v.id))
      .map((v) => ({ offset: (memory.places.get(v.id) as { offset: number }).offset, data: v.data! })),
    gained,
    changes: changedParameters(graph, gradients),
    features: reportFeatures(request, split, steps.length - setupCount),
    problems: collectProblems(graph, lowered),
    halved,
  });
}

/** Where features can be cut off in the graph of a request, or the reason why not. Nothing is planned. */
export function featureCut(request: TraceRequest): FeatureCut | { readonly reason: string } {
  const traced = trace(request);
  absorbPadding(traced.graph, new Set(traced.outputs.map((v) => v.id)));
  return findCut(traced.graph, traced.inputs[0]);
}

/** Where a graph was split, or why it was not. */
interface Split {
  readonly cut?: FeatureCut;
  readonly reason?: string;
}

/** Leaves one half of the graph, if one is wanted and there is a cut. */
function splitAtFeatures({ features, model }: PlanRequest, { graph, inputs }: Traced): Split {
  if (!features) return {};
  if (features.part === "none") return { reason: features.reason };
  const cut = findCut(graph, inputs[0]);
  if ("reason" in cut) {
    if (features.part === "above") return cut;
    throw new ThawError(model.name, `features cannot be cached: ${cut.reason}`, "something frozen");
  }
  (features.part === "below" ? keepBelow : keepAbove)(graph, cut, features.format, features.count);
  return { cut };
}

/** @param dispatches of this half of the plan, each step. */
function reportFeatures(request: PlanRequest, { cut, reason }: Split, dispatches: number): FeatureReport | undefined {
  const { features } = request;
  if (!features) return undefined;
  if (!cut || features.part === "none") return { cached: false, reason: reason ?? "" };
  const arrays = featureArrays(cut, features.format, features.count);
  if (features.part === "below") return { cached: true, reason: "computed once for the data set", cache: arrays };
  const below = makePlan({ ...request, feed: undefined, features: { ...features, part: "below" } });
  const stores = cut.values.length;
  return featureReport(cut, arrays, below.dispatches - stores, dispatches);
}

/** Bytes of the buffers from outside that the plan binds. */
function resourceBytes(graph: Graph, times: Schedule, wanted: (name: string) => boolean): number {
  const sizes = new Map<string, number>();
  for (const { id, resource, shape } of graph.values)
    if (resource !== undefined && wanted(resource) && times.lifetimes.has(id))
      sizes.set(resource, alignToBlock(4 * elements(shape)));
  return [...sizes.values()].reduce((a, b) => a + b, 0);
}

/** Weights that the optimizer changes and statistics that layers move. */
function changedParameters(graph: Graph, gradients: ParameterGradients): Parameter[] {
  const updated = graph.nodes.flatMap((n) =>
    (findOperation(n.op).updates ?? []).flatMap((name) => graph.values[n.inputs[name]]?.parameter ?? []),
  );
  return [...new Set([...gradients.keys(), ...updated])];
}

/** Values that something outside the graph reads. (The loss is read by `summarize`, which updates the ring and so never dies.) */
function keptValues(traced: Traced, gradients: ParameterGradients, predict: boolean): Set<number> {
  const kept = new Set<number>();
  if (predict) for (const v of traced.outputs) kept.add(v.id);
  for (const v of gradients.values()) kept.add(v.id);
  return kept;
}

function planSteps(lowered: LoweredNode, index: number, times: Schedule, memory: MemoryPlan): PlanStep[] {
  const { node, variant, instead, dispatches } = lowered;
  return dispatches.map(({ dispatch, sizes, cost }) => {
    const bindings = Object.entries(dispatch.bind).flatMap(([name, source]) => {
      if (source === undefined) return [];
      const id = node.inputs[source] ?? node.outputs[source];
      const place =
        id === undefined ? memory.scratch.get(scratchKey(index, source)) : memory.places.get(times.root(id));
      if (!place)
        throw new Error(`${node.op}: binding ${name} of ${dispatch.kernel.program.name} has no memory (${source})`);
      return [{ name, place, bytes: Math.ceil(sizes[name] / 4) * 16 }];
    });
    return {
      phase: node.phase,
      layer: node.layer,
      op: node.op,
      variant,
      ...(instead && { instead }),
      kernel: dispatch.kernel.program.name,
      ...(node.gradient && { gradient: node.gradient }),
      merged: node.merged,
      flops: cost.flops,
      bytes: cost.bytes,
      dispatch,
      bindings,
    };
  });
}

function portsOf(traced: Traced, times: Schedule, memory: MemoryPlan, all: Graph | undefined): Record<string, Port> {
  const ports: Record<string, Port> = {};
  const add = (name: string, value: Value | undefined) => {
    const place = value && memory.places.get(times.root(value.id));
    if (value && place) ports[name] = { place, shape: value.shape };
  };
  traced.inputs.forEach((v, i) => add(`input${i}`, v));
  add("labels", traced.labels);
  traced.outputs.forEach((v, i) => add(`output${i}`, v));
  if (all) {
    for (const node of all.nodes) {
      const cached = node.phase === "feed" && node.layer !== "data";
      if (node.phase !== "forward" && !cached) continue;
      for (const [name, id] of Object.entries(node.outputs))
        add(`${node.id}|${node.layer}|${node.op}.${name}`, all.values[id]);
    }
  }
  return ports;
}
