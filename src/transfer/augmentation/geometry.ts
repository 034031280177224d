/** Transforms that move pixels. Those of a list become one affine map a sample, so that pixels are interpolated once. */
import { ThawError } from "../../errors";
import { fillOf, rangeOf, type Factor, type FillOptions, type Transform } from "./transform";

export type FlipMode = "horizontal" | "vertical" | "horizontalAndVertical";

/** Mirrors half of the images; with both directions each half by itself. Default "horizontalAndVertical", as in Keras. */
export function randomFlip(mode: FlipMode = "horizontalAndVertical"): Transform {
  const modes = ["horizontal", "vertical", "horizontalAndVertical"];
  if (!modes.includes(mode))
    throw new ThawError("randomFlip", `mode ${JSON.stringify(mode)}`, `one of ${modes.join(", ")}`);
  const numbers = [mode === "vertical" ? 0 : 0.5, mode === "horizontal" ? 0 : 0.5];
  return { name: "randomFlip", kind: "flip", numbers };
}

/** Rotates about the centre. @param factor in turns, from -1 to 1: 0.1 is up to 36 degrees to both sides. */
export function randomRotation(factor: Factor, options: FillOptions = {}): Transform {
  const name = "randomRotation";
  const numbers = rangeOf(name, "factor", factor, [-1, 1]);
  return { name, kind: "rotation", numbers, fill: fillOf(name, options) };
}

/** Shifts, down and to the right where positive. @param heightFactor share of the height, from -1 to 1. @param widthFactor of the width. */
export function randomTranslation(heightFactor: Factor, widthFactor: Factor, options: FillOptions = {}): Transform {
  const name = "randomTranslation";
  const height = rangeOf(name, "heightFactor", heightFactor, [-1, 1]);
  const width = rangeOf(name, "widthFactor", widthFactor, [-1, 1]);
  return { name, kind: "translation", numbers: [...height, ...width], fill: fillOf(name, options) };
}

/**
 * Makes smaller where positive (0.2: by up to 20 %), larger where negative.
 *
 * @param heightFactor above -1, up to 1
 * @param widthFactor default: that which was drawn for the height, so that proportions stay
 */
export function randomZoom(heightFactor: Factor, widthFactor?: Factor, options: FillOptions = {}): Transform {
  const name = "randomZoom";
  const zoom = (what: string, factor: Factor) => {
    const range = rangeOf(name, what, factor, [-1, 1]).map((v) => 1 + v);
    // One pixel cannot fill the image: Keras leaves -1 out of its bounds too.
    if (range[0] <= 0 && typeof factor !== "number")
      throw new ThawError(name, `${what} ${JSON.stringify(factor)}`, "numbers above -1");
    return [Math.max(range[0], 1e-3), range[1]];
  };
  const height = zoom("heightFactor", heightFactor);
  const width = widthFactor === undefined ? [1, 1] : zoom("widthFactor", widthFactor);
  const numbers = [...height, ...width, widthFactor === undefined ? 1 : 0];
  return { name, kind: "zoom", numbers, fill: fillOf(name, options) };
}

export interface CropOptions {
  /** Share of the area, from above 0 to 1; default [0.08, 1]. */
  readonly scale?: readonly [number, number];
  /** Width over height; default [3/4, 4/3]. */
  readonly ratio?: readonly [number, number];
}

/**
 * A random box, resized to the image's size (PyTorch's RandomResizedCrop, the heart of SimCLR's and ImageNet's trainings): its area is
 * uniform, the logarithm of its ratio too. PyTorch draws up to ten times until the box fits; here a side that is too long is as long as the image. Boxes are
 * not rounded to whole pixels, and at their border the neighbouring pixels of the image are seen.
 */
export function randomResizedCrop({ scale = [0.08, 1], ratio = [3 / 4, 4 / 3] }: CropOptions = {}): Transform {
  const name = "randomResizedCrop";
  rangeOf(name, "scale", scale, [0, 1]);
  if (!(scale[0] > 0)) throw new ThawError(name, `scale ${JSON.stringify(scale)}`, "areas above 0");
  if (ratio.length !== 2 || !(ratio[0] > 0 && ratio[0] <= ratio[1] && ratio[1] < Infinity))
    throw new ThawError(name, `ratio ${JSON.stringify(ratio)}`, "two numbers above 0, the smaller one first");
  return { name, kind: "crop", numbers: [...scale, Math.log(ratio[0]), Math.log(ratio[1])] };
}
