/** Layer normalization written out, and per-channel factors and offsets in a row. */
import { numbersOf, wholeOf } from "../attributes";
import { product, type HostTensor } from "../host-tensor";
import type { OnnxNode } from "../ir";
import { replacing, type Pattern, type Rewriter } from "./rewriter";

/** The axes of a mean that keeps its dimensions. */
function meanAxes(r: Rewriter, node: OnnxNode, rank: number): number[] | undefined {
  if (wholeOf(node, "keepdims", 1) !== 1) return undefined;
  const list = node.inputs[1] ? r.constant(node.inputs[1])?.data : numbersOf(node, "axes");
  return list && Array.from(list, (a) => (a < 0 ? a + rank : a)).toSorted((a, b) => a - b);
}

/** gamma * (x - mean) / sqrt(mean of squares + epsilon) + beta over the last axes, as TorchScript writes it before opset 17. */
export const layerNormalization: Pattern = (r, last) => {
  if (last.op !== "Add") return undefined;
  const outer = r.sides(last);
  const scaling = outer && r.only(outer.computed, "Mul");
  const inner = scaling && r.sides(scaling);
  const division = inner && r.only(inner.computed, "Div");
  if (!outer || !inner || !division) return undefined;
  const root = r.only(division.inputs[1], "Sqrt");
  const shifted = root && r.only(root.inputs[0], "Add");
  const sum = shifted && r.sides(shifted);
  const variance = sum && r.only(sum.computed, "ReduceMean");
  const epsilon = sum && r.scalar(sum.constant);
  const square = variance && r.only(variance.inputs[0]);
  const difference = r.producer(division.inputs[0], "Sub");
  if (!root || !shifted || epsilon === undefined || !variance || !square || !difference) return undefined;
  const centred = difference.outputs[0];
  const squares =
    (square.op === "Pow" && square.inputs[0] === centred && r.scalar(square.inputs[1]) === 2) ||
    (square.op === "Mul" && square.inputs.every((i) => i === centred));
  const mean = r.only(difference.inputs[1], "ReduceMean");
  const x = difference.inputs[0];
  const rank = r.dims(x)?.length ?? 0;
  if (!squares || !mean || mean.inputs[0] !== x) return undefined;
  const axes = meanAxes(r, mean, rank);
  const same = axes?.join() === meanAxes(r, variance, rank)?.join();
  const nodes = [mean, difference, square, variance, shifted, root, division, scaling, last];
  const trailing = axes?.every((a, i) => a === rank - axes.length + i);
  if (!axes || !same || !trailing || !r.isInner(centred, new Set(nodes))) return undefined;
  const replacement = replacing(last, "LayerNormalization", [x, inner.constant, outer.constant], {
    axis: rank - axes.length,
    epsilon,
  });
  return { nodes, replacement };
};

/** The one logical axis along which a constant differs; undefined where it differs along several or none. */
function channelAxis(constant: HostTensor, dims: readonly number[]): number | undefined {
  const offset = dims.length - constant.dims.length;
  const long = constant.dims.flatMap((d, i) => (d === 1 ? [] : [i + offset]));
  return long.length === 1 && offset >= 0 && constant.dims[long[0] - offset] === dims[long[0]] ? long[0] : undefined;
}

/** A vector of the constant's numbers, known as the same weight. */
const vector = (constant: HostTensor, change: (v: number) => number = (v) => v): HostTensor => ({
  dims: [product(constant.dims)],
  kind: "float",
  weight: constant.weight ?? "constant",
  data: Float32Array.from(constant.data, change),
});

interface Step {
  readonly node: OnnxNode;
  readonly op: "Add" | "Sub" | "Mul" | "Div";
  readonly constant: HostTensor;
  readonly x: string;
}

function step(
  r: Rewriter,
  node: OnnxNode | undefined,
  ops: readonly string[],
  axis?: number,
): (Step & { axis: number }) | undefined {
  if (!node || !ops.includes(node.op)) return undefined;
  const sides = r.sides(node);
  const dims = r.dims(node.outputs[0]);
  const constant = sides && r.constant(sides.constant);
  if (
    !sides ||
    !dims ||
    constant?.kind !== "float" ||
    (sides.constantFirst && (node.op === "Sub" || node.op === "Div"))
  )
    return undefined;
  const found = channelAxis(constant, dims);
  if (found === undefined || (axis !== undefined && found !== axis) || r.dims(sides.computed)?.length !== dims.length)
    return undefined;
  return { node, op: node.op as Step["op"], constant, x: sides.computed, axis: found };
}

/**
 * ((x - mean) * scale) + shift with a number a channel, the form that Keras's export gives batch normalization; without the mean too.
 * Behind a BatchNormalization (Caffe's Scale) it joins that.
 */
export const channelAffine: Pattern = (r, last) => {
  const shift = step(r, last, ["Add", "Sub"]);
  const scale = shift && step(r, r.only(shift.x), ["Mul", "Div"], shift.axis);
  if (!shift || !scale) return undefined;
  const mean = step(r, r.only(scale.x), ["Sub", "Add"], shift.axis);
  const dims = r.dims(last.outputs[0])!;
  if (dims.length < 3 && !mean) return undefined; // a product's bias and its scale are no normalization
  const sign = (s: Step) => (s.op === "Sub" ? -1 : 1);
  const factor = vector(scale.constant, scale.op === "Div" ? (v) => 1 / v : undefined);
  const offset = vector(shift.constant, (v) => sign(shift) * v);
  const before = mean ? undefined : joined(r, scale.x);
  if (before && shift.axis === 1) {
    const { gamma, beta, node, rest } = before;
    const merged = [
      r.add({ ...vector(gamma), data: gamma.data.map((v, i) => v * factor.data[i]) }),
      r.add({ ...vector(beta), data: beta.data.map((v, i) => v * factor.data[i] + offset.data[i]) }),
    ];
    const replacement = { ...node, outputs: last.outputs, inputs: [node.inputs[0], ...merged, ...rest] };
    return { nodes: [node, scale.node, last], replacement };
  }
  const zeros = { ...vector(factor), data: new Float32Array(factor.data.length) };
  const centre = mean ? vector(mean.constant, (v) => -sign(mean) * v) : zeros;
  const inputs = [mean?.x ?? scale.x, r.add(factor), r.add(offset), r.add(centre)];
  return {
    nodes: [...(mean ? [mean.node] : []), scale.node, last],
    replacement: replacing(last, "ChannelAffine", inputs, { axis: shift.axis }),
  };
};

function joined(r: Rewriter, name: string) {
  const node = r.only(name, "BatchNormalization");
  const [gamma, beta] = [r.constant(node?.inputs[1]), r.constant(node?.inputs[2])];
  return node && gamma && beta && node.outputs.length === 1
    ? { node, gamma, beta, rest: node.inputs.slice(3) }
    : undefined;
}

/** A product with a matrix of weights and the row that is added to it. */
export const linear: Pattern = (r, last) => {
  if (last.op !== "Add") return undefined;
  const sides = r.sides(last);
  const matmul = sides && r.only(sides.computed, "MatMul");
  const weights = r.constant(matmul?.inputs[1]);
  const bias = sides && r.constant(sides.constant);
  if (
    !matmul ||
    weights?.dims.length !== 2 ||
    !bias ||
    product(bias.dims) !== weights.dims[1] ||
    bias.dims.at(-1) !== weights.dims[1]
  )
    return undefined;
  if (bias.dims.length > (r.dims(last.outputs[0])?.length ?? 0)) return undefined;
  return {
    nodes: [matmul, last],
    replacement: { ...replacing(last, "Linear", [...matmul.inputs, sides.constant]), name: matmul.name },
  };
};

/** A convolution and a number a channel that is added to it, also where a transpose stands in between (tf2onnx, Keras). */
export const convolutionBias: Pattern = (r, last) => {
  const bias = step(r, last, ["Add"]);
  if (!bias) return undefined;
  const turn = r.only(bias.x, "Transpose");
  const conv = r.only(turn ? turn.inputs[0] : bias.x, "Conv");
  const order = turn ? numbersOf(turn, "perm") : undefined;
  const axis = turn ? order?.[bias.axis] : bias.axis;
  if (!conv || axis !== 1 || conv.inputs.length > 2 || !r.constant(conv.inputs[1])) return undefined;
  const inputs = [...conv.inputs, r.add(vector(bias.constant))];
  if (!turn) return { nodes: [conv, last], replacement: { ...conv, inputs, outputs: last.outputs } };
  return {
    nodes: [conv, turn, last],
    replacement: [
      { ...conv, inputs },
      { ...turn, outputs: last.outputs },
    ],
  };
};
