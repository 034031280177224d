/** Thaw: transfer learning on WebGPU. The public API; importing it gives models their `compile()` and `fit()`. */
import { installTrainer } from "./nn/trainer";
import { createTrainer } from "./train/model-trainer";

installTrainer(createTrainer);

export { ThawError } from "./errors";
export { adapterName, requestGpu, Gpu, type AdapterDescription, type GpuOptions } from "./gpu/device";
export type { MemoryCounters } from "./gpu/memory";
export type { Tuning, TuningOptions, TuningSetting, TuningTable } from "./gpu/tuning";
export type { Answer as TunedAnswer, Answers as TunedAnswers, TuningStore } from "./gpu/tuning-store";
export type { AdapterTraits, Shape } from "./kernels/operation";
export { Layer, resetNames, type LayerOptions, type SampleShape } from "./nn/layer";
export { Container, FunctionalModel, input, type FunctionalModelOptions } from "./nn/model";
export { Sequential } from "./nn/sequential";
export type { SymbolicTensor } from "./nn/symbolic";
export { summary, type SummaryOptions } from "./nn/summary";
export type { Initializer, Parameter } from "./nn/parameter";
export type { Preprocessing } from "./nn/preprocessing";
export { reinitialize } from "./nn/initialize";
export type { FrozenPrecision } from "./nn/compile/half-weights";
export { makePlan, type PlanRequest } from "./nn/compile/make-plan";
export { Plan, type LayerPlan, type PhaseTotals, type PlanJson, type PlanStep } from "./nn/compile/plan";
export { formatBytes, formatFlops } from "./nn/compile/plan-text";
export type { Batch, Mode, Objective, Preparation } from "./nn/compile/trace";
export type { Optimizer } from "./nn/compile/update";
export type {
  Callback,
  CompileOptions,
  DataOptions,
  Dataset,
  EvaluateOptions,
  StreamedDataset,
  FitOptions,
  History,
  KeptWeights,
  Logs,
  CompiledWith,
  PlanOptions,
  TrainingContext,
  TrainingState,
  TuneOptions,
} from "./nn/trainer";
export type { TuningReport } from "./nn/tuning-report";
export { subset } from "./train/dataset";
export {
  binaryAccuracy,
  binaryCrossentropy,
  categoricalCrossentropy,
  meanSquaredError,
  parseLoss,
  sparseCategoricalCrossentropy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
  type LossOptions,
} from "./nn/objectives";
export {
  adam,
  adamW,
  parseOptimizer,
  rmsprop,
  sgd,
  type AdamOptions,
  type LearningRate,
  type RmspropOptions,
  type SgdOptions,
} from "./nn/optimizers";
export * from "./nn/layers";
