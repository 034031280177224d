/**
 * A network as the bytes of an ONNX file, with Thaw's weights: channels first, explicit padding, one node a layer. ONNX
 * Runtime folds normalizations and activations into the convolutions itself.
 *
 * Field numbers are those of onnx.proto; operator set 13, the newest in which every operator here takes the same inputs in
 * all exporters.
 */
import { paddingOf, type LayerSpec, type Network } from "../networks/layers";
import { ProtobufWriter } from "./protobuf";

/** A layer's weights by Keras's name, with Keras's shapes. */
export type LayerWeights = (
  layer: string,
) => readonly { readonly name: string; readonly shape: readonly number[]; readonly value: Float32Array }[];

const floatType = 1;

const graphField = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;

function tensor(name: string, shape: readonly number[], value: Float32Array): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const size of shape) writer.number(1, size);
  return writer
    .number(2, floatType)
    .bytes(8, name)
    .bytes(9, new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
}

function port(name: string, shape: readonly number[]): ProtobufWriter {
  const dimensions = new ProtobufWriter();
  for (const size of shape) dimensions.bytes(1, new ProtobufWriter().number(1, size));
  const type = new ProtobufWriter().number(1, floatType).bytes(2, dimensions);
  return new ProtobufWriter().bytes(1, name).bytes(2, new ProtobufWriter().bytes(1, type));
}

type Attribute = number | readonly number[] | { readonly float: number };

function node(
  type: string,
  name: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const input of inputs) writer.bytes(1, input);
  writer.bytes(2, name).bytes(3, name).bytes(4, type);
  for (const [key, value] of Object.entries(attributes)) {
    const attribute = new ProtobufWriter().bytes(1, key);
    if (typeof value === "number") attribute.number(3, value).number(20, 2);
    else if ("float" in value) attribute.float(2, value.float).number(20, 1);
    else {
      for (const each of value) attribute.number(8, each);
      attribute.number(20, 7);
    }
    writer.bytes(5, attribute);
  }
  return writer;
}

/** Height, width, in, out to out, in, height, width; a depthwise filter (height, width, channels, 1) to channels, 1, ... */
function filterOf(value: Float32Array, shape: readonly number[], depthwise: boolean): [number[], Float32Array] {
  const [height, width, channels, outputs] = shape;
  const result = new Float32Array(value.length);
  const [outer, inner] = depthwise ? [channels, outputs] : [outputs, channels];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        for (let o = 0; o < outputs; o++) {
          const [major, minor] = depthwise ? [c, o] : [o, c];
          const from = ((y * width + x) * channels + c) * outputs + o;
          result[((major * inner + minor) * height + y) * width + x] = value[from];
        }
  return [[outer, inner, height, width], result];
}

/** Explicit pads as ONNX wants them: top, left, bottom, right. */
function padsOf(spec: LayerSpec): number[] {
  if (spec.pad) return [spec.pad[0], spec.pad[0], spec.pad[1], spec.pad[1]];
  const around = paddingOf(spec) === "same" ? (spec.kernel! - 1) / 2 : 0;
  return [around, around, around, around];
}

/**
 * @param batch images in a call; input "image" [batch, 3, size, size], output the last layer's name, [batch, classes].
 * @param weights of Thaw's layers.
 */
export function onnxBytes({ specs, size, classes }: Network, batch: number, weights: LayerWeights): Uint8Array {
  const graph = new ProtobufWriter();
  const initializer = (name: string, shape: readonly number[], value: Float32Array): string => {
    graph.bytes(graphField.initializer, tensor(name, shape, value));
    return name;
  };
  const add = (...args: Parameters<typeof node>) => graph.bytes(graphField.node, node(...args));
  const zero = initializer("zero", [], Float32Array.of(0));
  const six = initializer("six", [], Float32Array.of(6));
  for (const spec of specs) {
    const { kind, name, inputs, kernel = 1, stride = 1 } = spec;
    const given = (suffix: string) => weights(name).find((w) => w.name.endsWith(suffix))!;
    const vector = (suffix: string): string => {
      const { shape, value } = given(suffix);
      return initializer(`${name}/${suffix}`, shape, value);
    };
    const window = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: padsOf(spec) };
    switch (kind) {
      case "conv":
      case "depthwise": {
        const { shape, value } = given("kernel");
        const filter = initializer(`${name}/kernel`, ...filterOf(value, shape, kind === "depthwise"));
        const group = kind === "depthwise" ? shape[2] : 1;
        add("Conv", name, [...inputs, filter, ...(spec.bias ? [vector("bias")] : [])], { ...window, group });
        break;
      }
      case "norm": {
        const vectors = ["gamma", "beta", "moving_mean", "moving_variance"].map(vector);
        add("BatchNormalization", name, [...inputs, ...vectors], { epsilon: { float: spec.epsilon! } });
        break;
      }
      case "relu":
        add("Relu", name, inputs);
        break;
      case "relu6":
        add("Clip", name, [...inputs, zero, six]);
        break;
      case "add":
        add("Add", name, inputs);
        break;
      case "maxPool":
        add("MaxPool", name, inputs, window);
        break;
      case "pool":
        add("GlobalAveragePool", `${name}/mean`, inputs);
        add("Flatten", name, [`${name}/mean`], { axis: 1 });
        break;
      case "dense": {
        const { shape, value } = given("kernel");
        add("Gemm", name, [...inputs, initializer(`${name}/kernel`, shape, value), vector("bias")]);
        break;
      }
    }
  }
  graph
    .bytes(graphField.name, "network")
    .bytes(graphField.input, port("image", [batch, 3, size, size]))
    .bytes(graphField.output, port(specs.at(-1)!.name, [batch, classes]));
  const operators = new ProtobufWriter().bytes(1, "").number(2, 13);
  return new ProtobufWriter().number(1, 8).bytes(2, "thaw-bench").bytes(7, graph).bytes(8, operators).finish();
}
