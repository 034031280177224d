/** Writes TF.js's layers-models: model.json with Keras 2's configuration and a manifest, and shards with the numbers. */
import { ThawError } from "../../errors";
import type { Container } from "../../nn/model";
import type { Parameter } from "../../nn/parameter";
import { configOf, writtenLayers, writtenModel, type WrittenModel } from "../keras/save/index";
import type { SavedFile } from "../saved-file";

/** As TF.js's own converter cuts them, for caches of browsers. */
const shardBytes = 4 * 2 ** 20;

/** The Keras whose dialect it is: TF.js 4 reads no configurations of Keras 3. */
const kerasVersion = "2.15.0";

/** TF.js's names for variables that Keras 3 calls otherwise. */
const variableNames: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  DepthwiseConv2D: { kernel: "depthwise_kernel" },
};

interface NamedWeight {
  readonly name: string;
  readonly parameter: Parameter;
}

/**
 * The shards, and last the model's JSON.
 *
 * @param name of the JSON file; "model.json" has shards of the usual names, others have their own in front of them, so that two models can
 *   lie in one folder.
 * @throws ThawError for layers and options that TF.js cannot say, by their names, and for names that collide in TF.js.
 */
export function writeTfjs(model: Container, name: string): readonly SavedFile[] {
  const written = writtenModel(model, 2);
  const weights = namedWeights(model.name, written);
  const data = concatenated(weights.map(({ parameter }) => parameter));
  const count = Math.ceil(data.length / shardBytes);
  const prefix = name === "model.json" ? "" : `${name.replace(/\.[^.]*$/, "")}-`;
  const shards = Array.from({ length: count }, (_, i) => ({
    name: `${prefix}group1-shard${i + 1}of${count}.bin`,
    bytes: data.subarray(i * shardBytes, (i + 1) * shardBytes),
  }));
  const json = {
    format: "layers-model",
    generatedBy: "thaw",
    convertedBy: null,
    modelTopology: { keras_version: kerasVersion, backend: "tensorflow", model_config: configOf(written, 2) },
    weightsManifest: [
      {
        paths: shards.map((shard) => shard.name),
        weights: weights.map(({ name: path, parameter }) => ({ name: path, shape: parameter.shape, dtype: "float32" })),
      },
    ],
  };
  return [...shards, { name, bytes: new TextEncoder().encode(JSON.stringify(json)) }];
}

/**
 * TF.js finds weights by `layer/variable` wherever the layer stands: names of models around it are no part of that, so that layers of one
 * name in two models are one too many.
 */
function namedWeights(who: string, model: WrittenModel): readonly NamedWeight[] {
  const places = new Map<string, string>();
  return writtenLayers(model).flatMap(({ names, entry, parameters }) =>
    parameters.map((parameter) => {
      const variable = variableNames[entry.className]?.[parameter.name] ?? parameter.name;
      const name = `${entry.name}/${variable}`;
      const here = names.join("/");
      const other = places.get(name);
      if (other !== undefined)
        throw new ThawError(
          who,
          `the weights of ${other} and ${here} are both named ${name} in TF.js`,
          "another name for each layer with weights, also in different models",
          "Give one of the two layers another name when it is made.",
        );
      places.set(name, here);
      return { name, parameter };
    }),
  );
}

function concatenated(parameters: readonly Parameter[]): Uint8Array {
  const bytes = new Uint8Array(parameters.reduce((sum, p) => sum + 4 * p.count, 0));
  let at = 0;
  for (const { value, count } of parameters) {
    bytes.set(new Uint8Array(value.buffer, value.byteOffset, 4 * count), at);
    at += 4 * count;
  }
  return bytes;
}
