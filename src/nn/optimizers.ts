/**
 * Optimizers as plain data; the arithmetic is in the kernels, after Keras's formulas. Names and defaults are Keras's.
 */
import { ThawError } from "../errors";
import type { Optimizer } from "./compile/update";

/** A number, or a function of the step (counted from 0) such as those of schedules.ts. */
export type LearningRate = number | ((step: number) => number);

interface Common {
  /** Decoupled decay: each step takes `weightDecay * learningRate` of a weight away. Default 0. */
  readonly weightDecay?: number;
  /** Gradients are scaled down so that their global norm is at most this. Default: no clipping. */
  readonly globalClipnorm?: number;
  /** Each gradient is clipped to [-clipvalue, clipvalue]. Default: no clipping. */
  readonly clipvalue?: number;
}

export interface SgdOptions extends Common {
  /** Default 0. */
  readonly momentum?: number;
  /** Default false. */
  readonly nesterov?: boolean;
}

export interface RmspropOptions extends Common {
  /** Decay of the average of squared gradients. Default 0.9. */
  readonly rho?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
  /** Divides by the deviation instead of the root mean square. Default false. */
  readonly centered?: boolean;
}

export interface AdamOptions extends Common {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-7, outside the bias correction as in Keras. */
  readonly epsilon?: number;
}

function checkedRate(name: string, rate: LearningRate): Optimizer["learningRate"] {
  if (typeof rate === "number" && !(rate >= 0 && Number.isFinite(rate)))
    throw new ThawError(name, `learning rate ${rate}`, "a finite number, 0 or more");
  // Kernels count steps from 1, schedules from 0.
  return typeof rate === "number" ? rate : (iteration) => rate(iteration - 1);
}

function common({ weightDecay = 0, globalClipnorm = 0, clipvalue = 0 }: Common) {
  return {
    weightDecay,
    ...(globalClipnorm > 0 && { clipNorm: globalClipnorm }),
    ...(clipvalue > 0 && { clipValue: clipvalue }),
  };
}

/**
 * Stochastic gradient descent: v = momentum * v - rate * g; w += v (Nesterov: w += momentum * v - rate * g).
 *
 * @param learningRate default 0.01.
 */
export function sgd(learningRate: LearningRate = 0.01, options: SgdOptions = {}): Optimizer {
  const { momentum = 0, nesterov = false } = options;
  return {
    op: "sgd",
    attrs: { momentum, nesterov, ...common(options) },
    slots: momentum > 0 ? ["first"] : [],
    learningRate: checkedRate("sgd", learningRate),
  };
}

/**
 * RMSprop (Tieleman and Hinton 2012), as Keras writes it.
 *
 * @param learningRate default 0.001.
 */
export function rmsprop(learningRate: LearningRate = 0.001, options: RmspropOptions = {}): Optimizer {
  const { rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options;
  return {
    op: "rmsprop",
    attrs: { rho, momentum, epsilon, centered, ...common(options) },
    slots: [...(momentum > 0 ? ["first"] : []), "second", ...(centered ? ["third"] : [])],
    learningRate: checkedRate("rmsprop", learningRate),
  };
}

/**
 * Adam (Kingma and Ba 2015), as Keras writes it.
 *
 * @param learningRate default 0.001.
 */
export function adam(learningRate: LearningRate = 0.001, options: AdamOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return {
    op: "adam",
    attrs: { beta1, beta2, epsilon, ...common(options) },
    slots: ["first", "second"],
    learningRate: checkedRate("adam", learningRate),
    effectiveRate: (rate, t) => (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t),
  };
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019).
 *
 * @param learningRate default 0.001; weightDecay default 0.004.
 */
export function adamW(learningRate: LearningRate = 0.001, options: AdamOptions = {}): Optimizer {
  return adam(learningRate, { weightDecay: 0.004, ...options });
}

const byName: Record<string, () => Optimizer> = { sgd, rmsprop, adam, adamw: adamW };

/** @throws when no optimizer has the name. */
export function parseOptimizer(optimizer: string | Optimizer): Optimizer {
  if (typeof optimizer !== "string") return optimizer;
  const make = byName[optimizer.toLowerCase()];
  if (!make) throw new ThawError("compile", `optimizer "${optimizer}"`, `one of ${Object.keys(byName).join(", ")}`);
  return make();
}
