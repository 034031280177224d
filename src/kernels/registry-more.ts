/**
 * Operations that imported networks need and hand-written ones hardly: functions, comparisons, reductions, indexing, resizing.
 * They are registered by who needs them, so that other pages do not load them.
 */
import { padMode, padModeGradient, stridedSlice, stridedSliceGradient } from "./math/alongAxes";
import { arithmetic, arithmeticGradient, where } from "./math/arithmetic";
import { convTranspose2d } from "./math/convTranspose2d";
import { cumSum } from "./math/cumSum";
import { expand } from "./math/expand";
import { gatherAxis, gatherAxisGradient, gatherElements, gatherElementsGradient } from "./math/gatherAxis";
import { logSoftmax, logSoftmaxGradient } from "./math/logSoftmax";
import { argReduce, reduce, reduceGradient } from "./math/reduce";
import { resize, resizeGradient } from "./math/resize";
import { unary, unaryGradient } from "./math/unary";
import { windowPool, windowPoolGradient } from "./math/windowPool";
import type { Operation } from "./operation";
import { registerOperations } from "./registry";

export const moreOperations: readonly Operation[] = [
  unary,
  unaryGradient,
  arithmetic,
  arithmeticGradient,
  where,
  reduce,
  reduceGradient,
  argReduce,
  expand,
  gatherAxis,
  gatherAxisGradient,
  gatherElements,
  gatherElementsGradient,
  cumSum,
  stridedSlice,
  stridedSliceGradient,
  padMode,
  padModeGradient,
  logSoftmax,
  logSoftmaxGradient,
  convTranspose2d,
  resize,
  resizeGradient,
  windowPool,
  windowPoolGradient,
];

/** Makes them known to `findOperation`; calling it again changes nothing. */
export const registerMoreOperations = (): void => registerOperations(moreOperations);
