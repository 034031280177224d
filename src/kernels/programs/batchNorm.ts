/** Batch normalization. */
export { default as batch_norm_finish } from "../batchNorm/batch_norm_finish.wgsl?raw";
export { default as batch_norm_fold } from "../batchNorm/batch_norm_fold.wgsl?raw";
export { default as batch_norm_fold_gradient } from "../batchNorm/batch_norm_fold_gradient.wgsl?raw";
export { default as batch_norm_input_gradient } from "../batchNorm/batch_norm_input_gradient.wgsl?raw";
export { default as batch_norm_input_gradient_vec4 } from "../batchNorm/batch_norm_input_gradient_vec4.wgsl?raw";
export { default as batch_norm_normalize } from "../batchNorm/batch_norm_normalize.wgsl?raw";
export { default as batch_norm_normalize_vec4 } from "../batchNorm/batch_norm_normalize_vec4.wgsl?raw";
export { default as batch_norm_reduce } from "../batchNorm/batch_norm_reduce.wgsl?raw";
export { default as batch_norm_reduce_quads } from "../batchNorm/batch_norm_reduce_quads.wgsl?raw";
export { default as batch_norm_reduce_vec4 } from "../batchNorm/batch_norm_reduce_vec4.wgsl?raw";
export { default as batch_norm_statistics } from "../batchNorm/batch_norm_statistics.wgsl?raw";
export { default as batch_norm_statistics_quads } from "../batchNorm/batch_norm_statistics_quads.wgsl?raw";
export { default as channel_affine } from "../batchNorm/channel_affine.wgsl?raw";
export { default as channel_affine_vec4 } from "../batchNorm/channel_affine_vec4.wgsl?raw";
