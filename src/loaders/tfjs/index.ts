/** TF.js layers-models: model.json with Keras's configuration and a manifest of weights. */
import { ThawError } from "../../errors";
import type { Container, FunctionalModel } from "../../nn/model";
import { snakeCaseKeys } from "../../nn/layers/keras-options";
import type { Sequential } from "../../nn/sequential";
import { assign, type Matching } from "../assign";
import { isObject, type Json } from "../json";
import { modelFromConfig, type ConfigOptions } from "../keras/config";
import { dialectOf } from "../keras/dialect";
import { sampleCounts } from "../keras/weights";
import { NameIndex, weightyLayers } from "../names";
import type { OpenedSource } from "../source";
import type { TensorFile } from "../tensors";
import { openTfjsWeights } from "./weights";

export const isTfjs = (json: Json): boolean =>
  ["modelTopology", "weightsManifest"].some((key) => Object.hasOwn(json, key));

/** @throws for graph models, and for whatever keeps the model from being carried over exactly. */
export async function readTfjs(
  source: OpenedSource,
  json: Json,
  options: ConfigOptions,
): Promise<FunctionalModel | Sequential> {
  const topology = isObject(json.modelTopology) ? json.modelTopology : {};
  if (json.format === "graph-model" || Object.hasOwn(topology, "node")) {
    throw new ThawError(
      source.name,
      "is a TF.js graph model: operations without layers, with constants folded in",
      "a layers model, whose weights can be frozen and trained",
      "Convert the Keras model that it was made from with --output_format=tfjs_layers_model, or load that model's .keras or .h5 file; a SavedModel goes through tf2onnx.",
    );
  }
  const config = configOf(source.name, topology);
  const version = topology.keras_version ?? topology.kerasVersion;
  const model = await modelFromConfig(
    source.name,
    config,
    dialectOf(typeof version === "string" ? version : undefined, config),
    options,
  );
  model.assignPaths();
  const file = await openTfjsWeights(source, json.weightsManifest);
  assign(source.name, model, file, matchNames(model, file));
  return model;
}

/** All weights by name, over the whole model. */
export function matchNames(model: Container, file: TensorFile): Matching {
  const index = new NameIndex(weightyLayers(model));
  const found = file.paths.map((path) => ({ path, parameter: index.take(path) }));
  return {
    assignments: found.flatMap(({ path, parameter }) => (parameter ? [{ path, parameter }] : [])),
    unexpected: found.filter((f) => !f.parameter).map((f) => f.path),
    optional: sampleCounts(model),
  };
}

/** The configuration, wrapped or bare, with Keras's spelling. */
function configOf(name: string, topology: Json): Json {
  const wrapped = topology.model_config ?? topology.modelConfig ?? topology;
  const config = isObject(wrapped) ? wrapped : {};
  if (typeof config.class_name === "string") return config;
  if (typeof config.className === "string") return pythonic(config);
  throw new ThawError(name, "its modelTopology is no Keras configuration", "class_name and config");
}

/** TF.js's own spelling, for keys and for values that are words of Keras: `dataFormat: "channelsLast"`. */
function pythonic(config: Json): Json {
  return words(snakeCaseKeys(config)) as Json;
}

const wordKeys = new Set(["activation", "data_format", "padding", "interpolation"]);

function words(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(words);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      wordKeys.has(key) && typeof item === "string"
        ? item.replace(/(?<=[a-z0-9])[A-Z]/g, (c) => `_${c.toLowerCase()}`)
        : words(item),
    ]),
  );
}
