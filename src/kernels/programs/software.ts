/** Products and convolutions in registers, for CPUs behind the WebGPU interface. */
export { default as conv2d_filter_gradient_quads } from "../conv2d/conv2d_filter_gradient_quads.wgsl?raw";
export { default as conv2d_filter_gradient_quads_vec4 } from "../conv2d/conv2d_filter_gradient_quads_vec4.wgsl?raw";
export { default as conv2d_quads } from "../conv2d/conv2d_quads.wgsl?raw";
export { default as conv2d_quads_vec4 } from "../conv2d/conv2d_quads_vec4.wgsl?raw";
export { default as matmul_narrow } from "../matmul/matmul_narrow.wgsl?raw";
export { default as matmul_quads } from "../matmul/matmul_quads.wgsl?raw";
export { default as matmul_quads_tall } from "../matmul/matmul_quads_tall.wgsl?raw";
export { default as matmul_quads_vec4 } from "../matmul/matmul_quads_vec4.wgsl?raw";
