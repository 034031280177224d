/** What is drawn for each sample of a batch, in a small launch of its own. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { operation, type Case } from "../operation";
import { wgsl } from "../late-program";
import { entry, entryFloats, mostEntries, quantiles, recordFloats } from "./transforms";

export interface DrawAttrs {
  readonly entries: number;
  /** A number of the augmentation's own, so that two draw different numbers. */
  readonly salt: number;
}

interface Draw extends DrawAttrs {
  readonly rows: number;
  readonly height: number;
  readonly width: number;
  readonly table: number;
}

export const drawKernel: Kernel<Draw> = {
  program: wgsl("augment", "augment_draw"),
  params: ({ rows, entries, height, width, salt }) => ({ rows, entries, height, width, salt }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.rows, 64)),
  sizes: (p) => ({ list: p.table, parameters: p.rows * recordFloats(p.entries) }),
  cost: (p) => ({
    flops: 60 * p.rows * p.entries,
    bytes: 4 * (p.table + p.rows * recordFloats(p.entries)),
  }),
};

/** Shares that are equally likely: the quantiles of mixing with alpha 1. */
const even = Array.from({ length: quantiles }, (_, i) => i / (quantiles - 1));

const lists: Record<string, number[][]> = {
  none: [],
  flip: [entry("flip", [0.5, 0.5])],
  rotation: [entry("rotation", [-1, 1])],
  translation: [entry("translation", [-0.3, 0.2, 0.1, 0.4])],
  zoom: [entry("zoom", [0.5, 1.5, 0.8, 2])],
  evenZoom: [entry("zoom", [0.5, 1.5, 0, 0, 1])],
  crop: [entry("crop", [0.08, 1, Math.log(3 / 4), Math.log(4 / 3)])],
  colours: [
    entry("brightness", [-50, 50, 0, 255]),
    entry("contrast", [0.5, 1.5, 0, 255]),
    entry("saturation", [0, 0.75, 0, 255]),
    entry("hue", [0, 1, 0, 255]),
    entry("grayscale", [0.4]),
    entry("blur", [0.1, 2]),
  ],
  erasing: [entry("erasing", [0, 1, 0.02, 0.33, 1, 0, 255])],
  sometimes: [
    entry("flip", [1, 0], 0.5, 0),
    entry("brightness", [1, 2], 0.5, 0),
    entry("translation", [-1, 1], 0.3, 2),
  ],
  geometry: [
    entry("crop", [0.5, 1, 0, 0]),
    entry("flip", [0.5, 0]),
    entry("rotation", [-0.2, 0.2]),
    entry("zoom", [0.9, 1.1, 0.9, 1.1]),
    entry("translation", [-0.1, 0.1, -0.1, 0.1]),
  ],
};

function example(list: readonly number[][], x: readonly number[], salt: number, shares: readonly number[] = []) {
  const table = [...list.flat(), ...shares];
  return {
    attrs: { entries: list.length, salt },
    inputs: { x, list: [Math.max(1, table.length)] },
    fill: { list: (i: number) => table[i] ?? 0 },
  };
}

const cases: Case<DrawAttrs>[] = [
  ...Object.values(lists).map((list, i) => example(list, [7, 5 + i, 4, 3], i)),
  example(lists.geometry, [65, 31, 33, 1], 4_000_000_000),
  example([entry("mixUp", [])], [5, 4, 4, 1], 3, even),
  example([entry("flip", [0.5, 0]), entry("cutMix", [], 0.6, 1)], [33, 9, 11, 3], 4, even),
  example([entry("cutMix", [])], [1, 4, 4, 1], 5, even),
];

export const augmentDraw = operation<DrawAttrs>({
  name: "augmentDraw",
  inputs: ["x", "list"],
  outputs: ["parameters"],
  random: true,
  shapes: ({ entries }, { x, list }) => {
    if (!x || x.length !== 4)
      throw new ThawError(
        "augmentation",
        `samples of shape ${formatShape(x)}`,
        "images: [batch, height, width, channels]",
      );
    const least = entries * entryFloats;
    if (!list || list[0] < least || entries > mostEntries)
      throw new ThawError("augmentation", `${entries} transforms in ${formatShape(list)}`, `up to ${mostEntries}`);
    return { parameters: [x[0], recordFloats(entries)] };
  },
  gradients: {},
  constants: ["x", "list"],
  variants: {
    plain: (attrs, { x: [rows, height, width], list }) => ({
      dispatches: [
        dispatch(
          drawKernel,
          { ...attrs, rows, height, width, table: list[0] },
          { list: "list", parameters: "parameters" },
        ),
      ],
    }),
  },
  cases,
});
