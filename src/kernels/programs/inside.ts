/** Programs of looking inside and of self-supervised pretraining (registry-transfer.ts). */
export { default as class_score } from "../classScore/class_score.wgsl?raw";
export { default as nt_xent_gradient } from "../ntXent/nt_xent_gradient.wgsl?raw";
export { default as nt_xent_normalize } from "../ntXent/nt_xent_normalize.wgsl?raw";
export { default as nt_xent_rows } from "../ntXent/nt_xent_rows.wgsl?raw";
