/** `.keras` files of Keras 3 (and 2.13 on): a ZIP archive of config.json, metadata.json and model.weights.h5. */
import { ThawError } from "../../errors";
import type { FunctionalModel } from "../../nn/model";
import type { Sequential } from "../../nn/sequential";
import { assign } from "../assign";
import { openHdf5, type Hdf5File } from "../hdf5";
import { parseJson } from "../json";
import { moveToAlignment, type StoredTensor } from "../tensors";
import { unzip } from "../zip";
import { modelFromConfig, type ConfigOptions } from "./config";
import { dialectOf } from "./dialect";
import { keepTraining, saysTraining } from "./training";
import { matchKerasWeights } from "./weights";

const isKnown = (member: string) => /^(config\.json|metadata\.json|model\.weights\.(h5|npz|json))$/.test(member);

/**
 * @param owned the bytes are nobody else's, and may become the weights' memory.
 * @throws for whatever keeps the file from being carried over exactly.
 */
export async function readKeras(
  name: string,
  bytes: Uint8Array,
  options: ConfigOptions,
  owned: boolean,
): Promise<FunctionalModel | Sequential> {
  const members = await unzip(name, bytes, isKnown);
  const config = members.get("config.json");
  if (!config)
    throw new ThawError(
      name,
      `holds ${[...members.keys()].join(", ") || "nothing that Thaw reads"}`,
      "a .keras file with a config.json",
    );
  const weights = weightsOf(name, members, bytes, owned);
  const json = parseJson(`${name}/config.json`, config);
  const metadata = members.get("metadata.json");
  const version = metadata && parseJson(`${name}/metadata.json`, metadata).keras_version;
  const model = await modelFromConfig(
    name,
    json,
    dialectOf(typeof version === "string" ? version : undefined, json),
    options,
  );
  model.assignPaths();
  const file = await openHdf5(`${name}/model.weights.h5`, weights.bytes, weights.owned);
  try {
    assign(name, model, file, matchKerasWeights(model, file));
    const compiled = json.compile_config;
    if (saysTraining(compiled)) {
      const variables = optimizerTensors(file);
      keepTraining(model, { file: name, config: compiled, variables });
    }
  } finally {
    file.close();
  }
  return model;
}

/** Keras's `optimizer.variables`, in order. */
function optimizerTensors(file: Hdf5File): StoredTensor[] {
  const tensors: StoredTensor[] = [];
  for (let next = file.get("optimizer/vars/0"); next; next = file.get(`optimizer/vars/${tensors.length}`))
    tensors.push(next);
  return tensors;
}

/** A file in memory, and whether it is its reader's alone. */
export interface Bytes {
  readonly bytes: Uint8Array;
  readonly owned: boolean;
}

/** The weights of a `.keras` file, for a model that is there already. */
export async function readKerasWeights(name: string, bytes: Uint8Array, owned: boolean): Promise<Bytes> {
  const members = await unzip(name, bytes, (member) => member.startsWith("model.weights.") && isKnown(member));
  return weightsOf(name, members, bytes, owned);
}

function weightsOf(name: string, members: ReadonlyMap<string, Uint8Array>, archive: Uint8Array, owned: boolean): Bytes {
  const weights = members.get("model.weights.h5");
  if (weights) {
    if (weights.buffer !== archive.buffer) return { bytes: weights, owned: true }; // unpacked
    // Keras stores its members as they are, wherever the one before ends.
    return { bytes: owned ? moveToAlignment(weights, 8) : weights, owned };
  }
  const other = [...members.keys()].find((member) => member.startsWith("model.weights."));
  throw new ThawError(
    name,
    other ? `has its weights in ${other}` : "has no model.weights.h5",
    "weights as HDF5",
    "Save the model again with keras.Model.save().",
  );
}
