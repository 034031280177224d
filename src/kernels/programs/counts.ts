/** Counts over an epoch, from which metrics are computed that are no means of rows. */
export { default as count_classes } from "../counts/count_classes.wgsl?raw";
export { default as count_confidence } from "../counts/count_confidence.wgsl?raw";
export { default as count_outcomes } from "../counts/count_outcomes.wgsl?raw";
export { default as count_scores } from "../counts/count_scores.wgsl?raw";
