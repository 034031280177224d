/** Programs of looking inside, of self-supervised pretraining and of few labels (registry-transfer.ts). */
export { default as class_score } from "../classScore/class_score.wgsl?raw";
export { default as nt_xent_gradient } from "../ntXent/nt_xent_gradient.wgsl?raw";
export { default as nt_xent_normalize } from "../ntXent/nt_xent_normalize.wgsl?raw";
export { default as nt_xent_rows } from "../ntXent/nt_xent_rows.wgsl?raw";
export { default as contrastive_accuracy } from "../ntXent/contrastive_accuracy.wgsl?raw";
export { default as fix_match } from "../fixMatch/fix_match.wgsl?raw";
export { default as fix_match_report } from "../fixMatch/fix_match_report.wgsl?raw";
export { default as rotations } from "../rotations/rotations.wgsl?raw";
