/** Normalizations and softmax. */
import { ThawError } from "../../../errors";
import type { Value } from "../../../nn/graph";
import { axisOf, describe, flagOf, numberOf, wholeOf } from "../attributes";
import { isHost, product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter, Operand } from "../layout/emitter";
import { lastAxes } from "../layout/regroup";
import { dimsOf, type Tensor } from "../layout/tensor";
import { combine } from "./elementwise";
import { tensorInput, type Emit, type Inputs, type Operators } from "./operator";

/** Whether a normalization is exported as it trains: before opset 14 that shows in its outputs. */
const isTraining = (node: OnnxNode): boolean =>
  flagOf(node, "training_mode") || (node.opset < 14 && node.outputs.slice(1).some((o) => o !== ""));

/**
 * x [N, C, ...] with fixed statistics: y = gamma (x - mean) / sqrt(variance + epsilon) + beta. One that is exported in training mode
 * becomes a BatchNormalization layer, which takes the batch's statistics when it trains and the moving ones else; this only tells
 * its shape.
 */
const batchNormalization: Emit = (e, node, inputs) => {
  if (isTraining(node)) {
    if (e.batch === 1) return withOwnStatistics(e, node, inputs);
    const rank = tensorInput(e, node, inputs, 0).axes.length;
    if ((rank !== 2 && rank !== 4) || !inputs.slice(1).every(isHost))
      throw new ThawError(
        describe(node),
        `is exported in training mode, for ${rank} dimensions`,
        "images or rows of features with constant weights, or inference mode",
        "Call model.eval() before the export.",
      );
  }
  const x = lastAxes(e, describe(node), tensorInput(e, node, inputs, 0), [1]);
  const channels = x.shape.at(-1)!;
  const vector = (i: number) => e.whole(inputs[i]!, [channels]);
  const statistics = { gamma: vector(1), beta: vector(2), mean: vector(3), variance: vector(4) };
  const { scale, shift } = e.g.emit("batchNormFold", { epsilon: numberOf(node, "epsilon", 1e-5) }, statistics);
  return [{ ...x, value: e.apply("channelAffine", {}, { x: e.memory(x), scale, shift }) }];
};

/** With the tensor's own mean and variance, and the moving ones brought nearer to them. */
function withOwnStatistics(e: Emitter, node: OnnxNode, inputs: Inputs): Operand[] {
  const x = lastAxes(e, describe(node), tensorInput(e, node, inputs, 0), [1]);
  const channels = x.shape.at(-1)!;
  const rows = e.view(x.value, [product(x.shape) / channels, channels]);
  const [gamma, beta, ...moving] = [1, 2, 3, 4].map((i) => e.whole(inputs[i]!, [channels]));
  const meanOf = (value: Value) => e.apply("reduce", { kind: "mean", axes: [0], keepDims: false }, { x: value });
  const mean = meanOf(rows);
  const centred = e.apply("arithmetic", { kind: "sub" }, { a: rows, b: mean });
  const variance = meanOf(e.apply("multiply", {}, { a: centred, b: centred }));
  const statistics = { gamma, beta, mean, variance };
  const { scale, shift } = e.g.emit("batchNormFold", { epsilon: numberOf(node, "epsilon", 1e-5) }, statistics);
  const momentum = numberOf(node, "momentum", 0.9);
  const share = (value: Value, scale: number) => e.apply("affine", { scale, offset: 0 }, { x: value });
  const updated = [mean, variance].map((now, i): Tensor => {
    const value = e.apply("add", {}, { a: share(moving[i], momentum), b: share(now, 1 - momentum) });
    return { value, shape: [1, channels], axes: [[1]], kind: "float" };
  });
  return [{ ...x, value: e.apply("channelAffine", {}, { x: e.memory(x), scale, shift }) }, ...updated];
}

/** Normalizes the last `count` logical axes together. */
interface Normalized {
  readonly y: Tensor;
  /** Of each row, and the inverse deviation. */
  readonly mean: Tensor;
  readonly inverse: Tensor;
}

function layerNorm(e: Emitter, node: OnnxNode, x: Tensor, count: number, gamma?: Operand, beta?: Operand): Normalized {
  const rank = x.axes.length;
  const t = lastAxes(
    e,
    describe(node),
    x,
    Array.from({ length: count }, (_, i) => rank - count + i),
  );
  const inner = t.shape.slice(t.shape.length - count);
  const size = product(inner);
  const flat = e.view(t.value, [...t.shape.slice(0, t.shape.length - count), size]);
  const fits = (w: Operand | undefined) => w !== undefined && product("value" in w ? dimsOf(w) : w.dims) === size;
  const g = fits(gamma) ? gamma : undefined;
  const b = fits(beta) && (g || !gamma) ? beta : undefined; // never before its factor
  const attrs = { epsilon: numberOf(node, "epsilon", 1e-5), axes: 1 };
  const weights = { gamma: g && e.whole(g, [size]), beta: b && e.whole(b, [size]) };
  const outputs = e.g.emit("layerNorm", attrs, { x: flat, ...weights });
  let y: Tensor = { ...t, value: outputs.y };
  // Factors that repeat along some of the axes are multiplied afterwards.
  if (gamma && !g) y = combine(e, node, [y, gamma], (p, q) => e.apply("multiply", {}, { a: p, b: q }));
  if (beta && !b) y = combine(e, node, [y, beta], (p, q) => e.apply("add", {}, { a: p, b: q }));
  const shape = t.shape.map((d, p) => (p < t.shape.length - count ? d : 1));
  const row = (value: Value): Tensor => ({ ...t, shape, value });
  return { y, mean: row(outputs.mean), inverse: row(outputs.invStd) };
}

const layerNormalization: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const axis = axisOf(node, wholeOf(node, "axis", -1), x.axes.length);
  const { y, mean, inverse } = layerNorm(e, node, x, x.axes.length - axis, inputs[1], inputs[2]);
  return [y, mean, inverse].slice(0, node.outputs.length);
};

/** Every channel of every sample by itself, over all that follows the channels. */
const instanceNormalization: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  return [perChannel(e, node, layerNorm(e, node, x, x.axes.length - 2).y, inputs[1]!, inputs[2]!)];
};

/** Channels in groups, each normalized over its channels and positions; weights by channel (before opset 21 by group). */
const groupNormalization: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const dims = dimsOf(x);
  const groups = wholeOf(node, "num_groups");
  if (dims[1] % groups !== 0)
    throw new ThawError(describe(node), `${dims[1]} channels in ${groups} groups`, "groups of equal size");
  // As [N, groups, channels in it, ...]: the channels' memory axes are split, nothing moves.
  const grouped = splitChannels(e, node, x, groups);
  const { y } = layerNorm(e, node, grouped, grouped.axes.length - 2);
  const weights = [inputs[1]!, inputs[2]!];
  if (product(operandDims(weights[0])) === groups && groups !== dims[1]) {
    const scaled = perChannel(e, node, y, weights[0], weights[1]);
    return [joinChannels(scaled)];
  }
  return [perChannel(e, node, joinChannels(y), weights[0], weights[1])];
};

const operandDims = (x: Operand): readonly number[] => ("value" in x ? dimsOf(x) : x.dims);

function splitChannels(e: Emitter, node: OnnxNode, x: Tensor, groups: number): Tensor {
  const t = lastAxes(e, describe(node), x, [1]);
  const p = t.shape.length - 1;
  const channels = t.shape[p];
  const shape = [...t.shape.slice(0, -1), groups, channels / groups];
  const axes = [t.axes[0], [p], [p + 1], ...t.axes.slice(2)];
  return { ...t, shape, axes };
}

/** Logical axes 1 and 2 as one. */
const joinChannels = (t: Tensor): Tensor => ({
  ...t,
  axes: [t.axes[0], [...t.axes[1], ...t.axes[2]], ...t.axes.slice(3)],
});

/** y = x * scale[c] + shift[c] with c the logical axis 1. */
function perChannel(e: Emitter, node: OnnxNode, x: Tensor, scale: Operand, shift: Operand): Tensor {
  const t = lastAxes(e, describe(node), x, [1]);
  const channels = t.shape.at(-1)!;
  const value = e.apply(
    "channelAffine",
    {},
    { x: e.memory(t), scale: e.whole(scale, [channels]), shift: e.whole(shift, [channels]) },
  );
  return { ...t, value };
}

/** x / sqrt(mean of x^2 + epsilon) * scale, over the axes from `axis` on (Zhang and Sennrich 2019). */
const rmsNormalization: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const rank = x.axes.length;
  const first = axisOf(node, wholeOf(node, "axis", -1), rank);
  const t = lastAxes(
    e,
    describe(node),
    x,
    Array.from({ length: rank - first }, (_, i) => first + i),
  );
  const count = rank - first;
  const lead = t.shape.slice(0, t.shape.length - count);
  const size = product(t.shape.slice(t.shape.length - count));
  const flat = e.view(t.value, [...lead, size]);
  const squares = e.apply("multiply", {}, { a: flat, b: flat });
  const mean = e.apply("reduce", { kind: "mean", axes: [lead.length], keepDims: true }, { x: squares });
  const shifted = e.apply("affine", { scale: 1, offset: numberOf(node, "epsilon", 1e-5) }, { x: mean });
  const inverse = e.apply("unary", { kind: "reciprocal" }, { x: e.apply("unary", { kind: "sqrt" }, { x: shifted }) });
  const y: Tensor = { ...t, value: e.apply("multiply", {}, { a: flat, b: inverse }) };
  return [inputs[1] ? combine(e, node, [y, inputs[1]], (a, b) => e.apply("multiply", {}, { a, b })) : y];
};

/** Since opset 13 over one axis, the last by default; before that over all axes from `axis` on together, the second by default. */
const softmax =
  (op: string): Emit =>
  (e, node, inputs) => {
    const x = tensorInput(e, node, inputs, 0);
    const rank = x.axes.length;
    const since13 = node.opset >= 13;
    const axis = axisOf(node, wholeOf(node, "axis", since13 ? -1 : 1), rank);
    const t = lastAxes(
      e,
      describe(node),
      x,
      since13 ? [axis] : Array.from({ length: rank - axis }, (_, i) => axis + i),
    );
    const count = since13 ? 1 : rank - axis;
    const flat = [...t.shape.slice(0, t.shape.length - count), product(t.shape.slice(t.shape.length - count))];
    return [{ ...t, value: e.apply(op, {}, { x: e.view(t.value, flat) }) }];
  };

/** Krizhevsky et al. 2012: x / (bias + alpha / size * sum of x^2 over neighbouring channels)^beta. */
const lrn: Emit = (e, node, inputs) => {
  const t = lastAxes(e, describe(node), tensorInput(e, node, inputs, 0), [1]);
  const size = wholeOf(node, "size");
  const channels = t.shape.at(-1)!;
  const lead = t.shape.slice(0, -1);
  const value = e.memory(t);
  const squares = e.apply("multiply", {}, { a: value, b: value });
  // Channels as the columns of an image, so that the window slides along them; zeros beyond the ends count.
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const [images, rest] = [lead[0], product(lead.slice(1))];
  const columns = e.apply(
    "pad",
    { before: [0, 0, before, 0], after: [0, 0, after, 0] },
    { x: e.view(squares, [images, rest, channels, 1]) },
  );
  const means = e.apply("averagePool", { size: [1, size], strides: [1, 1], pads: [0, 0, 0, 0] }, { x: columns });
  const base = e.apply(
    "affine",
    { scale: numberOf(node, "alpha", 1e-4), offset: numberOf(node, "bias", 1) },
    { x: means },
  );
  const exponent = e.g.constant(`${node.name}/beta`, [1], [numberOf(node, "beta", 0.75)]);
  const power = e.apply("arithmetic", { kind: "pow" }, { a: base, b: exponent });
  return [{ ...t, value: e.apply("arithmetic", { kind: "div" }, { a: value, b: e.view(power, t.shape) }) }];
};

/** x / norm over one axis (ONNX LpNormalization): p 1 or 2; where the norm is 0, so is the result. */
const lpNormalization: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const axis = axisOf(node, wholeOf(node, "axis", -1), x.axes.length);
  const t = lastAxes(e, describe(node), x, [axis]);
  const value = e.memory(t);
  const kind = wholeOf(node, "p", 2) === 1 ? "l1" : "l2";
  const norm = e.apply("reduce", { kind, axes: [t.shape.length - 1], keepDims: true }, { x: value });
  const least = e.g.constant(`${node.name}/least`, [1], [1e-30]);
  const divisor = e.apply("arithmetic", { kind: "max" }, { a: norm, b: least });
  return [{ ...t, value: e.apply("arithmetic", { kind: "div" }, { a: value, b: divisor }) }];
};

export const normalizations: Operators = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  RMSNormalization: rmsNormalization,
  Softmax: softmax("softmax"),
  LogSoftmax: softmax("logSoftmax"),
  LpNormalization: lpNormalization,
  LRN: lrn,
};
