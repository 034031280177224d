/** Products and convolutions through workgroup memory, for GPUs. */
export { default as conv2d_filter_gradient_tiles } from "../conv2d/conv2d_filter_gradient_tiles.wgsl?raw";
export { default as conv2d_filter_gradient_tiles_vec4 } from "../conv2d/conv2d_filter_gradient_tiles_vec4.wgsl?raw";
export { default as conv2d_tiles } from "../conv2d/conv2d_tiles.wgsl?raw";
export { default as conv2d_tiles_vec4 } from "../conv2d/conv2d_tiles_vec4.wgsl?raw";
export { default as matmul_tiles } from "../matmul/matmul_tiles.wgsl?raw";
export { default as matmul_tiles_vec4 } from "../matmul/matmul_tiles_vec4.wgsl?raw";
