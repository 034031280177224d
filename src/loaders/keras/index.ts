/** `.keras` files of Keras 3: a ZIP archive of config.json, metadata.json and model.weights.h5. */
import { ThawError } from "../../errors";
import type { FunctionalModel } from "../../nn/model";
import type { Sequential } from "../../nn/sequential";
import { openHdf5 } from "../hdf5";
import { unzip } from "../zip";
import { modelFromConfig, type ConfigOptions } from "./config";
import { assignWeights } from "./weights";

/** @throws for whatever keeps the file from being carried over exactly. */
export async function readKeras(
  name: string,
  bytes: Uint8Array,
  options: ConfigOptions,
): Promise<FunctionalModel | Sequential> {
  const members = await unzip(name, bytes, (member) =>
    /^(config\.json|metadata\.json|model\.weights\.(h5|npz|json))$/.test(member),
  );
  const config = members.get("config.json");
  if (!config)
    throw new ThawError(
      name,
      `holds ${[...members.keys()].join(", ") || "nothing that Thaw reads"}`,
      "a .keras file with a config.json",
    );
  const weights = members.get("model.weights.h5");
  if (!weights)
    throw new ThawError(
      name,
      "has no model.weights.h5",
      "weights as HDF5",
      "Save the model again with keras.Model.save().",
    );
  const model = modelFromConfig(name, parse(name, config), options);
  model.assignPaths();
  const file = await openHdf5(`${name}/model.weights.h5`, weights);
  try {
    assignWeights(name, model, file);
  } finally {
    file.close();
  }
  return model;
}

function parse(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ThawError(`${name}/config.json`, `is not JSON (${String(error)})`, "the configuration that Keras writes");
  }
}
