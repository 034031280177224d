/** Writes `.keras` and `.weights.h5` of Keras 3, and legacy `.h5` models. */
import type { Container } from "../../../nn/model";
import { Hdf5Group } from "../../hdf5-tree";
import { layOutHdf5 } from "../../hdf5-writer";
import type { TrainedWith } from "../../saved-file";
import { zip } from "../../zip-writer";
import { configOf } from "./config";
import type { WrittenModel } from "./entries";
import { optimizerVariables } from "./optimizer-variables";
import { compileConfig, optimizerConfig, optimizerName } from "./training-config";
import { addLegacyWeights, kerasWeights } from "./weights-tree";
import { writtenModel } from "./written-model";
import { trainableOf } from "./written-weights";

/** The Keras whose form the files have. */
const kerasVersion = "3.15.1";

export interface WriteKerasOptions {
  /** Adds how the model was compiled and what its optimizer keeps, so that Keras goes on training where Thaw stopped. */
  readonly trained?: TrainedWith | undefined;
}

/**
 * A `.keras` file: configuration and weights, which have to be up to date on the host. The same model gives the same bytes.
 *
 * @throws ThawError before anything is made: for layers and options that Keras cannot say, by their names, and for names that collide.
 */
export async function writeKeras(model: Container, { trained }: WriteKerasOptions = {}): Promise<Uint8Array> {
  const written = writtenModel(model, 3);
  const config = configOf(written, 3);
  const weights = kerasWeights(written);
  if (trained) {
    config.compile_config = {
      optimizer: optimizerConfig(model.name, trained),
      ...compileConfig(model.name, trained),
    };
    weights.group("optimizer/vars").attributes.name = optimizerName(trained.compiled.optimizer);
    for (const [i, { dataset }] of optimizerVariables(trained, trainableOf(written)).entries())
      weights.add(`optimizer/vars/${i}`, dataset);
  }
  return await zip(model.name, {
    "metadata.json": json({ keras_version: kerasVersion }),
    "config.json": json(config),
    "model.weights.h5": bytesOf(weights),
  });
}

/** A `.weights.h5` file of Keras 3, for a model that is there already. */
export async function writeKerasWeights(model: Container): Promise<Uint8Array> {
  return bytesOf(kerasWeights(writtenModel(model, 3)));
}

/**
 * A legacy `.h5` model, as Keras 3 writes them and Keras 2 did.
 *
 * @throws ThawError before anything is made: for layers and options that Keras cannot say, by their names, and for names that collide.
 */
export async function writeLegacyModel(model: Container, { trained }: WriteKerasOptions = {}): Promise<Uint8Array> {
  const written = writtenModel(model, "h5");
  const root = new Hdf5Group();
  const about = { backend: "tensorflow", keras_version: kerasVersion };
  Object.assign(root.attributes, about, { model_config: JSON.stringify(configOf(written, "h5")) });
  const weights = root.group("model_weights");
  Object.assign(weights.attributes, about);
  addLegacyWeights(weights, written);
  if (trained) addLegacyTraining(root, model.name, written, trained);
  return bytesOf(root);
}

function addLegacyTraining(root: Hdf5Group, who: string, written: WrittenModel, trained: TrainedWith): void {
  const { class_name, config } = optimizerConfig(who, trained);
  root.attributes.training_config = JSON.stringify({
    ...compileConfig(who, trained),
    optimizer_config: { class_name, config },
  });
  const prefix = optimizerName(trained.compiled.optimizer);
  const variables = optimizerVariables(trained, trainableOf(written));
  const group = root.group("optimizer_weights");
  group.setTexts(
    "weight_names",
    variables.map(({ name }) => `${prefix}/${name}`),
  );
  for (const { name, dataset } of variables) group.add(`${prefix}/${name}`, dataset);
}

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

function bytesOf(root: Hdf5Group): Uint8Array {
  const file = layOutHdf5(root);
  const bytes = new Uint8Array(file.bytes);
  file.write(bytes);
  return bytes;
}
