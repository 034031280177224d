/** Programs of augmentation (registry-transfer.ts). */
export { default as augment_blur } from "../augment/augment_blur.wgsl?raw";
export { default as augment_draw } from "../augment/augment_draw.wgsl?raw";
export { default as augment_labels } from "../augment/augment_labels.wgsl?raw";
export { default as augment_mix } from "../augment/augment_mix.wgsl?raw";
export { default as augment_pixels } from "../augment/augment_pixels.wgsl?raw";
export { default as augment_pixels_vec4 } from "../augment/augment_pixels_vec4.wgsl?raw";
