/**
 * Operations that imported networks need and hand-written ones hardly: functions, comparisons, reductions, indexing, resizing.
 * They are registered by who needs them, so that other pages do not load them.
 */
import { arithmetic, arithmeticGradient, where } from "./math/arithmetic";
import { argReduce, reduce, reduceGradient } from "./math/reduce";
import { unary, unaryGradient } from "./math/unary";
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
];

/** Makes them known to `findOperation`; calling it again changes nothing. */
export const registerMoreOperations = (): void => registerOperations(moreOperations);
