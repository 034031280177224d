/** Operations of imported networks (registry-more.ts). */
export { default as along_axis } from "../math/along_axis.wgsl?raw";
export { default as arg_reduce } from "../math/arg_reduce.wgsl?raw";
export { default as arithmetic } from "../math/arithmetic.wgsl?raw";
export { default as cum_sum } from "../math/cum_sum.wgsl?raw";
export { default as gather_axis } from "../math/gather_axis.wgsl?raw";
export { default as gather_axis_gradient } from "../math/gather_axis_gradient.wgsl?raw";
export { default as reduce } from "../math/reduce.wgsl?raw";
export { default as reduce_gradient } from "../math/reduce_gradient.wgsl?raw";
export { default as resize_axis } from "../math/resize_axis.wgsl?raw";
export { default as unary } from "../math/unary.wgsl?raw";
export { default as window_pool } from "../math/window_pool.wgsl?raw";
export { default as window_pool_gradient } from "../math/window_pool_gradient.wgsl?raw";
