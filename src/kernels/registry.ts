/** Operations by name. One that is neither listed here nor registered later cannot be planned. */
import { ThawError } from "../errors";
import type { Operation } from "./operation";
import { activation, activationGradient } from "./activation/activation";
import { batchNormInputGradient, batchNormReduce } from "./batchNorm/batchNormGradients";
import { batchNormTraining } from "./batchNorm/batchNormTraining";
import {
  batchNormFold,
  batchNormFoldGradient,
  channelAffine,
  channelAffineReduce,
  channelScale,
} from "./batchNorm/channelAffine";
import { dropout } from "./dropout/dropout";
import { affine } from "./elementwise/affine";
import { add, multiply } from "./elementwise/binary";
import { reduceTo } from "./elementwise/reduceTo";
import { gather } from "./gather/gather";
import { store } from "./gather/store";
import { toHalf } from "./half/toHalf";
import { layerNorm, layerNormInputGradient, layerNormWeightGradient } from "./layerNorm/layerNorm";
import { losses } from "./losses/losses";
import { accuracy, gradientNorm, summarize } from "./metrics/metrics";
import { adam, rmsprop, sgd } from "./optimizers/optimizers";
import { softmax, softmaxGradient } from "./softmax/softmax";
import { concatenate } from "./arrange/concatenate";
import { pad, slice } from "./arrange/slice";
import { reshape, transpose } from "./arrange/transpose";
import { conv2d, conv2dFilterGradient, conv2dInputGradient } from "./conv2d/conv2d";
import { depthwiseConv2d } from "./depthwiseConv2d/depthwiseConv2d";
import { depthwiseFilterGradient } from "./depthwiseConv2d/filterGradient";
import { depthwiseInputGradient } from "./depthwiseConv2d/inputGradient";
import {
  globalAveragePool,
  globalAveragePoolGradient,
  globalMaxPool,
  globalMaxPoolGradient,
} from "./pooling/globalPooling";
import { matmul } from "./matmul/matmul";
import { averagePool, averagePoolGradient, maxPool, maxPoolGradient } from "./pooling/pooling";
import { sumRows } from "./sumRows/sumRows";
import { upsample, upsampleGradient } from "./upsample/upsample";

const all: readonly Operation[] = [
  activation,
  activationGradient,
  batchNormTraining,
  batchNormReduce,
  batchNormInputGradient,
  batchNormFold,
  batchNormFoldGradient,
  channelAffine,
  channelScale,
  channelAffineReduce,
  layerNorm,
  layerNormInputGradient,
  layerNormWeightGradient,
  softmax,
  softmaxGradient,
  add,
  multiply,
  affine,
  reduceTo,
  dropout,
  gather,
  store,
  ...losses,
  accuracy,
  gradientNorm,
  summarize,
  sgd,
  rmsprop,
  adam,
  matmul,
  sumRows,
  conv2d,
  conv2dInputGradient,
  conv2dFilterGradient,
  depthwiseConv2d,
  depthwiseInputGradient,
  depthwiseFilterGradient,
  maxPool,
  maxPoolGradient,
  averagePool,
  averagePoolGradient,
  globalAveragePool,
  globalAveragePoolGradient,
  globalMaxPool,
  globalMaxPoolGradient,
  slice,
  pad,
  transpose,
  reshape,
  toHalf,
  concatenate,
  upsample,
  upsampleGradient,
];

const byName = new Map(all.map((op) => [op.name, op]));

export const operations: readonly Operation[] = all;

/** Makes operations known that few pages need (registry-more.ts), so that they can be in a file loaded later. */
export function registerOperations(more: readonly Operation[]): void {
  for (const op of more) byName.set(op.name, op);
}

/** @throws when no operation has the name. */
export function findOperation(name: string): Operation {
  const op = byName.get(name);
  if (!op) throw new ThawError(name, "no such operation", `one of ${[...byName.keys()].join(", ")}`);
  return op;
}
