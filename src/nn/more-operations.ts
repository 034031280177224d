/** The way of the loaders to the operations that only imported networks need. */
export { registerMoreOperations } from "../kernels/registry-more";
