/** What a file is, in words, and who wrote it: for people, before anything is loaded. */
import { ThawError } from "../errors";
import { openHdf5 } from "./hdf5";
import { isObject, parseJson } from "./json";
import { isLegacy } from "./keras/legacy";
import { openSource, type ModelSource, type OpenedSource, type SourceOptions } from "./source";
import { isTfjs } from "./tfjs/index";
import { unzip } from "./zip";

export interface FileIdentity {
  /** Such as "Keras 3.15.1, .keras". */
  readonly format: string;
  /** Of the file itself, without shards and external data. */
  readonly bytes: number;
}

/** @throws for files that are not there; what is damaged inside is left to loading it. */
export async function identify(source: ModelSource, options: SourceOptions = {}): Promise<FileIdentity> {
  const opened = await openSource(source, options);
  return { format: await formatOf(opened), bytes: opened.bytes.length };
}

async function formatOf(source: OpenedSource): Promise<string> {
  try {
    switch (source.format) {
      case "zip":
        return await kerasArchive(source);
      case "hdf5":
        return await hdf5File(source);
      case "json":
        return jsonFile(source);
      case "safetensors":
        return "safetensors, weights alone";
      case "protobuf":
        return await onnxFile(source);
      default:
        return "an unknown format";
    }
  } catch (error) {
    if (error instanceof ThawError) return `a damaged ${source.format} file`;
    throw error;
  }
}

const by = (writer: string, version: unknown) => (typeof version === "string" ? `${writer} ${version}` : writer);

async function kerasArchive({ name, bytes }: OpenedSource): Promise<string> {
  const members = await unzip(name, bytes, (member) => member === "metadata.json");
  const metadata = members.get("metadata.json");
  return metadata ? `${by("Keras", parseJson(name, metadata).keras_version)}, .keras` : "ZIP archive";
}

async function hdf5File({ name, bytes }: OpenedSource): Promise<string> {
  const file = await openHdf5(name, bytes);
  try {
    const full = file.attribute("/", "model_config") !== undefined;
    const version = file.attribute("/", "keras_version") ?? file.attribute("model_weights", "keras_version");
    if (full || isLegacy(file)) return `${by("Keras", version)}, .h5${full ? "" : " with weights alone"}`;
    return file.paths.some((path) => /(^|\/)vars\/\d+$/.test(path)) ? "Keras 3, .weights.h5" : "HDF5";
  } finally {
    file.close();
  }
}

async function onnxFile({ name, bytes }: OpenedSource): Promise<string> {
  const { readModelProto } = await import("./onnx/proto/read");
  const { producerName, producerVersion, opsetImport } = readModelProto(name, bytes);
  const opset = opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  const writer = producerName ? ` of ${by(producerName, producerVersion || undefined)}` : "";
  return `ONNX${opset ? `, opset ${opset.version}` : ""}${writer}`;
}

function jsonFile({ name, bytes }: OpenedSource): string {
  const json = parseJson(name, bytes);
  if (isTfjs(json)) {
    const topology = isObject(json.modelTopology) ? json.modelTopology : {};
    const kind = json.format === "graph-model" ? "graph model" : "layers model";
    return `TF.js ${kind} of ${by("Keras", topology.keras_version ?? topology.kerasVersion)}`;
  }
  return Object.hasOwn(json, "weight_map") ? "Keras 3, sharded weights" : "JSON";
}
