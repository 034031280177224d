/** What nearly every training needs besides its layers. */
export { default as binary } from "../elementwise/binary.wgsl?raw";
export { default as gather } from "../gather/gather.wgsl?raw";
export { default as gather_vec4 } from "../gather/gather_vec4.wgsl?raw";
export { default as store } from "../gather/store.wgsl?raw";
export { default as categorical_cross_entropy } from "../losses/categorical_cross_entropy.wgsl?raw";
export { default as categorical_cross_entropy_rows } from "../losses/categorical_cross_entropy_rows.wgsl?raw";
export { default as pointwise_loss } from "../losses/pointwise_loss.wgsl?raw";
export { default as matmul_sum_parts } from "../matmul/matmul_sum_parts.wgsl?raw";
export { default as accuracy } from "../metrics/accuracy.wgsl?raw";
export { default as gradient_norm } from "../metrics/gradient_norm.wgsl?raw";
export { default as gradient_norm_serial } from "../metrics/gradient_norm_serial.wgsl?raw";
export { default as summarize } from "../metrics/summarize.wgsl?raw";
export { default as summarize_serial } from "../metrics/summarize_serial.wgsl?raw";
export { default as optimizer } from "../optimizers/optimizer.wgsl?raw";
export { default as global_average_gradient } from "../pooling/global_average_gradient.wgsl?raw";
export { default as global_pool } from "../pooling/global_pool.wgsl?raw";
export { default as sum_rows } from "../sumRows/sum_rows.wgsl?raw";
