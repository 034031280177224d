/** Metrics that are counted on the GPU over a pass, beside the accuracies of the core. */
export { auc, type AucOptions } from "./auc";
export { expectedCalibrationError, type CalibrationBin, type CalibrationOptions } from "./calibration";
export {
  confusionMatrix,
  evaluateDetailed,
  type ClassEvaluation,
  type DetailedEvaluation,
  type DetailedOptions,
  type EvaluationOptions,
} from "./detailed";
export { f1Score, precision, recall, type F1Options, type OutcomeOptions } from "./outcomes";
