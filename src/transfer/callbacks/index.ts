/** Callbacks in Keras's names. */
export { earlyStopping, type EarlyStopping, type EarlyStoppingOptions } from "./early-stopping";
export { modelCheckpoint, type ModelCheckpoint, type ModelCheckpointOptions } from "./model-checkpoint";
export { reduceLROnPlateau, type ReduceLROnPlateauOptions } from "./reduce-lr-on-plateau";
export { csvLogger, type CsvLogger, type CsvLoggerOptions, type LineWriter } from "./csv-logger";
export { progressLogger, type ProgressLoggerOptions } from "./progress-logger";
export type { MonitorOptions } from "./monitor";
