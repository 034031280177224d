/** The operations that a network computes in inference mode, with the preprocessing of pixels in front where that is asked for. */
import { ThawError } from "../../../errors";
import { Graph, type Node, type Value } from "../../../nn/graph";
import type { Container } from "../../../nn/model";
import { scaleAndOffset } from "../../../nn/layers/rescaling";
import { batchSize } from "../evaluate";
import { preprocessingLayer } from "./metadata";

export interface Traced {
  readonly graph: Graph;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** Pixels of 0 to 255, red first, to what the network was trained on. */
function preprocessed(model: Container, g: Graph, pixels: Value): Value {
  const { preprocessing } = model;
  if (!preprocessing)
    throw new ThawError(
      model.name,
      "does not say what it expects of its pixels",
      "a preprocessing to write in front of it",
      'Set model.preprocessing first, or load the model with { preprocessing: "tf" } or the like.',
    );
  if (preprocessing.mode === "none") return pixels;
  const { channels, scale, offset } = preprocessing;
  const axis = pixels.shape.length - 1;
  const places = Array.from({ length: pixels.shape[axis] }, (_, i) => pixels.shape[axis] - 1 - i);
  return g.within(preprocessingLayer, () => {
    const x =
      channels === "bgr"
        ? g.apply("gatherAxis", { axis }, { x: pixels, indices: g.constant("channels", [places.length], places) })
        : pixels;
    return scaleAndOffset(g, preprocessingLayer, x, scale, offset);
  });
}

/** @throws for inputs that are no images, where preprocessing is asked for. */
export function traceModel(model: Container, preprocessing: boolean): Traced {
  model.assignPaths();
  const graph = new Graph(batchSize);
  const inputs = model.inputs.map((t) => graph.input(t.layer.name, [batchSize, ...t.shape]));
  if (preprocessing && (inputs.length !== 1 || inputs[0].shape.length !== 4))
    throw new ThawError(
      model.name,
      `has the inputs ${inputs.map((v) => `[batch, ${v.shape.slice(1).join(", ")}]`).join(", ")}`,
      "one image, where its preprocessing is to be written",
      "Save it without preprocessing.",
    );
  const given = preprocessing ? [preprocessed(model, graph, inputs[0])] : inputs;
  const outputs = model.call(graph, given, { training: false });
  return { graph, inputs, outputs };
}

/** The nodes that outputs depend on, in the order of computation. */
export function liveNodes(graph: Graph, outputs: readonly Value[]): Node[] {
  const needed = new Set(outputs.map((v) => v.id));
  const live: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!Object.values(node.outputs).some((id) => needed.has(id))) continue;
    for (const id of Object.values(node.inputs)) needed.add(id);
    live.push(node);
  }
  return live.toReversed();
}
