/** Looking inside a network: what layers see, where evidence lies, which samples are alike, what training moved. */
export {
  activationImages,
  activations,
  activationSprite,
  filterImages,
  type ChannelImagesOptions,
  type LayerActivations,
} from "./activations";
export {
  embed,
  nearestNeighbours,
  type EmbedOptions,
  type Features,
  type Neighbours,
  type NeighboursOptions,
} from "./features";
export { gradCam, overlay, type GradCam, type GradCamOptions, type OverlayOptions } from "./grad-cam";
export { sprite, type ColorMap, type RgbaImage } from "./images";
export { pca, project, projectFeatures, type Pca, type PcaOptions, type Projection } from "./pca";
export type { ReadOptions } from "./taps";
export { snapshotWeights, weightChange, type LayerChange, type WeightSnapshot } from "./weight-change";
