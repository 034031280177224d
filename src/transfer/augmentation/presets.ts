/** Lists of transforms for common purposes, to take as they are or to change: they are plain arrays. */
import { ThawError } from "../../errors";
import {
  randomBrightness,
  randomContrast,
  randomCutout,
  randomGaussianBlur,
  randomGrayscale,
  randomHue,
  randomSaturation,
} from "./colour";
import { randomFlip, randomResizedCrop, randomRotation, randomTranslation, randomZoom } from "./geometry";
import { randomApply } from "./mixing";
import type { AugmentationList } from "./transform";

/**
 * For fine-tuning on small sets of photographs. Each part keeps the subject what it is: things look the same mirrored (leave the flip out for text and digits); they stand
 * a little elsewhere (by a tenth) and nearer or further (by 15 %); light and contrast are another day's. Colours, large crops and rotations are left out:
 * pretrained features know them already, and few labels are soon drowned.
 */
export const defaultAugmentation = (): AugmentationList => [
  randomFlip("horizontal"),
  randomTranslation(0.1, 0.1),
  randomZoom(0.15),
  randomBrightness(0.1),
  randomContrast(0.2),
];

export interface SimClrAugmentationOptions {
  /** Height and width of the images in pixels. Default 32. */
  readonly size?: number;
  /** Of the colour changes. Default 0.5 for images below 64 pixels (the paper's for CIFAR-10, appendix B.9), else 1 (for ImageNet, appendix A). */
  readonly strength?: number;
}

/**
 * The views of SimCLR (Chen et al. 2020, appendix A): a random crop, a flip, colours in four of five, grey in one of five, and for images of 64 pixels and more a blur in half,
 * over a tenth of the size (at most 15 pixels). Smaller ones are not blurred (appendix B.9). Colours change in the order of this list, where the paper shuffles it.
 */
export function simclrAugmentation({
  size = 32,
  strength = size < 64 ? 0.5 : 1,
}: SimClrAugmentationOptions = {}): AugmentationList {
  if (!Number.isInteger(size) || size < 1)
    throw new ThawError("simclrAugmentation", `size ${size}`, "a whole number of pixels");
  if (!(strength > 0 && strength <= 1.25))
    throw new ThawError("simclrAugmentation", `strength ${strength}`, "a number above 0, up to 1.25");
  const s = 0.8 * strength;
  // The paper multiplies saturation by 1 - s to 1 + s; here the factor f stands for f / (1 - f).
  const saturation = [(1 - s) / (2 - s), (1 + s) / (2 + s)] as const;
  const jitter = [randomBrightness(s), randomContrast(s), randomSaturation(saturation), randomHue(0.4 * strength)];
  const kernelSize = Math.min(15, 2 * Math.floor(size / 20) + 1);
  return [
    randomResizedCrop(),
    randomFlip("horizontal"),
    randomApply(0.8, jitter),
    randomGrayscale(0.2),
    ...(size < 64 ? [] : [randomApply(0.5, [randomGaussianBlur({ kernelSize })])]),
  ];
}

/** FixMatch's weak view (Sohn et al. 2020, section 2.3): a flip, and a shift by up to an eighth. */
export const weakAugmentation = (): AugmentationList => [randomFlip("horizontal"), randomTranslation(0.125, 0.125)];

/**
 * A strong view after FixMatch (Sohn et al. 2020, section 2.3), which draws two of RandAugment's transforms and cuts a box out. Here each of those that this
 * toolkit has is applied to half of the samples, about within the paper's ranges (table 12; contrast goes both ways here): rotation by 30 degrees, shifts by 0.3, brightness, contrast and
 * saturation; not the histograms, posterizing, sharpening, shearing and solarizing. Then a box of half of the sides is cut out of all.
 */
export const strongAugmentation = (): AugmentationList => [
  randomFlip("horizontal"),
  randomApply(0.5, [randomRotation(30 / 360)]),
  randomApply(0.5, [randomTranslation(0.3, 0.3)]),
  randomApply(0.5, [randomBrightness(0.4)]),
  randomApply(0.5, [randomContrast(0.95)]),
  randomApply(0.5, [randomSaturation([0.05, 0.5])]),
  randomCutout(0.5),
];
