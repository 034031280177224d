/** The network of the rows in Thaw, with what a step costs in counts. */
import {
  adam,
  Add,
  BatchNormalization,
  Conv2D,
  Dense,
  DepthwiseConv2D,
  FunctionalModel,
  GlobalAveragePooling2D,
  input,
  ReLU,
  sparseCategoricalCrossentropy,
  ZeroPadding2D,
  type Gpu,
  type Layer,
  type SymbolicTensor,
} from "../../src/index";
import type { LayerSpec } from "./mobilenet";

export interface Network {
  readonly specs: readonly LayerSpec[];
  /** Side of the square image. */
  readonly size: number;
}

function layerOf({ kind, name, filters, kernel, stride = 1 }: LayerSpec): Layer {
  const padding = stride === 1 ? "same" : "valid";
  switch (kind) {
    case "conv":
      return new Conv2D({ name, filters: filters!, kernelSize: kernel!, strides: stride, padding, useBias: false });
    case "depthwise":
      return new DepthwiseConv2D({ name, kernelSize: kernel!, strides: stride, padding, useBias: false });
    case "norm":
      return new BatchNormalization({ name, momentum: 0.999, epsilon: 1e-3 });
    case "relu6":
      return new ReLU({ name, maxValue: 6 });
    case "add":
      return new Add({ name });
    case "pool":
      return new GlobalAveragePooling2D({ name });
    case "dense":
      return new Dense({ name, units: filters! });
  }
}

export function buildThaw({ specs, size }: Network): FunctionalModel {
  const image = input([size, size, 3], { name: "image" });
  const values = new Map<string, SymbolicTensor>([["image", image]]);
  for (const spec of specs) {
    let inputs = spec.inputs.map((name) => values.get(name)!);
    if (spec.stride === 2) {
      // Keras's applications pad by hand before a stride of two, as its importers of TensorFlow weights need it.
      const even = inputs[0].shape[0] % 2 === 0 ? 0 : 1;
      const padding: [[number, number], [number, number]] = [
        [even, 1],
        [even, 1],
      ];
      inputs = [new ZeroPadding2D({ name: `${spec.name}_pad`, padding }).apply(inputs[0])];
    }
    const layer = layerOf(spec);
    values.set(spec.name, spec.kind === "add" ? layer.apply(inputs) : layer.apply(inputs[0]));
  }
  return new FunctionalModel({ inputs: image, outputs: values.get(specs.at(-1)!.name)!, name: "mobilenet" });
}

export async function compileThaw(model: FunctionalModel, gpu: Gpu): Promise<void> {
  await model.compile({ gpu, optimizer: adam(1e-3), loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
}
