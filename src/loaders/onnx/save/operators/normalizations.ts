/** Normalizations and softmax. Batch normalization is one node again, with its four vectors as they are in the model. */
import type { FoldAttrs } from "../../../../kernels/batchNorm/channelAffine";
import type { LayerNormAttrs } from "../../../../kernels/layerNorm/layerNorm";
import type { Value } from "../../../../nn/graph";
import type { GraphWriter } from "../graph-writer";
import { channelsFirst, same } from "../order";
import { float } from "../saved-graph";
import type { Operands, OperationWriters, WriteOperation } from "./writer";

/** Statistics and weights of a batch normalization, until it is known what reads them. */
export type Folds = Map<number, Operands<FoldAttrs>>;

/** A vector of equal numbers for a weight that the layer does not have. */
const constantVector = (w: GraphWriter, name: string, length: number, value: number): string =>
  w.floats(name, [length], () => new Float32Array(length).fill(value));

export function batchNormalization(w: GraphWriter, x: Value, { attrs, inputs }: Operands<FoldAttrs>, y: Value): void {
  const { gamma, beta, mean, variance } = inputs;
  const order = channelsFirst(x.shape.length);
  const channels = mean.shape[0];
  const vectors = [
    gamma ? w.plain(gamma) : constantVector(w, "ones", channels, 1),
    beta ? w.plain(beta) : constantVector(w, "zeros", channels, 0),
    w.plain(mean),
    w.plain(variance),
  ];
  w.set(y, w.node("BatchNormalization", [w.as(x, order), ...vectors], { epsilon: float(attrs.epsilon) }), order);
}

/** Factor and offset as tensors of their own, where something else than a batch normalization reads them. */
export function writeFold(w: GraphWriter, { attrs, inputs, outputs }: Operands<FoldAttrs>): void {
  const { gamma, beta, mean, variance } = inputs;
  const deviation = w.node("Sqrt", [w.node("Add", [w.plain(variance), w.scalar("epsilon", attrs.epsilon)])]);
  const scale = gamma ? w.node("Div", [w.plain(gamma), deviation]) : w.node("Reciprocal", [deviation]);
  const centre = w.node("Mul", [w.plain(mean), scale]);
  w.set(outputs.scale, scale);
  w.set(outputs.shift, beta ? w.node("Sub", [w.plain(beta), centre]) : w.node("Neg", [centre]));
}

/** y = x * scale + shift with a number a channel. */
const channelAffine: WriteOperation = (w, { inputs: { x, scale, shift }, outputs: { y } }) => {
  const { names, order } = w.aligned([x, scale], y.shape.length);
  const scaled = w.node("Mul", names);
  w.set(y, shift ? w.node("Add", [scaled, w.broadcast(shift, order)]) : scaled, order);
};

const layerNorm: WriteOperation = (w, { attrs, inputs: { x, gamma, beta }, outputs: { y } }) => {
  const { epsilon, axes = 1 } = attrs as LayerNormAttrs;
  const trailing = x.shape.slice(x.shape.length - axes);
  const length = trailing.reduce((a, b) => a * b, 1);
  const ones = () => w.floats("ones", trailing, () => new Float32Array(length).fill(1));
  const weights = [
    gamma
      ? w.arranged(
          gamma,
          gamma.shape.map((_, i) => i),
          trailing,
        )
      : ones(),
  ];
  if (beta)
    weights.push(
      w.arranged(
        beta,
        beta.shape.map((_, i) => i),
        trailing,
      ),
    );
  w.set(y, w.node("LayerNormalization", [w.plain(x), ...weights], { axis: -axes, epsilon: float(epsilon) }));
};

/** Over what is the last axis in Thaw, wherever it lies. */
const softmax =
  (op: string): WriteOperation =>
  (w, { inputs: { x }, outputs: { y } }) => {
    const order = w.orderOf(x);
    const axis = order.indexOf(x.shape.length - 1);
    w.set(y, w.node(op, [w.as(x, order)], { axis: axis === x.shape.length - 1 ? -1 : axis }), order);
  };

/** Whether a channelAffine is what a batch normalization does. */
export const isBatchNormalization = (
  fold: Operands<FoldAttrs> | undefined,
  { scale, shift, x }: Operands["inputs"],
): boolean =>
  fold !== undefined &&
  fold.outputs.scale.id === scale.id &&
  fold.outputs.shift.id === shift?.id &&
  same(scale.shape, [x.shape.at(-1)!]);

export const normalizations: OperationWriters = {
  channelAffine,
  channelScale: channelAffine,
  layerNorm,
  softmax: softmax("Softmax"),
  logSoftmax: softmax("LogSoftmax"),
};
