/** Freeze, train the head, thaw, fine-tune: in one call, or each on its own. */
export { blocksOf, type Block } from "./blocks";
export { buildTransferModel, classify, type Classified, type HeadOptions, type TransferModel } from "./build";
export { withoutHead } from "./cut-head";
export { findLearningRate, type FindLearningRateOptions, type LearningRateCurve } from "./find-learning-rate";
export { fineTune, trainHead, type FineTuneOptions, type PhaseOptions, type PhaseResult } from "./phases";
export { transferLearn, type TransferLearnOptions, type TransferResult } from "./transfer-learn";
