/** Where a network can be cut in two by one tensor: everything up to there can be frozen, and its features kept. */
import type { AdapterTraits } from "../kernels/operation";
import { lower } from "./compile/lower";
import { trace } from "./compile/trace";
import type { SampleShape } from "./layer";
import type { Container } from "./model";

export interface FreezePoint {
  /** For `model.freezeUpTo(layer)`. */
  readonly layer: string;
  /** Of the layer's output: the features of one sample. */
  readonly shape: SampleShape;
  /** Weights of the layers up to and including this one, of all weights. */
  readonly frozenParameters: number;
  /** Floating-point operations up to and including this layer, as a share of the forward pass. */
  readonly shareOfFlops: number;
}

/** Costs are nearly the same on every adapter; kernels are chosen for this one. */
const adapter: AdapterTraits = { software: false, features: [], maxWorkgroupStorage: 32768, maxInvocations: 256 };

/** All of them, from the input on. Layers whose weights lie elsewhere in the network (shared ones) may be part of several. */
export function freezePoints(model: Container): FreezePoint[] {
  const { graph, inputs, outputs } = trace({ model, batchSize: 1, mode: "predict" });
  const lastRead = new Map<number, number>(outputs.map((v) => [v.id, Infinity]));
  graph.nodes.forEach((node, i) => {
    for (const id of Object.values(node.inputs)) lastRead.set(id, Math.max(i, lastRead.get(id) ?? 0));
  });
  const lowered = lower(graph, adapter);
  const flops = lowered.map(({ dispatches }) => dispatches.reduce((sum, { cost }) => sum + cost.flops, 0));
  const all = flops.reduce((a, b) => a + b, 0);

  const layers = model.flatLayers();
  const byPath = new Map(layers.map((layer) => [layer.name, layer]));
  const upTo = new Map<string, number>();
  let parameters = 0;
  for (const layer of layers) {
    parameters += layer.parameters.reduce((sum, p) => sum + (p.kind === "weight" ? p.count : 0), 0);
    upTo.set(layer.name, parameters);
  }

  const points = new Map<string, FreezePoint>();
  const depending = new Set(inputs.map((v) => v.id));
  const open = new Set(depending);
  let done = 0;
  graph.nodes.forEach((node, i) => {
    done += flops[i];
    if (!Object.values(node.inputs).some((id) => depending.has(id))) return; // computed from weights alone
    for (const id of Object.values(node.outputs)) {
      depending.add(id);
      if ((lastRead.get(id) ?? -1) > i) open.add(id);
    }
    for (const id of Object.values(node.inputs)) if ((lastRead.get(id) ?? -1) <= i) open.delete(id);
    const [only] = open;
    const name = node.layer.split("/").at(-1)!;
    if (open.size !== 1 || !byPath.has(name) || !Object.values(node.outputs).includes(only)) return;
    points.set(name, {
      layer: name,
      shape: graph.values[only].shape.slice(1),
      frozenParameters: upTo.get(name)!,
      shareOfFlops: done / all,
    });
  });
  // The last layer of all leaves nothing to train.
  return [...points.values()].filter(({ layer }) => layer !== layers.at(-1)!.name);
}

/**
 * Points that people choose among: of those in one block (`block_3_...`, `layer2.0...`) the last, and none that freezes no
 * weights beyond the one before.
 */
export function lastOfBlocks(points: readonly FreezePoint[]): FreezePoint[] {
  return points.filter((point, i) => {
    const next = points[i + 1] as FreezePoint | undefined;
    if (point.frozenParameters === 0) return false;
    return !next || (blockOf(point.layer) !== blockOf(next.layer) && point.frozenParameters !== next.frozenParameters);
  });
}

/**
 * The name up to its last number that another part follows (`conv2_block1_out` -> `conv2_block1`), else without what says
 * that a normalization or an activation belongs to another layer (`bn_Conv1`, `Conv1_relu` -> `Conv1`).
 */
export const blockOf = (name: string): string =>
  /^.*\d+[a-z]?(?=[_./])/i.exec(name)?.[0] ?? name.replace(/^bn_|(_(bn|relu|act|activation|norm))+$/gi, "");
