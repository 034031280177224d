/** The transfer-learning toolkit over the public API; a page loads it beside `thaw` when it wants it. */
export { datasetFromTensors, type LabelledDataset, type LabelledStream, type TensorOptions } from "./data/labelled";
export { datasetFromFiles, type FilesOptions } from "./data/files";
export type { FileSource, NamedFile } from "./data/folders";
export { datasetFromImages, type ImageDataset, type ImagesOptions, type UnlabelledImages } from "./data/images";
export type { Decode, ImageSource } from "./data/pixels";
export type { ImageOptions, ImageProgress, Skipped } from "./data/samples";
export { streamFromFiles, type ImageStream, type StreamFilesOptions } from "./data/stream-files";
export { datasetFromVideo, VideoCapture, type VideoOptions } from "./data/video";
export { resizeImages, type PlainImage, type ResizeOptions } from "./data/resize";
export { concatenate, filterClasses, shuffle, take } from "./data/select";
export { split, type SplitOptions } from "./data/split";
export { balanced, balancedOrder, classCounts, classWeights } from "./data/weights";
export { swapAveragedWeights, useAveragedWeights } from "./averages";
export {
  constantRate,
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  inverseTimeDecay,
  oneCycle,
  piecewiseConstant,
  polynomialDecay,
  stepDecay,
  warmUp,
  type Schedule,
} from "./schedules";
export * from "./few-labels";
export * from "./augmentation";
export * from "./inside";
export * from "./callbacks";
export * from "./recipe";
export * from "./metrics";
