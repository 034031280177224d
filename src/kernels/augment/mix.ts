/** Samples of a batch mixed with each other, and their labels likewise. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Shape } from "../operation";
import { wgsl } from "../late-program";
import { headerFloats, recordFloats, slotFloats } from "./transforms";

export interface MixAttrs {
  readonly entries: number;
  /** The entry that mixes. */
  readonly entry: number;
  /** A box is pasted (CutMix) instead of all pixels blended (mixup). */
  readonly cut: boolean;
}

export interface MixLabelsAttrs {
  readonly entries: number;
  /** Values of a row: classes, or outputs. */
  readonly classes: number;
  /** Labels are class ids. */
  readonly sparse: boolean;
}

interface Mix extends MixAttrs {
  readonly x: Shape;
}

interface MixLabels extends MixLabelsAttrs {
  readonly rows: number;
  readonly samples: number;
}

export const mixKernel: Kernel<Mix> = {
  program: wgsl("augment", "augment_mix"),
  overrides: ({ cut }) => ({ CUT: cut }),
  params: ({ x, entries, entry }) => ({
    count: elements(x),
    height: x[1],
    width: x[2],
    channels: x[3],
    entries,
    entry,
  }),
  workgroups: ({ x }) => foldWorkgroups(ceilDiv(elements(x), 64)),
  sizes: ({ x, entries }) => ({ x: elements(x), parameters: x[0] * recordFloats(entries), y: elements(x) }),
  cost: ({ x, cut }) => ({ flops: cut ? 0 : 3 * elements(x), bytes: 12 * elements(x) }),
};

export const mixLabelsKernel: Kernel<MixLabels> = {
  program: wgsl("augment", "augment_labels"),
  overrides: ({ sparse }) => ({ SPARSE: sparse }),
  params: ({ rows, classes, samples, entries }) => ({ rows, classes, samples, entries }),
  workgroups: ({ rows, classes }) => foldWorkgroups(ceilDiv(rows * classes, 64)),
  sizes: ({ rows, classes, samples, entries, sparse }) => ({
    labels: sparse ? rows : rows * classes,
    parameters: samples * recordFloats(entries),
    y: rows * classes,
  }),
  cost: ({ rows, classes }) => ({ flops: 3 * rows * classes, bytes: 8 * rows * classes }),
};

/** A record as it might have been drawn: shares from 0 to 1, the next sample as partner, a box, one of four not applied. */
const records = (samples: number, entries: number) => ({
  parameters: (i: number, random: () => number) => {
    const [n, place] = [Math.floor(i / recordFloats(entries)), i % recordFloats(entries)];
    if (place === 6) return random();
    if (place === 7) return (n + 1) % samples;
    const slot = (place - headerFloats) % slotFloats;
    return slot === 7 ? Number(n % 4 !== 3) : slot % 2 === 0 ? Math.floor(2 * random()) : 2 + Math.floor(3 * random());
  },
});

const mixCases: Case<MixAttrs>[] = (
  [
    [[1, 1, 1, 1], 1, 0, false],
    [[5, 7, 3, 3], 2, 1, false],
    [[4, 5, 6, 1], 1, 0, true],
    [[9, 4, 4, 4], 3, 1, true],
  ] as [Shape, number, number, boolean][]
).map(([x, entries, entry, cut]) => ({
  attrs: { entries, entry, cut },
  inputs: { x, parameters: [x[0], recordFloats(entries)] },
  fill: records(x[0], entries),
}));

export const augmentMix = operation<MixAttrs>({
  name: "augmentMix",
  inputs: ["x", "parameters"],
  outputs: ["y"],
  shapes: (_, { x }) => {
    if (x?.length !== 4) throw new ThawError("augmentMix", `samples of shape ${formatShape(x)}`, "images");
    return { y: x };
  },
  gradients: {},
  constants: ["x", "parameters"],
  variants: {
    plain: (attrs, { x }) => ({
      dispatches: [dispatch(mixKernel, { ...attrs, x }, { x: "x", parameters: "parameters", y: "y" })],
    }),
  },
  cases: mixCases,
});

const labelCases: Case<MixLabelsAttrs>[] = (
  [
    [1, 1, 2, true],
    [5, 5, 7, true],
    [12, 4, 3, true],
    [9, 9, 5, false],
    [66, 22, 1, false],
  ] as [number, number, number, boolean][]
).map(([rows, samples, classes, sparse]) => ({
  attrs: { entries: 1, classes, sparse },
  inputs: { labels: sparse ? [rows] : [rows, classes], parameters: [samples, recordFloats(1)] },
  fill: {
    ...records(samples, 1),
    ...(sparse && { labels: (_: number, random: () => number) => Math.floor(random() * classes) }),
  },
}));

export const augmentLabels = operation<MixLabelsAttrs>({
  name: "augmentLabels",
  inputs: ["labels", "parameters"],
  outputs: ["y"],
  shapes: ({ classes, sparse }, { labels, parameters }) => {
    const rows = elements(labels ?? []) / (sparse ? 1 : classes);
    if (!labels || !parameters || rows % parameters[0] !== 0)
      throw new ThawError("augmentLabels", `labels of shape ${formatShape(labels)}`, "as many for each sample");
    return { y: sparse ? [...labels, classes] : labels };
  },
  gradients: {},
  constants: ["labels", "parameters"],
  variants: {
    plain: (attrs, { labels, parameters }) => ({
      dispatches: [
        dispatch(
          mixLabelsKernel,
          { ...attrs, rows: elements(labels) / (attrs.sparse ? 1 : attrs.classes), samples: parameters[0] },
          { labels: "labels", parameters: "parameters", y: "y" },
        ),
      ],
    }),
  },
  cases: labelCases,
});
