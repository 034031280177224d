/** What the plan does for each layer, and for what it leaves out the reason. */
import { elements } from "../../kernels/operation";
import type { Graph } from "../graph";
import { Container } from "../model";
import type { Layer } from "../layer";
import type { LayerPlan, PlanStep } from "./plan";
import type { FeatureCut } from "./cut-features";
import type { Schedule } from "./schedule";

/** Layers with their paths as the graph names them: nested models' names in front. */
function layersByPath(model: Container, prefix = ""): [string, Layer][] {
  return model.layers.flatMap((layer) => {
    const path = prefix ? `${prefix}/${layer.name}` : layer.name;
    return layer instanceof Container ? layersByPath(layer, path) : [[path, layer] satisfies [string, Layer]];
  });
}

export function explainLayers(
  model: Container,
  graph: Graph,
  steps: readonly PlanStep[],
  times: Schedule,
  training: boolean,
  forwardLayers: readonly string[],
  cut?: FeatureCut,
): LayerPlan[] {
  const cached = new Set([...(cut?.below ?? [])].map((node) => node.layer));
  const layers = layersByPath(model);
  const lowest = forwardLayers.find((path) => layers.some(([p, l]) => p === path && l.trainableParameters.length > 0));
  return layers.map(([path, layer]) => {
    const own = steps.filter((s) => s.layer === path);
    // The lowest trainable layer may have dx inside (through its activation), but none that leaves it.
    const dx = path !== lowest && own.some((s) => s.gradient === "dx" || s.merged.some((m) => m.endsWith("gradient")));
    const dw = own.some((s) => s.gradient === "dw");
    const nodes = graph.nodes.filter((n) => n.layer === path && n.phase === "forward");
    const saved = new Set(
      nodes.flatMap((n) => Object.values(n.outputs).map(times.root)).filter((id) => times.saved.includes(id)),
    );
    return {
      name: path,
      className: layer.className,
      trainable: layer.trainable,
      forward: own.filter((s) => s.phase === "forward").map((s) => [s.kernel, ...s.merged].join("+")),
      dx,
      dw,
      reason: training ? reasonFor(path, layer, { dx, dw, own, forwardLayers, lowest, cached: cached.has(path) }) : "",
      flops: own.reduce((sum, s) => sum + s.flops, 0),
      bytes: own.reduce((sum, s) => sum + s.bytes, 0),
      savedActivationBytes: [...saved].reduce((sum, id) => sum + 4 * elements(graph.values[id].shape), 0),
    };
  });
}

interface Facts {
  readonly dx: boolean;
  readonly dw: boolean;
  readonly own: readonly PlanStep[];
  readonly forwardLayers: readonly string[];
  readonly lowest: string | undefined;
  /** Its output comes from the feature cache. */
  readonly cached: boolean;
}

function reasonFor(path: string, layer: Layer, { dx, dw, own, forwardLayers, lowest, cached }: Facts): string {
  if (layer.className === "InputLayer") return "";
  if (cached) return "cached: runs once for the data set";
  const reasons: string[] = [];
  const weights = layer.parameters.filter((p) => p.kind === "weight");
  const at = forwardLayers.indexOf(path);
  const below = lowest === undefined || (at >= 0 && at <= forwardLayers.indexOf(lowest));
  if (weights.length > 0 && !dw)
    reasons.push(
      layer.trainable ? "dw skipped: the loss does not depend on it" : `dw skipped: ${layer.name} is frozen`,
    );
  if (!dx && at >= 0) {
    if (below) reasons.push(`dx skipped: nothing trainable below ${layer.name}`);
    else if (!own.some((s) => s.phase === "backward")) reasons.push("dx merged into a neighbour's gradient");
  }
  if (at >= 0 && !own.some((s) => s.phase === "forward")) {
    reasons.push(
      layer.className === "BatchNormalization" && !layer.trainable
        ? "folded: frozen statistics are a scale and a shift"
        : "merged into the layer before",
    );
  }
  return reasons.join("; ");
}
