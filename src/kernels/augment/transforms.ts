/**
 * Augmentation as a table of numbers: what the toolkit's factories make of their arguments, and the programs read. One entry a
 * transform, in the order of the list; the record of a sample is what was drawn for it.
 */

/** The first number of an entry. Up to `crop` they move pixels; from `mixUp` on they mix samples. */
export const kinds = {
  flip: 0,
  rotation: 1,
  translation: 2,
  zoom: 3,
  crop: 4,
  brightness: 5,
  contrast: 6,
  saturation: 7,
  hue: 8,
  grayscale: 9,
  erasing: 10,
  blur: 11,
  mixUp: 12,
  cutMix: 13,
} as const;

export type Kind = keyof typeof kinds;

/** Numbers of an entry: its kind, seven of its own, the probability that it is applied, and whose draw decides on that. */
export const entryFloats = 10;
/** Numbers at the start of a sample's record: the affine map (6), the share that is its own when mixed, its partner. */
export const headerFloats = 8;
/** Numbers of a record for each entry: seven drawn ones, and whether it is applied. */
export const slotFloats = 8;
/** Entries have to leave room for the draw that all samples of a batch share. */
export const mostEntries = 60;
/** Pixels to each side that a blurring weighs. */
export const mostRadius = 7;
/** Quantiles of the mixing share behind the entries: at 0, 1/256, ... 1. */
export const quantiles = 257;

export const recordFloats = (entries: number): number => headerFloats + slotFloats * entries;

/** How a place outside of the image is filled; names and meaning are Keras's. */
export const fillModes = ["constant", "nearest", "reflect", "wrap"] as const;
export type FillMode = (typeof fillModes)[number];
export type Interpolation = "bilinear" | "nearest";

/** @param own its own numbers, up to seven */
export const entry = (kind: Kind, own: readonly number[], probability = 1, group = 0): number[] => [
  kinds[kind],
  ...Array.from({ length: 7 }, (_, i) => own[i] ?? 0),
  probability,
  group,
];
