/** The transfer-learning toolkit over the public API; a page loads it beside `thaw` when it wants it. */
export { datasetFromTensors, type LabelledDataset, type TensorOptions } from "./data/labelled";
export { resizeImages, type PlainImage, type ResizeOptions } from "./data/resize";
export { concatenate, filterClasses, shuffle, take } from "./data/select";
export { split, type SplitOptions } from "./data/split";
export { balanced, balancedOrder, classCounts, classWeights } from "./data/weights";
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
export * from "./inside";
