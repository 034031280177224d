/** Nodes that are layers with weights: convolutions, products, normalizations. */
import { BatchNormalization } from "../../../nn/layers/batch-normalization";
import { Conv2D } from "../../../nn/layers/conv2d";
import { Dense } from "../../../nn/layers/dense";
import { DepthwiseConv2D } from "../../../nn/layers/depthwise-conv2d";
import { LayerNormalization } from "../../../nn/layers/layer-normalization";
import { ZeroPadding2D } from "../../../nn/layers/padding2d";
import type { SymbolicTensor } from "../../../nn/symbolic";
import { flagOf, numberOf, wholeOf } from "../attributes";
import { hostTensor, product, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { dimsOf } from "../layout/tensor";
import { filterArrangement, isDepthwise } from "../operators/convolution";
import { windowOf, type Window } from "../operators/images";
import { imageAxes, type Builder, type Built } from "./builder";

/** Makes the layer of a node, or says with undefined that there is none of Keras's for it. */
export type Maker = (b: Builder, node: OnnxNode) => Built | undefined;

export const isZero = (pads: readonly number[]) => pads.every((p) => p === 0);

/** Keras's name of a padding, as far as it has one for these sizes: "same" puts the odd zero behind. */
export function paddingName(window: Window, image: readonly [number, number]): "valid" | "same" | undefined {
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
  b.fill(layer.kernel, w, filterArrangement(dims, groups, depthwise));
  if (bias) b.fill(layer.bias, bias);
  return result;
};

/** Whether the tensor's only axis in this place is the last in memory. */
const isLast = (x: Built, i: number): boolean =>
  x.layout.axes[i].length === 1 && x.layout.axes[i][0] === x.layout.shape.length - 1;

/** [features] last, everything else as it lies; a tensor of two dimensions as two. */
export function featuresLast(
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
  b.fill(layer.kernel, w, { dims: w.dims, order: transposed ? [1, 0] : [0, 1], shape: [] });
  if (bias) b.fill(layer.bias, bias);
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
  if (!x || weights.some((w) => !w) || b.givesMore(node)) return undefined;
  const rank = x.layout.axes.length;
  if (rank !== 4 && rank !== 2) return undefined;
  const input = rank === 4 ? b.image(node, x) : b.bring(node, x, [1]);
  const layer = new BatchNormalization({
    name: b.names.of(node, weights),
    epsilon: numberOf(node, "epsilon", 1e-5),
    momentum: numberOf(node, "momentum", 0.9),
  });
  const result = b.apply(layer, input, rank === 4 ? imageAxes : [[0], [1]]);
  [layer.gamma, layer.beta, layer.movingMean, layer.movingVariance].forEach((p, i) => b.fill(p, weights[i]!));
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
  b.fill(layer.gamma, factor);
  b.fill(layer.beta, offset);
  b.fill(layer.movingMean, mean);
  const variance = new Float32Array(mean.data.length).fill(1 - epsilon);
  b.fill(layer.movingVariance, hostTensor(mean.dims, "float", variance));
  return result;
};

const layerNormalization: Maker = (b, node) => {
  const [x, gamma, beta] = [b.tensor(node, 0), b.constant(node, 1), b.constant(node, 2)];
  if (!x || !gamma || (node.inputs[2] && !beta) || b.givesMore(node)) return undefined;
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
  b.fill(layer.gamma, gamma);
  if (beta) b.fill(layer.beta, beta);
  return result;
};

export const weighted: Readonly<Record<string, Maker>> = {
  Conv: conv,
  Gemm: gemm,
  MatMul: matMul,
  Linear: matMul,
  BatchNormalization: batchNormalization,
  ChannelAffine: channelAffine,
  LayerNormalization: layerNormalization,
};
