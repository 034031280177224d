/** Import of pretrained networks. Libraries that only some formats need are loaded when such a file comes. */
import { ThawError } from "../errors";
import type { FunctionalModel } from "../nn/model";
import type { Sequential } from "../nn/sequential";
import { isHdf5 } from "./hdf5";
import { readKeras } from "./keras/index";
import type { ConfigOptions } from "./keras/config";
import { readSource, type ModelSource } from "./source";
import { isZip } from "./zip";

export type { ModelSource } from "./source";
export type LoadOptions = ConfigOptions;

/**
 * Loads a model with its weights; the format is known by content.
 *
 * Reads `.keras` files of Keras 3. Layers keep their names, `trainable` flags and order.
 *
 * @param source a path (in Node), a URL, or the bytes.
 * @throws ThawError for a missing, truncated or damaged file, a layer that Thaw does not know, and weights that do not fit.
 * @example const base = await loadModel("mobilenet_v2.keras");
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<FunctionalModel | Sequential> {
  const { bytes, name } = await readSource(source);
  if (bytes.length === 0) throw new ThawError(name, "is empty", "a .keras file");
  if (isZip(bytes)) return await readKeras(name, bytes, options);
  const what = isHdf5(bytes) ? "is an HDF5 file" : bytes[0] === 0x7b ? "is a JSON file" : "is of an unknown format";
  throw new ThawError(
    name,
    what,
    "a .keras file (a ZIP archive as Keras 3 writes it)",
    "Save the model with model.save('name.keras').",
  );
}
