/** Nodes that are ordinary layers: those with weights, pooling, sums, activations. */
import { Activation } from "../../../nn/layers/activation";
import type { ActivationConfig } from "../../../nn/layers/activations";
import { Concatenate } from "../../../nn/layers/concatenate";
import { Dropout } from "../../../nn/layers/dropout";
import { GlobalAveragePooling2D, GlobalMaxPooling2D } from "../../../nn/layers/global-pooling2d";
import { Add, Multiply, Subtract } from "../../../nn/layers/merge";
import { ZeroPadding2D } from "../../../nn/layers/padding2d";
import { AveragePooling2D, MaxPooling2D } from "../../../nn/layers/pooling2d";
import { LeakyReLU, ReLU } from "../../../nn/layers/rectifiers";
import { Softmax } from "../../../nn/layers/softmax";
import type { Layer } from "../../../nn/layer";
import { flagOf, numberOf, numbersOf, textOf, wholeOf } from "../attributes";
import { product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { dimsOf } from "../layout/tensor";
import { isPlainPool, poolWindow } from "../operators/pooling";
import { axesOf } from "../shapes";
import { imageAxes, isBuilt, type Builder, type Built } from "./builder";
import { isZero, paddingName, featuresLast, type Maker, weighted } from "./weighted-layers";

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
  if (x?.layout.axes.length !== 4 || b.givesMore(node)) return undefined;
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
  const lies = [0, 1, 2, 3].map((p) => order.indexOf(p));
  // What lies otherwise, such as shuffled channels, is brought into the order of images.
  const plain = x.layout.shape.length === 4 && !lies.includes(-1);
  const places = plain ? lies : [0, 2, 3, 1];
  if (pads.some((p) => p < 0)) return undefined;
  const [batch, rows, columns, channels] = places.map((i) => [pads[i], pads[i + 4]] as const);
  // Only rows and columns; a padding of nothing is no layer.
  if ([...batch, ...channels].some((p) => p !== 0) || isZero(pads)) return undefined;
  const input = b.bring(node, x, places.slice(1));
  return b.apply(
    new ZeroPadding2D({ name: b.names.of(node), padding: [rows, columns] }),
    input,
    plain ? x.layout.axes : imageAxes,
  );
};

/** It drops again when training, as it did before the export. */
const dropout: Maker = (b, node) => {
  const given = b.constant(node, 1)?.data[0] ?? numberOf(node, "ratio", 0.5);
  if (b.givesMore(node) || !(given > 0 && given < 1)) return undefined;
  return everywhere(b, node, (name) => new Dropout({ name, rate: given }));
};

const makers: Readonly<Record<string, Maker>> = {
  ...weighted,
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
