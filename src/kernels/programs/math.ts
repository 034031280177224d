/** Operations of imported networks (registry-more.ts). */
export { default as arithmetic } from "../math/arithmetic.wgsl?raw";
export { default as unary } from "../math/unary.wgsl?raw";
