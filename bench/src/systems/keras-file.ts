/** A network as a `.keras` file with Thaw's weights, written as Keras 3 writes one: members stored as they are, HDF5 uncompressed. */
import { zipSync } from "fflate";
import { h5wasm } from "h5wasm";
import { paddingOf, type LayerSpec, type Network } from "../networks/layers";
import type { LayerWeights } from "./onnx";

interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
}

function layersOf(spec: LayerSpec): KerasLayer[] {
  const { kind, name, inputs, filters, kernel = 1, stride = 1, pad, bias = false, epsilon, momentum } = spec;
  const window = { kernel_size: [kernel, kernel], strides: [stride, stride], padding: paddingOf(spec) };
  const layer = (className: string, config: Readonly<Record<string, unknown>> = {}): KerasLayer[] => {
    if (!pad) return [{ className, name, inputs, config }];
    const padding = { className: "ZeroPadding2D", name: `${name}_pad`, inputs, config: { padding: [pad, pad] } };
    return [padding, { className, name, inputs: [padding.name], config }];
  };
  switch (kind) {
    case "conv":
      return layer("Conv2D", { ...window, filters, use_bias: bias });
    case "depthwise":
      return layer("DepthwiseConv2D", { ...window, depth_multiplier: 1, use_bias: false });
    case "norm":
      return layer("BatchNormalization", { axis: -1, epsilon, momentum });
    case "relu":
      return layer("ReLU");
    case "relu6":
      return layer("ReLU", { max_value: 6 });
    case "add":
      return layer("Add");
    case "maxPool":
      return layer("MaxPooling2D", { pool_size: [kernel, kernel], strides: [stride, stride], padding: "valid" });
    case "pool":
      return layer("GlobalAveragePooling2D");
    case "dense":
      return layer("Dense", { units: filters });
  }
}

/** Group names of weights: the class in snake case, counted in the order of the layers. */
const snakeNames: Readonly<Record<string, string>> = {
  Conv2D: "conv2d",
  DepthwiseConv2D: "depthwise_conv2d",
  BatchNormalization: "batch_normalization",
  Dense: "dense",
};

/** @param weights of Thaw's layers. */
export async function kerasBytes({ specs, size }: Network, weights: LayerWeights): Promise<Uint8Array> {
  const history = (layer: string) => ({
    class_name: "__keras_tensor__",
    config: { dtype: "float32", keras_history: [layer, 0, 0] },
  });
  const entry = ({ className, name, inputs, config }: KerasLayer) => {
    const tensors = inputs.map(history);
    const args = tensors.length > 1 ? [tensors] : tensors;
    const calls = tensors.length > 0 ? [{ args, kwargs: {} }] : [];
    const common = { module: "keras.layers", class_name: className, registered_name: null, name };
    return { ...common, config: { name, ...config }, inbound_nodes: calls };
  };
  const image: KerasLayer = {
    className: "InputLayer",
    name: "image",
    inputs: [],
    config: { batch_shape: [null, size, size, 3] },
  };
  const layers = [image, ...specs.flatMap(layersOf)];
  const config = {
    module: "keras.src.models.functional",
    class_name: "Functional",
    registered_name: "Functional",
    config: {
      name: "network",
      layers: layers.map(entry),
      input_layers: [["image", 0, 0]],
      output_layers: [[layers.at(-1)!.name, 0, 0]],
    },
  };
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const members = {
    "metadata.json": json({ keras_version: "3.15.1" }),
    "config.json": json(config),
    "model.weights.h5": await weightsFile(layers, weights),
  };
  return zipSync(members, { level: 0 });
}

async function weightsFile(layers: readonly KerasLayer[], weights: LayerWeights): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  const path = "/bench.weights.h5";
  // The oldest layout of HDF5, as h5py writes it: it fills everything up to multiples of eight bytes.
  const file = new h5wasm.File(path, "w", { libver: ["earliest", "latest"] });
  const all = file.create_group("layers");
  const counts = new Map<string, number>();
  for (const { className, name } of layers) {
    const base = snakeNames[className];
    if (base === undefined) continue;
    const n = counts.get(base) ?? 0;
    counts.set(base, n + 1);
    const vars = all.create_group(n === 0 ? base : `${base}_${n}`).create_group("vars");
    vars.create_attribute("name", name, [], "S");
    weights(name).forEach(({ shape, value }, i) =>
      vars.create_dataset({ name: String(i), data: value, shape: [...shape], dtype: "<f" }),
    );
  }
  file.close();
  const bytes = FS.readFile(path).slice();
  FS.unlink(path);
  return bytes;
}
