/** Gaussian blur, each sample with a deviation of its own. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Shape } from "../operation";
import { wgsl } from "../late-program";
import { headerFloats, mostRadius, recordFloats, slotFloats } from "./transforms";

export interface BlurAttrs {
  readonly entries: number;
  /** The entry that blurs. */
  readonly entry: number;
  /** Pixels on each side that are weighed. */
  readonly radius: number;
}

interface Blur extends BlurAttrs {
  readonly x: Shape;
}

export const blurKernel: Kernel<Blur> = {
  program: wgsl("augment", "augment_blur"),
  constants: ({ radius }) => ({ RADIUS: radius }),
  params: ({ x: [rows, height, width, channels], entries, entry }) => ({
    rows,
    height,
    width,
    channels,
    entries,
    entry,
  }),
  workgroups: ({ x }) => foldWorkgroups(ceilDiv(x[0] * x[1] * x[2], 64)),
  sizes: ({ x, entries }) => ({ x: elements(x), parameters: x[0] * recordFloats(entries), y: elements(x) }),
  cost: ({ x, radius }) => ({ flops: 2 * elements(x) * (2 * radius + 1) ** 2, bytes: 8 * elements(x) }),
};

const cases: Case<BlurAttrs>[] = (
  [
    [[1, 1, 1, 1], 1, 0, 1],
    [[4, 7, 5, 3], 2, 1, 1],
    [[3, 5, 9, 4], 1, 0, 3],
    [[2, 3, 11, 2], 1, 0, mostRadius],
  ] as [Shape, number, number, number][]
).map(([x, entries, entry, radius]) => ({
  attrs: { entries, entry, radius },
  inputs: { x, parameters: [x[0], recordFloats(entries)] },
  fill: {
    parameters: (i, random) => {
      const place = (i % recordFloats(entries)) - headerFloats;
      return place % slotFloats === 7 ? Number(random() < 0.8) : 0.3 + 2 * random();
    },
  },
}));

export const augmentBlur = operation<BlurAttrs>({
  name: "augmentBlur",
  inputs: ["x", "parameters"],
  outputs: ["y"],
  shapes: (_, { x }) => {
    if (x?.length !== 4 || x[3] > 4)
      throw new ThawError("augmentation", `samples of shape ${formatShape(x)}`, "images of one to four channels");
    return { y: x };
  },
  gradients: {},
  constants: ["x", "parameters"],
  variants: {
    plain: (attrs, { x }) => ({
      dispatches: [dispatch(blurKernel, { ...attrs, x }, { x: "x", parameters: "parameters", y: "y" })],
    }),
  },
  cases,
});
