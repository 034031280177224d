/** The batch of a step, gathered from a resident array in the order of an index. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, VariantUnfit, type Shape } from "../operation";
import { formatNumber, type ArrayFormat } from "./format";
import { wgsl } from "../program";

export interface GatherAttrs {
  /** Shape of the batch. */
  readonly shape: Shape;
  readonly format: ArrayFormat;
}

interface Gather {
  readonly count: number;
  readonly sample: number;
  readonly format: ArrayFormat;
  readonly words: number;
  readonly samples: number;
}

const bytesOf: Readonly<Record<ArrayFormat, number>> = { float32: 4, uint8: 1, float16: 2 };

const common = {
  overrides: (p: Gather) => ({ FORMAT: formatNumber[p.format] }),
  workgroups: (p: Gather) => foldWorkgroups(ceilDiv(p.count, 256)),
  sizes: (p: Gather) => ({ data: p.words, index: p.samples, y: p.count }),
  cost: (p: Gather) => ({ flops: 0, bytes: (4 + bytesOf[p.format]) * p.count }),
};

export const gatherKernel: Kernel<Gather> = {
  ...common,
  program: wgsl("training", "gather"),
  params: ({ count, sample }) => ({ count, sample }),
};

export const gatherVec4Kernel: Kernel<Gather> = {
  ...common,
  program: wgsl("training", "gather_vec4"),
  params: ({ count, sample }) => ({ count: count / 4, sample: sample / 4 }),
};

function problemOf({ shape, format }: GatherAttrs, data: Shape, index: Shape): Gather {
  const count = elements(shape);
  return { count, sample: count / shape[0], format, words: elements(data), samples: elements(index) };
}

const bind = { data: "data", index: "index", y: "y" };
const inVectors = ({ shape }: GatherAttrs) => (elements(shape) / shape[0]) % 4 === 0;

const words =
  (...bytes: number[]) =>
  (i: number) =>
    bytes[i % bytes.length] * 0x01020304;

/** Small whole numbers as bits of f32, so that the words can be drawn as numbers: 1.5 times powers of two. */
const floats = (i: number) => 0x3fc00000 + (i % 64) * 0x4000;
/** Two halves a word: from 1 on in steps of 1/1024, the upper one twice the lower. */
const halves = (i: number) => ((0x4000 + (i % 97)) << 16) + 0x3c00 + (i % 97);

export const gather = operation<GatherAttrs>({
  name: "gather",
  inputs: ["data", "index"],
  outputs: ["y"],
  integers: ["data", "index"],
  shapes: ({ shape }) => ({ y: shape }),
  gradients: {},
  constants: ["data", "index"],
  variants: {
    plain: (attrs, { data, index }) => ({ dispatches: [dispatch(gatherKernel, problemOf(attrs, data, index), bind)] }),
    vec4: (attrs, { data, index }) => {
      if (!inVectors(attrs)) throw new VariantUnfit("gather_vec4 copies samples in vectors of four");
      return { dispatches: [dispatch(gatherVec4Kernel, problemOf(attrs, data, index), bind)] };
    },
  },
  select: (attrs) => (inVectors(attrs) ? "vec4" : "plain"),
  cases: [
    {
      attrs: { shape: [3, 4], format: "uint8" },
      inputs: { data: [6], index: [6] },
      fill: { data: words(3, 5, 60), index: (i) => 5 - i },
    },
    // Samples of three bytes straddle words.
    {
      attrs: { shape: [2, 1, 3], format: "uint8" },
      inputs: { data: [4], index: [5] },
      fill: { data: words(7, 1, 33), index: (i) => (2 * i) % 5 },
    },
    {
      attrs: { shape: [3, 70], format: "float32" },
      inputs: { data: [420], index: [6] },
      fill: { data: floats, index: (i) => (i * 5) % 6 },
    },
    {
      attrs: { shape: [3, 68], format: "float32" },
      inputs: { data: [408], index: [6] },
      fill: { data: floats, index: (i) => (i * 5) % 6 },
    },
    {
      attrs: { shape: [2], format: "float32" },
      inputs: { data: [9], index: [9] },
      fill: { data: floats, index: (i) => 8 - i },
    },
    {
      attrs: { shape: [4, 2, 6], format: "float16" },
      inputs: { data: [42], index: [7] },
      fill: { data: halves, index: (i) => (i * 3) % 7 },
    },
    // An odd sample leaves half a word unused.
    {
      attrs: { shape: [4, 5], format: "float16" },
      inputs: { data: [21], index: [7] },
      fill: { data: halves, index: (i) => (i * 3) % 7 },
    },
  ],
});
