/** Learning rates as functions of the step, counted from 0. Nothing is planned anew as they change. */
export type { Schedule } from "./check";
export { cosineDecay, cosineDecayRestarts, oneCycle, warmUp } from "./cosine";
export {
  constantRate,
  exponentialDecay,
  inverseTimeDecay,
  piecewiseConstant,
  polynomialDecay,
  stepDecay,
} from "./decays";
