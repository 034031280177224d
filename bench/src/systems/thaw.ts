/** A network of the rows in Thaw, with weights that every other system gets too. */
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
  MaxPooling2D,
  ReLU,
  sparseCategoricalCrossentropy,
  ZeroPadding2D,
  type Container,
  type Gpu,
  type Layer,
  type Parameter,
  type SymbolicTensor,
} from "../../../src/index";
import { paddingOf, type LayerSpec, type Network } from "../networks/layers";
import { normal, seeded } from "../random";

function layerOf(spec: LayerSpec): Layer {
  const { kind, name, filters, kernel, stride = 1, bias = false, epsilon, momentum } = spec;
  const padding = paddingOf(spec);
  switch (kind) {
    case "conv":
      return new Conv2D({ name, filters: filters!, kernelSize: kernel!, strides: stride, padding, useBias: bias });
    case "depthwise":
      return new DepthwiseConv2D({ name, kernelSize: kernel!, strides: stride, padding, useBias: false });
    case "norm":
      return new BatchNormalization({ name, momentum, epsilon });
    case "relu":
      return new ReLU({ name });
    case "relu6":
      return new ReLU({ name, maxValue: 6 });
    case "add":
      return new Add({ name });
    case "maxPool":
      return new MaxPooling2D({ name, poolSize: kernel!, strides: stride });
    case "pool":
      return new GlobalAveragePooling2D({ name });
    case "dense":
      return new Dense({ name, units: filters! });
  }
}

/** The network as its layers draw it; no GPU is needed for it. */
export function assembleThaw({ specs, size }: Network): FunctionalModel {
  const image = input([size, size, 3], { name: "image" });
  const values = new Map<string, SymbolicTensor>([["image", image]]);
  for (const spec of specs) {
    let inputs = spec.inputs.map((name) => values.get(name)!);
    if (spec.pad) {
      const padding: [[number, number], [number, number]] = [[...spec.pad], [...spec.pad]];
      inputs = [new ZeroPadding2D({ name: `${spec.name}_pad`, padding }).apply(inputs[0])];
    }
    const layer = layerOf(spec);
    values.set(spec.name, spec.kind === "add" ? layer.apply(inputs) : layer.apply(inputs[0]));
  }
  return new FunctionalModel({ inputs: image, outputs: values.get(specs.at(-1)!.name)!, name: "network" });
}

/** The network with the weights that every system gets, from a fixed seed. */
export function buildThaw(network: Network): FunctionalModel {
  const model = assembleThaw(network);
  const random = seeded(7);
  for (const layer of model.layers)
    for (const parameter of layer.parameters) parameter.assign(draw(parameter, layer, random));
  return model;
}

/** Values that keep signals of a usual size through the whole depth, and statistics that a wrong use of would show. */
function draw(parameter: Parameter, layer: Layer, random: () => number): Float32Array {
  const { name, shape, count } = parameter;
  const each = (value: () => number) => Float32Array.from({ length: count }, value);
  const between = (low: number, high: number) => each(() => low + (high - low) * random());
  if (name.endsWith("kernel")) {
    const fanIn = layer instanceof DepthwiseConv2D ? shape[0] * shape[1] : count / shape.at(-1)!;
    const deviation = Math.sqrt((layer instanceof Dense ? 1 : 2) / fanIn);
    return each(() => deviation * normal(random));
  }
  if (name === "gamma" || name === "moving_variance") return between(0.8, 1.2);
  return between(-0.1, 0.1);
}

/** Freezes the first `frozen` layers, as `model.layers` counts them. */
export function freeze(model: FunctionalModel, frozen: number): void {
  model.layers.forEach((layer, i) => (layer.trainable = i >= frozen));
}

export async function compileThaw(model: Container, gpu: Gpu): Promise<void> {
  await model.compile({ gpu, optimizer: adam(1e-3), loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
}
