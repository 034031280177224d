/** What other formats take from here. */
export { modelConfig, configOf } from "./config";
export type { Entry, SaveDialect, WrittenModel } from "./entries";
export { writtenName } from "./names";
export { writeKeras, writeKerasWeights, writeLegacyModel, type WriteKerasOptions } from "./keras-file";
export { writtenModel } from "./written-model";
export { writtenLayers, type WrittenLayer } from "./written-weights";
