/** What a network expects of its pixels. */

/** Takes pixels of 0 to 255, red first, to what the network was trained on: y = c * scale + offset for each channel c. */
export interface Preprocessing {
  /** Keras's name for it; "none" where the network takes pixels as they are, because a layer of its own rescales them. */
  readonly mode: "tf" | "torch" | "caffe" | "none" | "custom";
  /** Order of the channels that the network sees, and that `scale` and `offset` are given in. */
  readonly channels: "rgb" | "bgr";
  /** One number for all channels, or one a channel. */
  readonly scale: readonly number[];
  readonly offset: readonly number[];
}
