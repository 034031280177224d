/** Nodes that are ordinary layers: convolutions, products and normalizations with constant weights, pooling, sums, activations. */
import { Activation } from "../../../nn/layers/activation";
import type { ActivationConfig } from "../../../nn/layers/activations";
import { BatchNormalization } from "../../../nn/layers/batch-normalization";
import { Concatenate } from "../../../nn/layers/concatenate";
import { Conv2D } from "../../../nn/layers/conv2d";
import { Dense } from "../../../nn/layers/dense";
import { DepthwiseConv2D } from "../../../nn/layers/depthwise-conv2d";
import { Dropout } from "../../../nn/layers/dropout";
import { GlobalAveragePooling2D, GlobalMaxPooling2D } from "../../../nn/layers/global-pooling2d";
import { LayerNormalization } from "../../../nn/layers/layer-normalization";
import { Add, Multiply, Subtract } from "../../../nn/layers/merge";
import { ZeroPadding2D } from "../../../nn/layers/padding2d";
import { AveragePooling2D, MaxPooling2D } from "../../../nn/layers/pooling2d";
import { LeakyReLU, ReLU } from "../../../nn/layers/rectifiers";
import { Softmax } from "../../../nn/layers/softmax";
import type { Layer } from "../../../nn/layer";
import type { SymbolicTensor } from "../../../nn/symbolic";
import { flagOf, numberOf, numbersOf, textOf, wholeOf } from "../attributes";
import { product, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { arrange } from "../layout/emitter";
import { dimsOf } from "../layout/tensor";
import { filterArrangement, isDepthwise } from "../operators/convolution";
import { windowOf, type Window } from "../operators/images";
import { isPlainPool, poolWindow } from "../operators/pooling";
import { axesOf } from "../shapes";
import { fill, imageAxes, isBuilt, type Builder, type Built } from "./builder";

/** Makes the layer of a node, or says with undefined that there is none of Keras's for it. */
type Maker = (b: Builder, node: OnnxNode) => Built | undefined;

const isZero = (pads: readonly number[]) => pads.every((p) => p === 0);

/** Keras's name of a padding, as far as it has one for these sizes: "same" puts the odd zero behind. */
function paddingName(window: Window, image: readonly [number, number]): "valid" | "same" | undefined {
  if (isZero(window.pads)) return "valid";
  const same = ([0, 1] as const).every((a) => {
    const reach = (window.size[a] - 1) * window.dilation[a] + 1;
    const total = Math.max((Math.ceil(image[a] / window.strides[a]) - 1) * window.strides[a] + reach - image[a], 0);
    return window.pads[2 * a] === Math.floor(total / 2) && window.pads[2 * a + 1] === total - Math.floor(total / 2);
  });
  return same ? "same" : undefined;
}

const conv: Maker = (b, node) => {
  const [x, w, bias] = [b.tensor(node, 0), b.constant(node, 1), b.constant(node, 2)];
  if (!x || w?.dims.length !== 4 || (node.inputs[2] && !bias)) return undefined;
  const { dims } = w;
  const groups = wholeOf(node, "group", 1);
  const own = dimsOf(x.layout);
  if (own.length !== 4 || dims[1] * groups !== own[1]) return undefined; // the emitter says what is wrong
  let input = b.image(node, x);
  const name = b.names.of(node, [w, bias]);
  const size: [number, number] = [dims[2], dims[3]];
  const window = windowOf(node, 2, size, [own[2], own[3]]);
  const padding = paddingName(window, [own[2], own[3]]);
  if (!padding) {
    const [top, bottom, left, right] = window.pads;
    input = new ZeroPadding2D({
      name: b.names.take(`${name}_pad`),
      padding: [
        [top, bottom],
        [left, right],
      ],
    }).apply(input);
  }
  const depthwise = isDepthwise(groups, dims);
  const common = {
    name,
    kernelSize: size,
    strides: window.strides,
    dilationRate: window.dilation,
    padding: padding ?? "valid",
    useBias: bias !== undefined,
  } as const;
  const layer = depthwise
    ? new DepthwiseConv2D({ ...common, depthMultiplier: dims[0] / groups })
    : new Conv2D({ ...common, filters: dims[0], groups });
  const result = b.apply(layer, input, imageAxes);
  fill(layer.kernel, arrange(w, filterArrangement(dims, groups, depthwise)), true);
  if (bias) fill(layer.bias, bias.data);
  return result;
};

/** Whether the tensor's only axis in this place is the last in memory. */
const isLast = (x: Built, i: number): boolean =>
  x.layout.axes[i].length === 1 && x.layout.axes[i][0] === x.layout.shape.length - 1;

/** [features] last, everything else as it lies; a tensor of two dimensions as two. */
function featuresLast(
  b: Builder,
  node: OnnxNode,
  x: Built,
): { input: SymbolicTensor; axes: Built["layout"]["axes"] } | undefined {
  const rank = x.layout.axes.length;
  if (x.layout.axes[0]?.length === 1 && x.layout.axes[0][0] === 0 && rank >= 2) {
    const inner = x.layout.axes.slice(1);
    // In ONNX's order already, or two dimensions: bring makes it exactly that.
    const flat = inner.flat();
    if (rank === 2 || flat.every((p, i) => i === 0 || flat[i - 1] < p))
      return {
        input: b.bring(
          node,
          x,
          inner.map((_, i) => i + 1),
        ),
        axes: x.layout.axes.map((_, i) => [i]),
      };
  }
  const own = x.symbolic.shape;
  const asItLies = own.length === x.layout.shape.length - 1 && own.every((d, i) => d === x.layout.shape[i + 1]);
  return isLast(x, rank - 1) && asItLies ? { input: x.symbolic, axes: x.layout.axes } : undefined;
}

/** x W + b with W [K, N], or [N, K] where `transposed`. */
function dense(
  b: Builder,
  node: OnnxNode,
  w: HostTensor,
  transposed: boolean,
  bias: HostTensor | undefined,
): Built | undefined {
  const x = b.tensor(node, 0);
  if (!x || w.dims.length !== 2) return undefined;
  const units = w.dims[transposed ? 0 : 1];
  if (bias && (product(bias.dims) !== units || bias.dims.at(-1) !== units)) return undefined;
  const at = featuresLast(b, node, x);
  if (!at || at.input.shape.at(-1) !== w.dims[transposed ? 1 : 0]) return undefined;
  const layer = new Dense({ name: b.names.of(node, [w, bias]), units, useBias: bias !== undefined });
  const result = b.apply(layer, at.input, at.axes);
  fill(layer.kernel, arrange(w, { dims: w.dims, order: transposed ? [1, 0] : [0, 1], shape: [] }), true);
  if (bias) fill(layer.bias, bias.data);
  return result;
}

const gemm: Maker = (b, node) => {
  const [w, bias] = [b.constant(node, 1), b.constant(node, 2)];
  const plain = numberOf(node, "alpha", 1) === 1 && numberOf(node, "beta", 1) === 1 && !flagOf(node, "transA");
  if (!w || !plain || (node.inputs[2] && !bias)) return undefined;
  return dense(b, node, w, flagOf(node, "transB"), bias);
};

const matMul: Maker = (b, node) => {
  const w = b.constant(node, 1);
  return w && dense(b, node, w, false, b.constant(node, 2));
};

const batchNormalization: Maker = (b, node) => {
  const x = b.tensor(node, 0);
  const weights = [1, 2, 3, 4].map((i) => b.constant(node, i));
  if (!x || weights.some((w) => !w) || flagOf(node, "training_mode") || node.outputs.slice(1).some((o) => o !== ""))
    return undefined;
  const rank = x.layout.axes.length;
  if (rank !== 4 && rank !== 2) return undefined;
  const input = rank === 4 ? b.image(node, x) : b.bring(node, x, [1]);
  const layer = new BatchNormalization({
    name: b.names.of(node, weights),
    epsilon: numberOf(node, "epsilon", 1e-5),
    momentum: numberOf(node, "momentum", 0.9),
  });
  const result = b.apply(layer, input, rank === 4 ? imageAxes : [[0], [1]]);
  [layer.gamma, layer.beta, layer.movingMean, layer.movingVariance].forEach((p, i) => fill(p, weights[i]!.data));
  return result;
};

/**
 * Factor, offset and mean of each channel, without the statistics they came from: a batch normalization whose deviation is 1, and
 * which keeps its mean, since the batch's would bring others.
 */
const channelAffine: Maker = (b, node) => {
  const x = b.tensor(node, 0);
  if (!x) return undefined;
  const [factor, offset, mean] = [1, 2, 3].map((i) => b.constant(node, i)!);
  const axis = wholeOf(node, "axis");
  const others = x.layout.axes.map((_, i) => i).filter((i) => i !== axis && i !== 0);
  if (x.layout.axes[0].join() !== "0") return undefined;
  const input = b.bring(node, x, [...others, axis]);
  const epsilon = 1e-3;
  const layer = new BatchNormalization({ name: b.names.of(node, [factor, offset, mean]), epsilon });
  const axes = x.layout.axes.map((_, i) =>
    i === 0 ? [0] : i === axis ? [others.length + 1] : [others.indexOf(i) + 1],
  );
  const result = b.apply(layer, input, axes, { training: false });
  fill(layer.gamma, factor.data);
  fill(layer.beta, offset.data);
  fill(layer.movingMean, mean.data);
  fill(layer.movingVariance, new Float32Array(mean.data.length).fill(1 - epsilon));
  return result;
};

const layerNormalization: Maker = (b, node) => {
  const [x, gamma, beta] = [b.tensor(node, 0), b.constant(node, 1), b.constant(node, 2)];
  if (!x || !gamma || (node.inputs[2] && !beta) || node.outputs.slice(1).some((o) => o !== "")) return undefined;
  const rank = x.layout.axes.length;
  const axis = wholeOf(node, "axis", -1);
  if (axis !== -1 && axis !== rank - 1) return undefined;
  const at = featuresLast(b, node, x);
  const size = dimsOf(x.layout)[rank - 1];
  if (!at || gamma.dims.length !== 1 || gamma.dims[0] !== size || (beta && product(beta.dims) !== size))
    return undefined;
  const layer = new LayerNormalization({
    name: b.names.of(node, [gamma, beta]),
    epsilon: numberOf(node, "epsilon", 1e-5),
    center: beta !== undefined,
  });
  const result = b.apply(layer, at.input, at.axes);
  fill(layer.gamma, gamma.data);
  if (beta) fill(layer.beta, beta.data);
  return result;
};

/** A layer of each element, on whatever lies there. */
function everywhere(b: Builder, node: OnnxNode, make: (name: string) => Layer): Built | undefined {
  const x = b.tensor(node, 0);
  if (!x) return undefined;
  const [symbolic] = [make(b.names.of(node)).apply(x.symbolic)];
  return { symbolic, layout: x.layout };
}

const activation =
  (config: (node: OnnxNode) => ActivationConfig | undefined): Maker =>
  (b, node) => {
    const found = config(node);
    return found === undefined ? undefined : everywhere(b, node, (name) => new Activation({ name, activation: found }));
  };

const clip: Maker = (b, node) => {
  const bound = (i: number, key: string) =>
    b.constant(node, i)?.data[0] ?? (node.attributes.has(key) ? numberOf(node, key) : undefined);
  const [min, max] = [bound(1, "min"), bound(2, "max")];
  if (min !== 0 || (node.inputs[2] && max === undefined)) return undefined;
  return everywhere(b, node, (name) => new ReLU({ name, maxValue: max !== undefined && max < 3.4e38 ? max : null }));
};

const hardSigmoid = (node: OnnxNode) =>
  Math.abs(numberOf(node, "alpha", 0.2) - 1 / 6) < 1e-6 && numberOf(node, "beta", 0.5) === 0.5
    ? "hard_sigmoid"
    : undefined;

const maxPool: Maker = (b, node) => pool(b, node, (o) => new MaxPooling2D(o));
const averagePool: Maker = (b, node) => pool(b, node, (o) => new AveragePooling2D(o));

function pool(
  b: Builder,
  node: OnnxNode,
  make: (options: ConstructorParameters<typeof MaxPooling2D>[0] & object) => Layer,
): Built | undefined {
  const x = b.tensor(node, 0);
  if (x?.layout.axes.length !== 4 || node.outputs.slice(1).some((o) => o !== "")) return undefined;
  const own = dimsOf(x.layout);
  const window = poolWindow(node, 2, [own[2], own[3]]);
  const padding = paddingName(window, [own[2], own[3]]);
  if (!padding || !isPlainPool(node, window)) return undefined;
  const input = b.image(node, x);
  return b.apply(
    make({ name: b.names.of(node), poolSize: window.size, strides: window.strides, padding }),
    input,
    imageAxes,
  );
}

const globalPool =
  (make: (name: string) => Layer): Maker =>
  (b, node) => {
    const x = b.tensor(node, 0);
    if (x?.layout.axes.length !== 4) return undefined;
    const input = b.image(node, x);
    return b.apply(make(b.names.of(node)), input, imageAxes);
  };

const averageOfAll = globalPool((name) => new GlobalAveragePooling2D({ name, keepdims: true }));

/** The mean over height and width of an image is a global pooling; without its dimensions they are only forgotten. */
const reduceMean: Maker = (b, node) => {
  const x = b.tensor(node, 0);
  if (x?.layout.axes.length !== 4 || (node.inputs[1] && !b.constant(node, 1))) return undefined;
  const axes = axesOf(node, b.constant(node, 1), 4).toSorted((p, q) => p - q);
  // Of an image that the file has as [N, H, W, C], too.
  const spatial = axes.length === 2 && (axes[0] === 2 ? axes[1] === 3 : axes[0] === 1 && axes[1] === 2);
  if (!spatial) return undefined;
  const channels = axes[0] === 2 ? 1 : 3;
  const input = b.bring(node, x, [...axes, channels]);
  const result = b.apply(
    new GlobalAveragePooling2D({ name: b.names.of(node), keepdims: true }),
    input,
    axes[0] === 2 ? imageAxes : [[0], [1], [2], [3]],
  );
  if (flagOf(node, "keepdims", true)) return result;
  return { ...result, layout: { ...result.layout, axes: [[0], [3]] } };
};

/** Two or more tensors that lie the same way, dimensions of 1 aside. */
function merge(b: Builder, node: OnnxNode, make: (name: string) => Layer): Built | undefined {
  const inputs = b.inputs(node).filter(isBuilt);
  if (inputs.length !== node.inputs.length || inputs.length < 2) return undefined;
  const first = inputs.reduce((best, x) => (product(x.layout.shape) > product(best.layout.shape) ? x : best));
  const key = JSON.stringify(first.layout.axes);
  const same = inputs.every(
    (x) =>
      JSON.stringify(x.layout.axes) === key &&
      x.symbolic.shape.length === x.layout.shape.length - 1 &&
      x.symbolic.shape.every((d, i) => d === x.layout.shape[i + 1] && (d === 1 || d === first.layout.shape[i + 1])),
  );
  if (!same) return undefined;
  return b.apply(
    make(b.names.of(node)),
    inputs.map((x) => x.symbolic),
    first.layout.axes,
  );
}

const concat: Maker = (b, node) => {
  const inputs = b.inputs(node).filter(isBuilt);
  if (inputs.length !== node.inputs.length) return undefined;
  const rank = inputs[0].layout.axes.length;
  const axis = wholeOf(node, "axis");
  const list = inputs[0].layout.axes[axis < 0 ? axis + rank : axis];
  const key = JSON.stringify(inputs[0].layout.axes);
  const plain = (x: Built) =>
    JSON.stringify(x.layout.axes) === key &&
    x.symbolic.shape.length === x.layout.shape.length - 1 &&
    x.symbolic.shape.every((d, i) => d === x.layout.shape[i + 1]);
  if (list?.length !== 1 || list[0] === 0 || !inputs.every(plain)) return undefined;
  return b.apply(
    new Concatenate({ name: b.names.of(node), axis: list[0] }),
    inputs.map((x) => x.symbolic),
    inputs[0].layout.axes,
  );
};

const softmax: Maker = (b, node) => {
  const x = b.tensor(node, 0);
  if (!x) return undefined;
  const rank = x.layout.axes.length;
  const axis = wholeOf(node, "axis", node.opset >= 13 ? -1 : 1);
  if ((axis < 0 ? axis + rank : axis) !== rank - 1) return undefined;
  const at = featuresLast(b, node, x);
  return at && b.apply(new Softmax({ name: b.names.of(node) }), at.input, at.axes);
};

/** Zeros around an image, in whichever order the file has its dimensions. */
const pad: Maker = (b, node) => {
  const x = b.tensor(node, 0);
  const pads = b.constant(node, 1) ? Array.from(b.constant(node, 1)!.data) : numbersOf(node, "pads");
  const fillWith = b.constant(node, 2)?.data[0] ?? numberOf(node, "value", 0);
  const constant = textOf(node, "mode", "constant") === "constant";
  if (
    x?.layout.axes.length !== 4 ||
    pads?.length !== 8 ||
    !constant ||
    fillWith !== 0 ||
    node.inputs[3] ||
    (node.inputs[2] && !b.constant(node, 2))
  )
    return undefined;
  // As it lies: [batch, height, width, channels], whichever they are called.
  const order = x.layout.axes.map((list) => (list.length === 1 ? list[0] : -1));
  const places = [0, 1, 2, 3].map((p) => order.indexOf(p));
  if (x.layout.shape.length !== 4 || places.includes(-1) || pads.some((p) => p < 0)) return undefined;
  const [batch, rows, columns, channels] = places.map((i) => [pads[i], pads[i + 4]] as const);
  if ([...batch, ...channels].some((p) => p !== 0)) return undefined;
  const input = b.bring(node, x, places.slice(1));
  return b.apply(new ZeroPadding2D({ name: b.names.of(node), padding: [rows, columns] }), input, x.layout.axes);
};

/** It drops again when training, as it did before the export. */
const dropout: Maker = (b, node) => {
  const given = b.constant(node, 1)?.data[0] ?? numberOf(node, "ratio", 0.5);
  if (node.outputs.slice(1).some((o) => o !== "") || !(given > 0 && given < 1)) return undefined;
  return everywhere(b, node, (name) => new Dropout({ name, rate: given }));
};

const makers: Readonly<Record<string, Maker>> = {
  Conv: conv,
  Gemm: gemm,
  MatMul: matMul,
  Linear: matMul,
  BatchNormalization: batchNormalization,
  ChannelAffine: channelAffine,
  LayerNormalization: layerNormalization,
  Relu: (b, node) => everywhere(b, node, (name) => new ReLU({ name })),
  LeakyRelu: (b, node) =>
    everywhere(b, node, (name) => new LeakyReLU({ name, negativeSlope: numberOf(node, "alpha", 0.01) })),
  Clip: clip,
  Sigmoid: activation(() => "sigmoid"),
  Tanh: activation(() => "tanh"),
  Softplus: activation(() => "softplus"),
  HardSwish: activation(() => "hard_silu"),
  HardSigmoid: activation(hardSigmoid),
  Swish: activation((node) => (numberOf(node, "alpha", 1) === 1 ? "silu" : undefined)),
  Elu: activation((node) => ({ className: "ELU", config: { alpha: numberOf(node, "alpha", 1) } })),
  Gelu: activation((node) =>
    textOf(node, "approximate", "none") === "tanh" ? { className: "gelu", config: { approximate: true } } : "gelu",
  ),
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: averageOfAll,
  GlobalMaxPool: globalPool((name) => new GlobalMaxPooling2D({ name, keepdims: true })),
  ReduceMean: reduceMean,
  Add: (b, node) => merge(b, node, (name) => new Add({ name })),
  Sum: (b, node) => merge(b, node, (name) => new Add({ name })),
  Sub: (b, node) => merge(b, node, (name) => new Subtract({ name })),
  Mul: (b, node) => merge(b, node, (name) => new Multiply({ name })),
  Concat: concat,
  Softmax: softmax,
  Pad: pad,
  Dropout: dropout,
};

/** The layer of a node where Keras has one for it. */
export function makeLayer(b: Builder, node: OnnxNode): Built | undefined {
  return node.domain === "" && Object.hasOwn(makers, node.op) ? makers[node.op](b, node) : undefined;
}
