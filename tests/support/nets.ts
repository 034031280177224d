/** Small networks and adapters that several tests share. */
import type { AdapterTraits } from "../../src/kernels/operation";
import {
  Activation,
  Add,
  BatchNormalization,
  Conv2D,
  Dense,
  DepthwiseConv2D,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  ReLU,
  ZeroPadding2D,
} from "../../src/index";

export const softwareAdapter: AdapterTraits = {
  software: true,
  features: [],
  maxWorkgroupStorage: 32768,
  maxInvocations: 256,
};
export const gpuAdapter: AdapterTraits = { ...softwareAdapter, software: false };

/** Every kind of layer that MobileNetV2 has, on 8x8x3 inputs, with a residual connection and a padded strided convolution. */
export function miniMobileNet(classes = 3, { softmax = false } = {}): FunctionalModel {
  const image = input([8, 8, 3], { name: "image" });
  let x = new Conv2D({ name: "conv1", filters: 8, kernelSize: 3, padding: "same", useBias: false, seed: 1 }).apply(
    image,
  );
  x = new BatchNormalization({ name: "bn1" }).apply(x);
  x = new ReLU({ name: "relu1", maxValue: 6 }).apply(x);
  const entry = x;
  x = new Conv2D({ name: "expand", filters: 16, kernelSize: 1, useBias: true, seed: 2 }).apply(x);
  x = new BatchNormalization({ name: "expand_bn" }).apply(x);
  x = new ReLU({ name: "expand_relu", maxValue: 6 }).apply(x);
  x = new DepthwiseConv2D({ name: "depthwise", kernelSize: 3, padding: "same", useBias: false, seed: 3 }).apply(x);
  x = new BatchNormalization({ name: "depthwise_bn" }).apply(x);
  x = new ReLU({ name: "depthwise_relu", maxValue: 6 }).apply(x);
  x = new Conv2D({ name: "project", filters: 8, kernelSize: 1, useBias: false, seed: 4 }).apply(x);
  x = new BatchNormalization({ name: "project_bn" }).apply(x);
  x = new Add({ name: "add" }).apply([entry, x]);
  x = new ZeroPadding2D({
    name: "pad",
    padding: [
      [0, 1],
      [0, 1],
    ],
  }).apply(x);
  x = new Conv2D({ name: "conv2", filters: 12, kernelSize: 3, strides: 2, useBias: true, seed: 5 }).apply(x);
  x = new Activation({ name: "relu2", activation: "relu" }).apply(x);
  x = new GlobalAveragePooling2D({ name: "pool" }).apply(x);
  const y = new Dense({ name: "head", units: classes, seed: 6, ...(softmax && { activation: "softmax" }) }).apply(x);
  return new FunctionalModel({ inputs: image, outputs: y, name: "mini" });
}
