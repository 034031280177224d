/** Example problems of the passes over pixels: entries, and records as they might have been drawn. */
import type { Case, Shape } from "../operation";
import type { PixelsAttrs } from "./pixels";
import { entry, headerFloats, kinds, recordFloats, slotFloats, type Kind } from "./transforms";

const range = [0, 1] as const;
const colours = {
  brightness: entry("brightness", [0, 0, ...range]),
  contrast: entry("contrast", [0, 0, ...range]),
  saturation: entry("saturation", [0, 0, ...range]),
  hue: entry("hue", [0, 0, ...range]),
  grayscale: entry("grayscale", [1]),
  erasing: entry("erasing", [1, 1, 0, 1, 0, 0.25, 0]),
  noise: entry("erasing", [1, 1, 0, 1, 1, 0, 1]),
};

type Record = (size: Shape, kind: number, i: number, random: () => number) => number;

/** Maps with a turn, a change of size and a shift; factors from 0 to 1.5; boxes with whole and broken corners. */
const drawn: Record = ([, height, width], kind, i, random) => {
  const u = random();
  if (i < 0) return [0.7 + u, 0.4 * u, 4 * u - 2, -0.5 * u, 1.2 - u, 6 * u - 3, u, 0][i + headerFloats];
  if (i === 7) return u < 0.8 ? 1 : 0;
  if (kind === 10) return [u * 2, width * 0.6, 1, height * 0.8, Math.floor(u * 2 ** 24), 0, 0][i];
  return kind === 8 ? u - 0.5 : kind === 5 ? u * 0.8 - 0.4 : 1.5 * u;
};

/** Quarter turns and mirrors with shifts by quarters of pixels: the nearest pixel does not depend on rounding. */
const exact: Record = (size, kind, i, random) =>
  i < 0 ? [0, -1, 0.25, 1, 0, 1.25, 1, 0][i + headerFloats] : drawn(size, kind, i, random);

/** The map that moves nothing, or mirrors. */
const mirror: Record = (size, kind, i, random) =>
  i < 0 ? [-1, 0, 0, 0, 1, 0, 1, 0][i + headerFloats] : drawn(size, kind, i, random);

/** In all cases that have entries, so that they share their programs: compiling is what takes a software adapter its time. */
const colourKinds = (Object.keys(kinds) as Kind[]).filter(
  (kind) => kinds[kind] > kinds.crop && kinds[kind] < kinds.blur,
);

function example(
  list: readonly number[][],
  x: Shape,
  more: Partial<PixelsAttrs> & { record?: Record } = {},
): Case<PixelsAttrs> {
  const { record = drawn, ...attrs } = more;
  const entries = list.length;
  const table = list.flat();
  const first = attrs.first ?? 0;
  const last = attrs.last ?? entries;
  const contrasts = list.flatMap(([kind], t) => (kind === 6 && t >= first && t < last ? [t] : []));
  const parameters = (i: number, random: () => number) => {
    const place = (i % recordFloats(entries)) - headerFloats;
    return record(x, list[Math.floor(place / slotFloats)]?.[0], place < 0 ? place : place % slotFloats, random);
  };
  return {
    attrs: {
      entries,
      first,
      last,
      moves: true,
      fillMode: "reflect",
      fillValue: 0,
      interpolation: "bilinear",
      contrasts,
      uses: list.length > 0 ? colourKinds : [],
      ...attrs,
    },
    inputs: { x, list: [Math.max(1, table.length)], parameters: [x[0], recordFloats(entries)] },
    fill: {
      x: (_, random) => random(),
      list: (i) => table[i] ?? 0,
      parameters,
    },
  };
}

export const pixelCases: Case<PixelsAttrs>[] = [
  example([], [1, 1, 1, 1], { fillMode: "nearest" }),
  example([], [3, 5, 11, 1], { fillMode: "nearest" }),
  example([], [2, 7, 5, 3], { fillMode: "constant", fillValue: 0.5 }),
  example([], [3, 6, 5, 4], { fillMode: "reflect" }),
  example([], [2, 5, 5, 4], { fillMode: "reflect", record: mirror }),
  example([], [2, 9, 4, 2], { fillMode: "wrap" }),
  ...(["constant", "reflect"] as const).map((fillMode) =>
    example([], [2, 7, 5, 3], { fillMode, interpolation: "nearest", record: exact }),
  ),
  example([], [3, 5, 4, 1], { fillMode: "nearest" }),
  example([], [2, 3, 8, 2], { fillMode: "wrap" }),
  example([], [2, 7, 8, 3], { fillMode: "constant", fillValue: 0.5, interpolation: "nearest", record: exact }),
  example([], [2, 7, 12, 4], { fillMode: "constant", fillValue: 0.5 }),
  example(Object.values(colours), [3, 5, 12, 3], { fillMode: "wrap" }),
  ...Object.values(colours).map((one) => example([one], [5, 4, 7, 3], { moves: false })),
  example([colours.saturation, colours.hue, colours.grayscale], [3, 5, 4, 1], { moves: false }),
  example([colours.brightness, colours.contrast], [4, 3, 5, 4]),
  example([colours.contrast, colours.brightness, colours.contrast], [3, 35, 41, 3], { moves: false }),
  example(Object.values(colours), [9, 13, 17, 3]),
  example(Object.values(colours), [9, 13, 20, 3]),
  example(Object.values(colours), [3, 8, 8, 3], { first: 2, last: 5, moves: false }),
];
