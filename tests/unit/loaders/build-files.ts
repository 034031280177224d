/** Small model files of every format, written here so that tests can change each part of them. */
import { zipSync } from "fflate";
import { h5wasm } from "h5wasm";

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const encode = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

/** Numbers that tell where they came from: 1, 2, 3, ... times `factor`. */
export function counting(shape: readonly number[], factor = 0.01): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length: count }, (_, i) => (i + 1) * factor) };
}

let files = 0;

/** An HDF5 file; groups of the paths are made on the way. */
export async function writeHdf5(
  tensors: Readonly<Record<string, Tensor>>,
  attributes: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>> = {},
): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  const path = `/written-${files++}.h5`;
  // As h5py writes it: the oldest layout, filled up to multiples of eight bytes.
  const file = new h5wasm.File(path, "w", { libver: ["earliest", "latest"] });
  const group = (name: string) => {
    let at: InstanceType<typeof h5wasm.Group> = file;
    for (const part of name.split("/").filter(Boolean)) {
      const found = at.keys().includes(part) ? at.get(part) : at.create_group(part);
      at = found as InstanceType<typeof h5wasm.Group>;
    }
    return at;
  };
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const parts = name.split("/");
    group(parts.slice(0, -1).join("/")).create_dataset({ name: parts.at(-1)!, data, shape: [...shape], dtype: "<f" });
  }
  for (const [name, texts] of Object.entries(attributes)) {
    for (const [key, value] of Object.entries(texts)) {
      if (typeof value === "string") group(name).create_attribute(key, value, [], "S");
      // Keras's own writer makes an empty list of numbers of an empty list of names.
      else if (value.length === 0) group(name).create_attribute(key, new Float64Array(0), [0], "<d");
      else group(name).create_attribute(key, [...value], [value.length], "S");
    }
  }
  file.close();
  const bytes = FS.readFile(path).slice();
  FS.unlink(path);
  return bytes;
}

/** Legacy `.h5`: layers with their weights by name; with a configuration it is a whole model. */
export async function writeLegacy(
  layers: Readonly<Record<string, Readonly<Record<string, Tensor>>>>,
  root: { readonly model_config?: unknown; readonly keras_version?: string; readonly backend?: string } = {},
): Promise<Uint8Array> {
  const prefix = root.model_config ? "model_weights/" : "";
  const tensors: Record<string, Tensor> = {};
  const attributes: Record<string, Record<string, string | readonly string[]>> = {};
  for (const [layer, weights] of Object.entries(layers)) {
    attributes[prefix + layer] = { weight_names: Object.keys(weights) };
    for (const [name, tensor] of Object.entries(weights)) tensors[`${prefix}${layer}/${name}`] = tensor;
  }
  attributes[prefix || "/"] = { layer_names: Object.keys(layers) };
  attributes["/"] = {
    ...attributes["/"],
    ...(root.model_config ? { model_config: JSON.stringify(root.model_config) } : {}),
    ...(root.keras_version && { keras_version: root.keras_version }),
    ...(root.backend && { backend: root.backend }),
  };
  return await writeHdf5(tensors, attributes);
}

export async function writeKeras(
  config: unknown,
  tensors: Readonly<Record<string, Tensor>>,
  options: { readonly version?: string; readonly level?: 0 | 6 } = {},
): Promise<Uint8Array> {
  const members = {
    "metadata.json": encode({ keras_version: options.version ?? "3.15.1", date_saved: "2026-11-24" }),
    "config.json": encode(config),
    "model.weights.h5": await writeHdf5(tensors),
  };
  return zipSync(members, { level: options.level ?? 0 });
}

export function writeSafetensors(
  tensors: Readonly<
    Record<string, { readonly dtype: string; readonly shape: readonly number[]; readonly bytes: Uint8Array }>
  >,
): Uint8Array {
  let at = 0;
  const header: [string, unknown][] = [["__metadata__", { format: "pt" }]];
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header.push([name, { dtype, shape, data_offsets: [at, at + bytes.length] }]);
    at += bytes.length;
  }
  const text = encode(Object.fromEntries(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + padded + at).fill(0x20, 8, 8 + padded);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.set(text, 8);
  at = 8 + padded;
  for (const { bytes } of Object.values(tensors)) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

export const float32Bytes = ({ data }: Tensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** TF.js's two files: model.json and one shard. */
export function writeTfjs(
  modelTopology: unknown,
  tensors: readonly (readonly [spec: Readonly<Record<string, unknown>>, bytes: Uint8Array])[],
): File[] {
  const weights = tensors.map(([spec]) => spec);
  const json = {
    format: "layers-model",
    modelTopology,
    weightsManifest: [{ paths: ["group1-shard1of1.bin"], weights }],
  };
  return [
    new File([encode(json)], "model.json"),
    new File(
      tensors.map(([, bytes]) => bytes as Uint8Array<ArrayBuffer>),
      "group1-shard1of1.bin",
    ),
  ];
}

/** Keras 3: an 8 x 8 image through a convolution, a normalization and a classifier. */
export const smallConfig = {
  module: "keras",
  class_name: "Sequential",
  registered_name: null,
  config: {
    name: "small",
    layers: [
      { module: "keras.layers", class_name: "InputLayer", config: { name: "in", batch_shape: [null, 8, 8, 3] } },
      {
        module: "keras.layers",
        class_name: "Conv2D",
        config: { name: "conv", filters: 4, kernel_size: [3, 3], strides: [2, 2], padding: "same", activation: "relu" },
      },
      { module: "keras.layers", class_name: "BatchNormalization", config: { name: "bn", axis: -1, epsilon: 0.001 } },
      { module: "keras.layers", class_name: "GlobalAveragePooling2D", config: { name: "pool" } },
      { module: "keras.layers", class_name: "Dense", config: { name: "head", units: 2, activation: "softmax" } },
    ],
  },
};

export const smallWeights: Readonly<Record<string, Tensor>> = {
  "conv/kernel": counting([3, 3, 3, 4]),
  "conv/bias": counting([4], 0.1),
  "bn/gamma": counting([4], 0.2),
  "bn/beta": counting([4], 0.3),
  "bn/moving_mean": counting([4], 0.4),
  "bn/moving_variance": counting([4], 0.5),
  "head/kernel": counting([4, 2], 0.6),
  "head/bias": counting([2], 0.7),
};

/** The same weights where Keras 3 keeps them. */
export const smallPaths: Readonly<Record<string, Tensor>> = Object.fromEntries(
  [
    ["conv/kernel", "layers/conv2d/vars/0"],
    ["conv/bias", "layers/conv2d/vars/1"],
    ["bn/gamma", "layers/batch_normalization/vars/0"],
    ["bn/beta", "layers/batch_normalization/vars/1"],
    ["bn/moving_mean", "layers/batch_normalization/vars/2"],
    ["bn/moving_variance", "layers/batch_normalization/vars/3"],
    ["head/kernel", "layers/dense/vars/0"],
    ["head/bias", "layers/dense/vars/1"],
  ].map(([name, path]) => [path, smallWeights[name]]),
);

/** The same weights in the groups of a legacy file, with the names of Keras 2. */
export const smallGroups = (suffix = ":0"): Record<string, Record<string, Tensor>> => {
  const groups: Record<string, Record<string, Tensor>> = {};
  for (const [name, tensor] of Object.entries(smallWeights)) {
    const layer = name.split("/")[0];
    (groups[layer] ??= {})[name + suffix] = tensor;
  }
  return groups;
};
