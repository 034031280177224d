/** For importers, which see the kernels' types only: call it before layers that emit operations of registry-more.ts are traced. */
export { registerMoreOperations } from "../kernels/registry-more";
