/** Operations of imported networks (registry-more.ts). */
export { default as unary } from "../math/unary.wgsl?raw";
