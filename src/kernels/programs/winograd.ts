/** 3x3 convolutions with fewer multiplications. */
export { default as winograd_filter } from "../conv2d/winograd_filter.wgsl?raw";
export { default as winograd_input } from "../conv2d/winograd_input.wgsl?raw";
export { default as winograd_output } from "../conv2d/winograd_output.wgsl?raw";
