/** What Thaw's ONNX files say of the model beside its graph, and what the import takes from it. */
import { Container, type FunctionalModel } from "../../../nn/model";
import type { Layer } from "../../../nn/layer";
import type { Preprocessing } from "../../../nn/preprocessing";
import type { Sequential } from "../../../nn/sequential";
import { isObject, type Json } from "../../json";
import { knownPreprocessing, preprocessings } from "../../preprocessing";
import type { GraphOptions } from "./write-graph";

/** As `producer_name`, by which the import knows its own files. */
export const producer = "thaw";

/** Under which name the preprocessing of pixels is written. */
export const preprocessingLayer = "preprocessing";

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

/** @param architecture what `describeArchitecture` says of the model, where the graph is all of it and no more. */
export function metadataOf(
  model: Container,
  options: GraphOptions,
  architecture: string | undefined,
): Map<string, string> {
  const frozen = pathsOf(model).flatMap(([path, layer]) => (layer.trainable ? [] : [path]));
  if (options.preprocessing) frozen.push(preprocessingLayer); // its numbers are no weights
  // A model with a Rescaling in front takes pixels, and is read as one that does.
  const preprocessing = model.preprocessing ?? knownPreprocessing(model, false);
  // Pixels are all that a network takes which has its preprocessing in front.
  const said = options.preprocessing ? preprocessing && { ...preprocessing, included: true } : preprocessing;
  return new Map([
    [metadataKeys.layout, options.layout],
    [metadataKeys.frozen, JSON.stringify([...new Set(frozen)])],
    ...(architecture === undefined ? [] : [[metadataKeys.architecture, architecture] as const]),
    ...(said ? [[metadataKeys.preprocessing, JSON.stringify(said)] as const] : []),
  ]);
}

/** What one of Thaw's files says of itself; parts that are not as Thaw writes them are left out. */
export interface Said {
  readonly layout?: "NCHW" | "NHWC";
  readonly frozen: ReadonlySet<string>;
  readonly preprocessing?: Preprocessing;
  readonly architecture: boolean;
}

export function readMetadata(metadata: ReadonlyMap<string, string>): Said {
  const layout = metadata.get(metadataKeys.layout);
  const frozen = parsed(metadata.get(metadataKeys.frozen));
  const preprocessing = readPreprocessing(parsed(metadata.get(metadataKeys.preprocessing)));
  return {
    ...((layout === "NCHW" || layout === "NHWC") && { layout }),
    frozen: new Set(Array.isArray(frozen) ? frozen.filter((path) => typeof path === "string") : []),
    ...(preprocessing && { preprocessing }),
    architecture: metadata.has(metadataKeys.architecture),
  };
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

function readPreprocessing(value: unknown): Preprocessing | undefined {
  if (!isObject(value)) return undefined;
  if (value.included === true) return preprocessings.none;
  const { mode, channels, scale, offset } = value as Json & Partial<Preprocessing>;
  const numbers = (list: unknown) => Array.isArray(list) && list.length > 0 && list.every((v) => Number.isFinite(v));
  const fits = ["tf", "torch", "caffe", "none", "custom"].includes(mode!) && ["rgb", "bgr"].includes(channels!);
  return fits && numbers(scale) && numbers(offset) ? ({ mode, channels, scale, offset } as Preprocessing) : undefined;
}

/**
 * The model with its flags and its preprocessing as they were.
 *
 * @param paths the layer of the file that each layer comes of, by name; default: paths are names
 */
export function restored(
  model: FunctionalModel | Sequential,
  said: Said,
  paths?: ReadonlyMap<string, string>,
): FunctionalModel | Sequential {
  for (const [path, layer] of pathsOf(model))
    if (said.frozen.has(path) || said.frozen.has(paths?.get(path) ?? path)) layer.trainable = false;
  if (said.preprocessing) model.preprocessing = said.preprocessing;
  return model;
}
