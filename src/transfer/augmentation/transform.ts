/** What an augmentation is a list of, as plain data, and what the factories ask of their arguments. */
import { ThawError } from "../../errors";
import { fillModes, type FillMode, type Interpolation, type Kind } from "../../kernels/augment/transforms";

export interface FillOptions {
  /**
   * What stands outside of the image: "reflect" (default, as in Keras: `d c b a | a b c d | d c b a`), "nearest" (the border's pixel),
   * "wrap" (the image again), or "constant".
   */
  readonly fillMode?: FillMode;
  /** With "constant"; default 0. */
  readonly fillValue?: number;
  /** Between pixels; default "bilinear". */
  readonly interpolation?: Interpolation;
}

export interface RangeOptions {
  /** Least and largest value of the pixels, which results are clipped to; default [0, 255]. */
  readonly valueRange?: readonly [number, number];
}

/** One transform as its factory made it. */
export interface Transform {
  /** The factory's. */
  readonly name: string;
  readonly kind: Kind;
  /** Its numbers in the table that the programs read. */
  readonly numbers: readonly number[];
  /** Of transforms that may look outside of the image. */
  readonly fill?: Required<FillOptions>;
  /** Of mixing: shares are drawn from beta(alpha, alpha). */
  readonly alpha?: number;
  /** Of blurring: pixels on each side. */
  readonly radius?: number;
}

/** Transforms that are applied together or not at all. */
export interface Sometimes {
  readonly name: "randomApply";
  readonly probability: number;
  readonly transforms: readonly Transform[];
}

export type AugmentationList = readonly (Transform | Sometimes)[];

/** A range [lower, upper], or one number that stands for one around 0 (or from 0, where below 0 makes no sense). */
export type Factor = number | readonly [number, number];

/**
 * The range that a factor stands for, between the bounds that are allowed.
 *
 * @param single what one number stands for; default [-factor, factor]
 */
export function rangeOf(
  who: string,
  name: string,
  factor: Factor,
  [least, most]: readonly [number, number],
  single: (factor: number) => readonly [number, number] = (f) => [-Math.abs(f), Math.abs(f)],
): readonly [number, number] {
  const pair = typeof factor === "number" ? [factor, factor] : factor;
  const isWithin = pair?.length === 2 && pair.every((v) => typeof v === "number" && v >= least && v <= most);
  if (!isWithin || pair[0] > pair[1])
    throw new ThawError(
      who,
      `${name} ${JSON.stringify(factor)}`,
      `a number from ${least} to ${most}, or two of them, the smaller one first`,
    );
  return typeof factor === "number" ? single(factor) : [pair[0], pair[1]];
}

/** Also one number: from 0 to it. */
export const fromZero = (factor: number): readonly [number, number] => [0, factor];

/** Also one number: always it. */
export const same = (factor: number): readonly [number, number] => [factor, factor];

export function checkProbability(who: string, name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new ThawError(who, `${name} ${value}`, "a number from 0 to 1");
}

export function valueRangeOf(who: string, { valueRange = [0, 255] }: RangeOptions): readonly [number, number] {
  const [least, most] = valueRange;
  if (!(Number.isFinite(least) && Number.isFinite(most) && least < most))
    throw new ThawError(who, `valueRange ${JSON.stringify(valueRange)}`, "two finite numbers, the smaller one first");
  return [least, most];
}

export function fillOf(who: string, options: FillOptions): Required<FillOptions> {
  const { fillMode = "reflect", fillValue = 0, interpolation = "bilinear" } = options;
  if (!fillModes.includes(fillMode))
    throw new ThawError(who, `fillMode ${JSON.stringify(fillMode)}`, `one of ${fillModes.join(", ")}`);
  if (interpolation !== "bilinear" && interpolation !== "nearest")
    throw new ThawError(who, `interpolation ${JSON.stringify(interpolation)}`, '"bilinear" or "nearest"');
  if (!Number.isFinite(fillValue)) throw new ThawError(who, `fillValue ${fillValue}`, "a finite number");
  return { fillMode, fillValue, interpolation };
}
