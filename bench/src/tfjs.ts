/** The same network in TF.js, on its WebGPU backend, with Thaw's weights. */
import "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import * as layers from "@tensorflow/tfjs-layers";
import type { FunctionalModel } from "../../src/index";
import type { LayerSpec } from "./mobilenet";
import type { Network } from "./thaw";

export { tf };

export async function startTfjs(): Promise<string> {
  if (!(await tf.setBackend("webgpu"))) throw new Error("tfjs: the backend webgpu did not start");
  await tf.ready();
  return tf.version_core;
}

function layerOf({ kind, name, filters, kernel, stride = 1 }: LayerSpec): layers.layers.Layer {
  const padding = stride === 1 ? "same" : "valid";
  const l = layers.layers;
  switch (kind) {
    case "conv":
      return l.conv2d({ name, filters: filters!, kernelSize: kernel!, strides: stride, padding, useBias: false });
    case "depthwise":
      return l.depthwiseConv2d({ name, kernelSize: kernel!, strides: stride, padding, useBias: false });
    case "norm":
      return l.batchNormalization({ name, momentum: 0.999, epsilon: 1e-3 });
    case "relu6":
      return l.reLU({ name, maxValue: 6 });
    case "add":
      return l.add({ name });
    case "pool":
      return l.globalAveragePooling2d({ name });
    case "dense":
      return l.dense({ name, units: filters! });
  }
}

/** @param source where weights come from, by layer name and in Keras's order. */
export function buildTfjs({ specs, size }: Network, source: FunctionalModel): layers.LayersModel {
  const image = layers.input({ shape: [size, size, 3], name: "image" });
  const values = new Map<string, layers.SymbolicTensor>([["image", image]]);
  for (const spec of specs) {
    let inputs = spec.inputs.map((name) => values.get(name)!);
    if (spec.stride === 2) {
      const even = inputs[0].shape[1]! % 2 === 0 ? 0 : 1;
      const padding: [[number, number], [number, number]] = [
        [even, 1],
        [even, 1],
      ];
      const pad = layers.layers.zeroPadding2d({ name: `${spec.name}_pad`, padding });
      inputs = [pad.apply(inputs[0]) as layers.SymbolicTensor];
    }
    const layer = layerOf(spec);
    values.set(spec.name, layer.apply(inputs.length > 1 ? inputs : inputs[0]) as layers.SymbolicTensor);
  }
  const model = layers.model({ inputs: image, outputs: values.get(specs.at(-1)!.name)!, name: "mobilenet" });
  for (const layer of model.layers) {
    if (layer.weights.length === 0) continue;
    const parameters = source.getLayer(layer.name).parameters;
    const tensors = layer.weights.map((weight) => {
      const name = weight.originalName.split("/").at(-1)!.replace("depthwise_kernel", "kernel");
      const found = parameters.find((p) => p.name === name || p.name.endsWith(name));
      if (!found) throw new Error(`tfjs: ${layer.name} has a weight ${name} that Thaw's layer has not`);
      return tf.tensor(found.value, weight.shape as number[]);
    });
    layer.setWeights(tensors);
    tensors.forEach((t) => t.dispose());
  }
  return model;
}

/** Freezes as Thaw has frozen, and compiles. The loss is Thaw's on logits; labels are one-hot, as TF.js wants them here. */
export function compileTfjs(model: layers.LayersModel, source: FunctionalModel): void {
  for (const layer of model.layers) layer.trainable = source.getLayer(layer.name).trainable;
  model.compile({
    optimizer: tf.train.adam(1e-3),
    loss: (labels, logits) => tf.mean(tf.neg(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), -1))),
  });
}
