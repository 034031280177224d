/** Depthwise convolutions. */
export { default as depthwise_3x3 } from "../depthwiseConv2d/depthwise_3x3.wgsl?raw";
export { default as depthwise_3x3_filter_gradient } from "../depthwiseConv2d/depthwise_3x3_filter_gradient.wgsl?raw";
export { default as depthwise_3x3_stride2 } from "../depthwiseConv2d/depthwise_3x3_stride2.wgsl?raw";
export { default as depthwise_3x3_stride2_filter_gradient } from "../depthwiseConv2d/depthwise_3x3_stride2_filter_gradient.wgsl?raw";
export { default as depthwise_3x3_stride2_input_gradient } from "../depthwiseConv2d/depthwise_3x3_stride2_input_gradient.wgsl?raw";
export { default as depthwise_conv2d } from "../depthwiseConv2d/depthwise_conv2d.wgsl?raw";
export { default as depthwise_filter_gradient } from "../depthwiseConv2d/depthwise_filter_gradient.wgsl?raw";
export { default as depthwise_filter_gradient_vec4 } from "../depthwiseConv2d/depthwise_filter_gradient_vec4.wgsl?raw";
export { default as depthwise_input_gradient } from "../depthwiseConv2d/depthwise_input_gradient.wgsl?raw";
export { default as depthwise_input_gradient_vec4 } from "../depthwiseConv2d/depthwise_input_gradient_vec4.wgsl?raw";
export { default as depthwise_vec4 } from "../depthwiseConv2d/depthwise_vec4.wgsl?raw";
