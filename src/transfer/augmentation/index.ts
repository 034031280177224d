/** Augmentation on the GPU: random changes of each training batch, reproducible by seed and step. */
export { augmentation, type AugmentationOptions } from "./augmentation";
export {
  randomBrightness,
  randomContrast,
  randomCutout,
  randomErasing,
  randomGaussianBlur,
  randomGrayscale,
  randomHue,
  randomSaturation,
  type BlurOptions,
  type ErasingOptions,
} from "./colour";
export {
  randomFlip,
  randomResizedCrop,
  randomRotation,
  randomTranslation,
  randomZoom,
  type CropOptions,
  type FlipMode,
} from "./geometry";
export { cutMix, mixUp, randomApply } from "./mixing";
export {
  defaultAugmentation,
  simclrAugmentation,
  strongAugmentation,
  weakAugmentation,
  type SimClrAugmentationOptions,
} from "./presets";
export { previewAugmentation, type PreviewOptions } from "./preview";
export type { AugmentationList, Factor, FillOptions, RangeOptions, Sometimes, Transform } from "./transform";
