/** Augmentation of a batch: drawing, one pass over the pixels, and mixing of samples and labels. Nothing has a gradient. */
import type { Operation } from "../operation";
import { augmentBlur } from "./blur";
import { augmentDraw } from "./draw";
import { augmentLabels, augmentMix } from "./mix";
import { augmentPixels } from "./pixels";

export const augmentOperations: readonly Operation[] = [
  augmentDraw,
  augmentPixels,
  augmentBlur,
  augmentMix,
  augmentLabels,
];
