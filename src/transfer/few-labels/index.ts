/** What to do with few labels: labels of the model's own, views that have to agree, and learning from images alone. */
export { fixMatch, type FixMatchOptions } from "./fix-match";
export type { Pretraining, PretrainingOptions } from "./pretraining";
export { pseudoLabel, type PseudoLabelOptions, type PseudoLabels } from "./pseudo-label";
export { pretrainRotation, type RotationOptions } from "./rotation";
export {
  trainWithPseudoLabels,
  type SelfTraining,
  type SelfTrainingOptions,
  type SelfTrainingRound,
} from "./self-training";
export { pretrainSimCLR, type SimClr, type SimClrOptions } from "./simclr";
