/** Transforms of colours, and of what is erased. They are applied in the list's order after all that moves pixels. */
import { ThawError } from "../../errors";
import { mostRadius } from "../../kernels/augment/transforms";
import {
  checkProbability,
  fromZero,
  same,
  rangeOf,
  valueRangeOf,
  type Factor,
  type RangeOptions,
  type Transform,
} from "./transform";

/** Adds a share of the value range to all pixels of an image. @param factor from -1 to 1. */
export function randomBrightness(factor: Factor, options: RangeOptions = {}): Transform {
  const name = "randomBrightness";
  const [least, most] = valueRangeOf(name, options);
  const range = rangeOf(name, "factor", factor, [-1, 1]);
  return { name, kind: "brightness", numbers: [...range.map((v) => v * (most - least)), least, most] };
}

/**
 * Multiplies the distance to the mean of each channel by a number from `1 - lower` to `1 + upper`. The mean is over up to 32 x 32 pixels that are spread evenly,
 * which are all of a small image. @param factor from 0 to 1, one number for both.
 */
export function randomContrast(factor: Factor, options: RangeOptions = {}): Transform {
  const name = "randomContrast";
  const [lower, upper] = rangeOf(name, "factor", factor, [0, 1], same);
  return { name, kind: "contrast", numbers: [1 - lower, 1 + upper, ...valueRangeOf(name, options)] };
}

/**
 * Multiplies the saturation by f / (1 - f): 0 is grey, 0.5 as it was, 1 as colourful as can be. One number f stands for 0 to f. Only images of three channels have
 * colours: others stay as they are. Saturation ends at 1, where Keras 3 lets it grow to the largest pixel value.
 *
 * @param factor from 0 to 1
 */
export function randomSaturation(factor: Factor, options: RangeOptions = {}): Transform {
  const name = "randomSaturation";
  const range = rangeOf(name, "factor", factor, [0, 1], fromZero);
  return { name, kind: "saturation", numbers: [...range, ...valueRangeOf(name, options)] };
}

/** Turns the hue by up to half the circle times the factor, either way, of images of three channels. @param factor from 0 to 1; one number f stands for 0 to f. */
export function randomHue(factor: Factor, options: RangeOptions = {}): Transform {
  const name = "randomHue";
  const range = rangeOf(name, "factor", factor, [0, 1], fromZero);
  return { name, kind: "hue", numbers: [...range, ...valueRangeOf(name, options)] };
}

/** Takes the colours away from a share of the images, where they have three channels. @param probability default 0.5. */
export function randomGrayscale(probability = 0.5): Transform {
  const name = "randomGrayscale";
  checkProbability(name, "probability", probability);
  return { name, kind: "grayscale", numbers: [probability] };
}

export interface ErasingOptions extends RangeOptions {
  /** Shares of the area that a square box would have; each side is drawn by itself. Default [0.02, 0.33]. */
  readonly scale?: Factor;
  /** Default: noise, normal with the largest value as its deviation, clipped to the value range, as in Keras. */
  readonly fillValue?: number;
}

/**
 * Erases a box.
 *
 * @param factor the probability, default 1; or a range that each sample's probability is drawn from. (Keras takes one number below 1 for such a range from 0.)
 */
export function randomErasing(factor: Factor = 1, options: ErasingOptions = {}): Transform {
  const name = "randomErasing";
  const { scale = [0.02, 0.33], fillValue } = options;
  const chance = rangeOf(name, "factor", factor, [0, 1], same);
  const sides = rangeOf(name, "scale", scale, [0, 1], same);
  const range = valueRangeOf(name, options);
  if (fillValue !== undefined && !Number.isFinite(fillValue))
    throw new ThawError(name, `fillValue ${fillValue}`, "a finite number");
  const filling = fillValue === undefined ? [1, ...range] : [0, fillValue, 0];
  return { name, kind: "erasing", numbers: [...chance, ...sides, ...filling] };
}

/**
 * Cutout (DeVries and Taylor 2017): a grey box in every image, here always wholly inside of it.
 *
 * @param size its sides as a share of the image's; default 0.5
 */
export function randomCutout(size = 0.5, { fillValue = 127.5 }: { readonly fillValue?: number } = {}): Transform {
  const name = "randomCutout";
  if (!(size > 0 && size <= 1)) throw new ThawError(name, `size ${size}`, "a number above 0, up to 1");
  return { ...randomErasing(1, { scale: size ** 2, fillValue }), name };
}

export interface BlurOptions {
  /** Deviation in pixels; default [0.1, 2], as in SimCLR. One number s stands for 0.01 to s. */
  readonly sigma?: Factor;
  /** Rows and columns that are weighed: odd, up to 15; default 3, as in Keras. */
  readonly kernelSize?: number;
}

/**
 * Blurs by a Gaussian, with mirrored borders (Keras's are black). It is a pass of its own over `kernelSize` x `kernelSize` pixels each. For a share of the images, put it into `randomApply`.
 */
export function randomGaussianBlur({ sigma = [0.1, 2], kernelSize = 3 }: BlurOptions = {}): Transform {
  const name = "randomGaussianBlur";
  const range = rangeOf(name, "sigma", sigma, [0.01, 100], (s) => [0.01, s]);
  if (!Number.isInteger(kernelSize) || kernelSize % 2 === 0 || kernelSize < 3 || kernelSize > 2 * mostRadius + 1)
    throw new ThawError(name, `kernelSize ${kernelSize}`, `an odd number from 3 to ${2 * mostRadius + 1}`);
  return { name, kind: "blur", numbers: [...range], radius: (kernelSize - 1) / 2 };
}
