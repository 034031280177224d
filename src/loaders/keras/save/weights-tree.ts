/** Weights as Keras lays them out in HDF5: `model.weights.h5` of Keras 3, and the groups of legacy files. */
import { Hdf5Group, type Hdf5Dataset } from "../../hdf5-tree";
import type { Parameter } from "../../../nn/parameter";
import { layerSlots } from "../weights";
import type { WrittenModel } from "./entries";
import { shapeInKeras, writtenLayers, type WrittenLayer } from "./written-weights";

/** A parameter's numbers as they are on the host; Normalization's count of samples is a whole number in Keras. */
function dataset(layer: WrittenLayer, parameter: Parameter): Hdf5Dataset {
  const { value } = parameter;
  const shape = shapeInKeras(layer.entry, parameter);
  const counts = layer.entry.className === "Normalization" && parameter.name === "count";
  return { shape, data: counts ? Int32Array.from(value) : value };
}

/** `layers/conv2d/vars/0` and so on, each group with its layer's name, as Keras writes it since 3.6. */
export function kerasWeights(model: WrittenModel): Hdf5Group {
  const root = new Hdf5Group();
  for (const layer of writtenLayers(model)) {
    root.group(`${layer.path}/vars`).attributes.name = layer.entry.name;
    if (!layer.entry.layer) continue;
    for (const { paths, parameter } of layerSlots(layer.entry.layer, `${layer.path}/`))
      root.add(paths[0], dataset(layer, parameter));
  }
  root.group("vars").attributes.name = model.name;
  return root;
}

/** The groups of legacy files, in `root`: one for each layer of the model, in which a nested model is flat. */
export function addLegacyWeights(root: Hdf5Group, model: WrittenModel): void {
  const layers = writtenLayers(model);
  const own = layers.filter(({ names }) => names.length === 1);
  root.setTexts(
    "layer_names",
    own.map(({ entry }) => entry.name),
  );
  for (const { entry } of own) {
    const group = root.group(entry.name);
    const inside = layers.filter(({ names }) => names[0] === entry.name);
    const weights = inside.flatMap((layer) =>
      layer.parameters.map((parameter) => ({ layer, parameter, name: legacyName(layer, parameter) })),
    );
    // Keras reads by order: what trains now comes before what does not.
    const ordered = [...weights.filter((w) => w.parameter.trainable), ...weights.filter((w) => !w.parameter.trainable)];
    group.setTexts(
      "weight_names",
      ordered.map(({ name }) => name),
    );
    for (const { layer, parameter, name } of ordered) group.add(name, dataset(layer, parameter));
  }
  root.group("top_level_model_weights").setTexts("weight_names", []);
}

/** Within the group of the outermost model or layer: "conv/kernel", and "inner/conv/kernel" deeper inside. */
function legacyName({ names }: WrittenLayer, { name }: Parameter): string {
  return [...(names.length > 1 ? names.slice(1) : names), name].join("/");
}
