/** What Thaw's ONNX files say of the model beside its graph, and what the import takes from it. */
import { Container } from "../../../nn/model";
import type { Layer } from "../../../nn/layer";
import type { GraphOptions } from "./write-graph";

/** As `producer_name`, by which the import knows its own files. */
export const producer = "thaw";

export const metadataKeys = {
  layout: "thaw.layout",
  frozen: "thaw.frozen",
  preprocessing: "thaw.preprocessing",
  architecture: "thaw.architecture",
} as const;

/** Every layer with its path: names of models and layers, joined as in names of weights. */
export function pathsOf(model: Container, prefix = ""): [path: string, layer: Layer][] {
  return model.layers.flatMap((layer): [string, Layer][] =>
    layer instanceof Container ? pathsOf(layer, `${prefix}${layer.name}/`) : [[`${prefix}${layer.name}`, layer]],
  );
}

export function metadataOf(model: Container, options: GraphOptions): Map<string, string> {
  const frozen = pathsOf(model).flatMap(([path, layer]) => (layer.trainable ? [] : [path]));
  const { preprocessing } = model;
  // Pixels are all that a network takes which has its preprocessing in front.
  const said = options.preprocessing ? preprocessing && { ...preprocessing, included: true } : preprocessing;
  return new Map([
    [metadataKeys.layout, options.layout],
    [metadataKeys.frozen, JSON.stringify([...new Set(frozen)])],
    ...(said ? [[metadataKeys.preprocessing, JSON.stringify(said)] as const] : []),
  ]);
}
