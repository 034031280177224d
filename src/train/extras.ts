/**
 * What only some trainings need, in one file that is loaded when the first part of it is. (One rather than several: with more
 * files that share code with the core, the bundler cuts the core in two, which costs every page.)
 */
export { halving } from "../nn/compile/half-weights";
export { createContext } from "./context";
export { Counters } from "./counters";
export { explainHalt } from "./diagnose";
export { fillFeatures } from "./fill-features";
export { explainOptions } from "./explain-options";
export { checkOptions, prepareArenas } from "./optimizer-options";
export { openStream } from "./open-stream";
export { predictStream } from "./predict-stream";
export { orderOf, weigh } from "./sampling";
export { streamedPass } from "./streamed-pass";
export { readGradients, trainOnBatch } from "./train-on-batch";
