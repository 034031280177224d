/** Programs that compute in f16, and the one that rounds frozen weights to it. */
export { default as conv2d_tiles_f16 } from "../conv2d/conv2d_tiles_f16.wgsl?raw";
export { default as to_half } from "../half/to_half.wgsl?raw";
export { default as matmul_tiles_f16 } from "../matmul/matmul_tiles_f16.wgsl?raw";
