/** The same network in TF.js, on its WebGPU backend, with Thaw's weights. */
import "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import * as layers from "@tensorflow/tfjs-layers";
import { paddingOf, type LayerSpec, type Network } from "../networks/layers";

export { layers, tf };
export type { Tensor } from "@tensorflow/tfjs-core";

/** Weights by layer and by Keras's name within the layer. */
export type WeightsOf = (layer: string) => readonly { readonly name: string; readonly value: Float32Array }[];

/** What of the backend is used here and not public. */
interface Backend {
  readonly device: GPUDevice;
  readonly bufferManager: {
    readonly freeBuffers: Map<string, GPUBuffer[]>;
    numFreeBuffers: number;
    numBytesAllocated: number;
    readonly numBytesUsed: number;
    acquireBuffer: (size: number, usage: number, mapped?: boolean, reuse?: boolean) => GPUBuffer;
  };
  endComputePassEncoder: () => void;
  submitQueue: () => void;
}

const backend = (): Backend => tf.backend() as unknown as Backend;

/** @throws when the backend does not start. */
export async function startTfjs(): Promise<void> {
  if (!(await tf.setBackend("webgpu"))) throw new Error("tfjs: the backend webgpu did not start");
  await tf.ready();
}

/** Waits for everything asked for so far. TF.js holds dispatches back until fifteen are there; this lets go of them. */
export async function finishTfjs(): Promise<void> {
  backend().endComputePassEncoder();
  backend().submitQueue();
  await backend().device.queue.onSubmittedWorkDone();
}

/** Destroys the buffers that TF.js keeps for reuse, so that what comes next is measured alone. */
export function emptyTfjsPool(): void {
  const { bufferManager } = backend();
  for (const free of bufferManager.freeBuffers.values()) {
    for (const buffer of free) {
      bufferManager.numBytesAllocated -= buffer.size;
      bufferManager.numFreeBuffers--;
      buffer.destroy();
    }
    free.length = 0;
  }
}

/** The most bytes that TF.js has in use at one time from here on, without its pool. Asking ends the watch. */
export function watchTfjsInUse(): () => number {
  const { bufferManager } = backend();
  const base = bufferManager.numBytesUsed;
  const acquire = bufferManager.acquireBuffer;
  let peak = base;
  bufferManager.acquireBuffer = function (...args) {
    const buffer = acquire.apply(this, args);
    peak = Math.max(peak, bufferManager.numBytesUsed);
    return buffer;
  };
  return () => {
    bufferManager.acquireBuffer = acquire;
    return peak - base;
  };
}

function layerOf(spec: LayerSpec): layers.layers.Layer {
  const { kind, name, filters, kernel, stride = 1, bias = false, epsilon, momentum } = spec;
  const padding = paddingOf(spec);
  const l = layers.layers;
  switch (kind) {
    case "conv":
      return l.conv2d({ name, filters: filters!, kernelSize: kernel!, strides: stride, padding, useBias: bias });
    case "depthwise":
      return l.depthwiseConv2d({ name, kernelSize: kernel!, strides: stride, padding, useBias: false });
    case "norm":
      return l.batchNormalization({ name, momentum, epsilon });
    case "relu":
      return l.reLU({ name });
    case "relu6":
      return l.reLU({ name, maxValue: 6 });
    case "add":
      return l.add({ name });
    case "maxPool":
      return l.maxPooling2d({ name, poolSize: kernel!, strides: stride });
    case "pool":
      return l.globalAveragePooling2d({ name });
    case "dense":
      return l.dense({ name, units: filters! });
  }
}

export function buildTfjs({ specs, size }: Network, weights: WeightsOf): layers.LayersModel {
  const image = layers.input({ shape: [size, size, 3], name: "image" });
  const values = new Map<string, layers.SymbolicTensor>([["image", image]]);
  for (const spec of specs) {
    let inputs = spec.inputs.map((name) => values.get(name)!);
    if (spec.pad) {
      const padding: [[number, number], [number, number]] = [[...spec.pad], [...spec.pad]];
      const pad = layers.layers.zeroPadding2d({ name: `${spec.name}_pad`, padding });
      inputs = [pad.apply(inputs[0]) as layers.SymbolicTensor];
    }
    const layer = layerOf(spec);
    values.set(spec.name, layer.apply(inputs.length > 1 ? inputs : inputs[0]) as layers.SymbolicTensor);
  }
  const model = layers.model({ inputs: image, outputs: values.get(specs.at(-1)!.name)!, name: "network" });
  for (const layer of model.layers) {
    if (layer.weights.length === 0) continue;
    const given = weights(layer.name);
    const tensors = layer.weights.map((weight) => {
      const name = weight.originalName.split("/").at(-1)!.replace("depthwise_kernel", "kernel");
      const found = given.find((p) => p.name.endsWith(name));
      if (!found) throw new Error(`tfjs: ${layer.name} has a weight ${name} that Thaw's layer has not`);
      return tf.tensor(found.value, weight.shape as number[]);
    });
    layer.setWeights(tensors);
    tensors.forEach((t) => t.dispose());
  }
  return model;
}

/**
 * Freezes and compiles. The loss is Thaw's on logits; labels are one-hot, as TF.js wants them here.
 *
 * TF.js normalises with the statistics of the batch in frozen layers too, and overwrites the moving ones, which is not what
 * freezing means elsewhere and costs it time. Here frozen normalizations are called with `training: false`, so that both
 * systems compute the same, unless they are wanted as they come.
 */
export function compileTfjs(
  model: layers.LayersModel,
  isTrainable: (layer: string) => boolean,
  asItComes = false,
): void {
  for (const layer of model.layers) {
    layer.trainable = isTrainable(layer.name);
    if (asItComes || layer.trainable || layer.getClassName() !== "BatchNormalization") continue;
    const call = layer.call.bind(layer);
    layer.call = (inputs, kwargs) => call(inputs, { ...kwargs, training: false });
  }
  model.compile({
    optimizer: tf.train.adam(1e-3),
    loss: (labels, logits) => tf.mean(tf.neg(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), -1))),
  });
}
