/**
 * Optimizers as plain data; the arithmetic is in the kernels, after Keras's formulas. Names and defaults are Keras's.
 */
import { ThawError } from "../errors";
import type { Optimizer, UpdateOptions } from "./compile/update";

/** A number, or a function of the step (counted from 0) such as those of schedules.ts. */
export type LearningRate = number | ((step: number) => number);

export interface SgdOptions extends UpdateOptions {
  /** Default 0. */
  readonly momentum?: number;
  /** Default false. */
  readonly nesterov?: boolean;
}

export interface RmspropOptions extends UpdateOptions {
  /** Decay of the average of squared gradients. Default 0.9. */
  readonly rho?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
  /** Divides by the deviation instead of the root mean square. Default false. */
  readonly centered?: boolean;
}

export interface AdamOptions extends UpdateOptions {
  /** Default 0.9. */
  readonly beta1?: number;
  /** Default 0.999. */
  readonly beta2?: number;
  /** Default 1e-7, outside the bias correction as in Keras. */
  readonly epsilon?: number;
  /** Divides by the root of the largest average of squares so far (Reddi, Kale and Kumar 2018). Default false. */
  readonly amsgrad?: boolean;
}

function checkedRate(name: string, rate: LearningRate): Optimizer["learningRate"] {
  if (typeof rate === "number" && !(rate >= 0 && Number.isFinite(rate)))
    throw new ThawError(name, `learning rate ${rate}`, "a finite number, 0 or more");
  // Kernels count steps from 1, schedules from 0.
  return typeof rate === "number" ? rate : (iteration) => rate(iteration - 1);
}

/** What every optimizer has besides its rule. @param options without those of the rule. */
function made(
  op: string,
  rate: LearningRate,
  options: UpdateOptions,
  attrs: Optimizer["attrs"],
  slots: readonly string[],
): Optimizer {
  // Those left over change more than the rule's own settings.
  const { weightDecay = 0, globalClipnorm = 0, clipvalue = 0, ...further } = options;
  const { gradientAccumulationSteps: steps = 1, useEma } = further;
  return {
    op,
    attrs: {
      ...attrs,
      weightDecay,
      ...(globalClipnorm > 0 && { clipNorm: globalClipnorm }),
      ...(clipvalue > 0 && { clipValue: clipvalue }),
      ...(steps > 1 && { steps }),
    },
    slots: [...slots, ...(useEma ? ["average"] : []), ...(steps > 1 ? ["accumulator"] : [])],
    learningRate: checkedRate(op, rate),
    ...(Object.keys(further)[0] && { options: further }),
  };
}

/**
 * Stochastic gradient descent: v = momentum * v - rate * g; w += v (Nesterov: w += momentum * v - rate * g).
 *
 * @param learningRate default 0.01.
 */
export function sgd(learningRate: LearningRate = 0.01, options: SgdOptions = {}): Optimizer {
  const { momentum = 0, nesterov = false, ...others } = options;
  return made("sgd", learningRate, others, { momentum, nesterov }, momentum > 0 ? ["first"] : []);
}

/**
 * RMSprop (Tieleman and Hinton 2012), as Keras writes it.
 *
 * @param learningRate default 0.001.
 */
export function rmsprop(learningRate: LearningRate = 0.001, options: RmspropOptions = {}): Optimizer {
  const { rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false, ...others } = options;
  const slots = [...(momentum > 0 ? ["first"] : []), "second", ...(centered ? ["third"] : [])];
  return made("rmsprop", learningRate, others, { rho, momentum, epsilon, centered }, slots);
}

/**
 * Adam (Kingma and Ba 2015), as Keras writes it.
 *
 * @param learningRate default 0.001.
 */
export function adam(learningRate: LearningRate = 0.001, options: AdamOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, amsgrad = false, ...others } = options;
  const slots = ["first", "second", ...(amsgrad ? ["third"] : [])];
  return {
    ...made("adam", learningRate, others, { beta1, beta2, epsilon, ...(amsgrad && { amsgrad }) }, slots),
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
