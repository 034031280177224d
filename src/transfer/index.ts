/** The transfer-learning toolkit over the public API; a page loads it beside `thaw` when it wants it. */
export { swapAveragedWeights, useAveragedWeights } from "./averages";
export {
  constantRate,
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  inverseTimeDecay,
  oneCycle,
  piecewiseConstant,
  polynomialDecay,
  stepDecay,
  warmUp,
  type Schedule,
} from "./schedules";
