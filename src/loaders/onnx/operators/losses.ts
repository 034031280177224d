/** Cross entropies, for files of training graphs and for ONNX's tests. They are over whole tensors, not over samples. */
import { formatShape, ThawError } from "../../../errors";
import type { Value } from "../../../nn/graph";
import { describe, textOf } from "../attributes";
import { product } from "../host-tensor";
import type { OnnxNode } from "../ir";
import type { Emitter } from "../layout/emitter";
import { lastAxes } from "../layout/regroup";
import { dimsOf, type Tensor } from "../layout/tensor";
import { tensorInput, type Emit, type Inputs, type Operators } from "./operator";

/** Rows of classes, [..., C], and the wanted class of each row; loss = -weight[target] * x[target]. */
function likelihood(e: Emitter, node: OnnxNode, logs: Tensor, inputs: Inputs): Tensor {
  if (e.batch > 1)
    throw new ThawError(
      describe(node),
      "is a loss over the samples of a batch",
      "a network without its loss",
      "Export the model without it and give the loss to compile().",
    );
  const target = tensorInput(e, node, inputs, 1);
  const classes = dimsOf(logs)[1];
  const rowDims = dimsOf(target);
  const rows = product(rowDims);
  if (rows * classes !== product(dimsOf(logs)))
    throw new ThawError(
      describe(node),
      `classes ${formatShape(rowDims)} for ${formatShape(dimsOf(logs))}`,
      "one for each row",
    );
  const x = e.view(e.plain(lastOf(logs)).value, [rows, classes]);
  const wanted = e.view(e.plain(target).value, [rows]);
  const ignored = node.attributes.get("ignore_index") as number | undefined;
  const number = (value: number) => e.g.constant(`${node.name}/${value}`, [1], [value]);
  const isIgnored =
    ignored === undefined ? undefined : e.apply("arithmetic", { kind: "equal" }, { a: wanted, b: number(ignored) });
  // A class that does not count may lie outside; the first stands in for it.
  const safe = isIgnored ? e.apply("where", {}, { c: isIgnored, a: number(0), b: wanted }) : wanted;
  const picked = e.view(e.apply("gatherElements", { axis: 1 }, { x, indices: e.view(safe, [rows, 1]) }), [rows]);
  const given = inputs[2] && e.apply("gatherAxis", { axis: 0 }, { x: e.whole(inputs[2], [classes]), indices: safe });
  const weight = weightOf(e, given, isIgnored, rows, number);
  const loss = e.apply(
    "affine",
    { scale: -1, offset: 0 },
    { x: weight ? e.apply("multiply", {}, { a: picked, b: weight }) : picked },
  );
  const reduction = textOf(node, "reduction", "mean");
  if (reduction === "none")
    return { value: loss, shape: [1, ...rowDims], axes: rowDims.map((_, i) => [i + 1]), kind: "float" };
  const all = (v: Value) => e.apply("reduce", { kind: "sum", axes: [0], keepDims: true }, { x: v });
  const total = all(loss);
  const mean = () =>
    weight
      ? e.apply("arithmetic", { kind: "div" }, { a: total, b: all(weight) })
      : e.apply("affine", { scale: 1 / rows, offset: 0 }, { x: total });
  return { value: reduction === "sum" ? total : mean(), shape: [1], axes: [], kind: "float" };
}

/** Rows that are ignored weigh nothing. */
function weightOf(
  e: Emitter,
  given: Value | undefined,
  isIgnored: Value | undefined,
  rows: number,
  number: (v: number) => Value,
): Value | undefined {
  if (!isIgnored) return given;
  return e.apply(
    "where",
    {},
    { c: isIgnored, a: number(0), b: given ?? e.apply("expand", { shape: [rows] }, { x: number(1) }) },
  );
}

/** Logical axis 1, the classes, as the last. */
const lastOf = (t: Tensor): Tensor => ({ ...t, axes: [t.axes[0], ...t.axes.slice(2), t.axes[1]] });

const negativeLogLikelihood: Emit = (e, node, inputs) => [likelihood(e, node, tensorInput(e, node, inputs, 0), inputs)];

const softmaxCrossEntropy: Emit = (e, node, inputs) => {
  const x = tensorInput(e, node, inputs, 0);
  const t = lastAxes(e, describe(node), x, [1]);
  const logs: Tensor = { ...t, value: e.apply("logSoftmax", {}, { x: e.memory(t) }) };
  return [likelihood(e, node, logs, inputs), logs];
};

export const lossOperators: Operators = {
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};
