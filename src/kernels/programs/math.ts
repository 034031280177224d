/** Operations of imported networks (registry-more.ts). */
export { default as arg_reduce } from "../math/arg_reduce.wgsl?raw";
export { default as arithmetic } from "../math/arithmetic.wgsl?raw";
export { default as reduce } from "../math/reduce.wgsl?raw";
export { default as reduce_gradient } from "../math/reduce_gradient.wgsl?raw";
export { default as unary } from "../math/unary.wgsl?raw";
