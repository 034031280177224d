/** Products and convolutions as they are defined, and what small ones take. */
export { default as conv2d_filter_gradient_plain } from "../conv2d/conv2d_filter_gradient_plain.wgsl?raw";
export { default as conv2d_input_gradient_plain } from "../conv2d/conv2d_input_gradient_plain.wgsl?raw";
export { default as conv2d_plain } from "../conv2d/conv2d_plain.wgsl?raw";
export { default as matmul_plain } from "../matmul/matmul_plain.wgsl?raw";
export { default as matmul_vec4 } from "../matmul/matmul_vec4.wgsl?raw";
