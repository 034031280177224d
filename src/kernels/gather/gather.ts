/** The batch of a step, gathered from a resident data set in the order of an index. */
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import source from "./gather.wgsl?raw";

export interface GatherAttrs {
  /** Shape of the batch. */
  readonly shape: Shape;
  /** Samples are packed u8 instead of f32. */
  readonly bytes: boolean;
}

interface Gather {
  readonly count: number;
  readonly sample: number;
  readonly bytes: boolean;
  readonly words: number;
  readonly samples: number;
}

export const gatherKernel: Kernel<Gather> = {
  name: "gather",
  source,
  overrides: (p) => ({ BYTES: p.bytes }),
  params: ({ count, sample }) => ({ count, sample }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.count, 256)),
  sizes: (p) => ({ data: p.words, index: p.samples, y: p.count }),
  cost: (p) => ({ flops: 0, bytes: (p.bytes ? 5 : 8) * p.count }),
};

const words =
  (...bytes: number[]) =>
  (i: number) =>
    bytes[i % bytes.length] * 0x01020304;

export const gather = operation<GatherAttrs>({
  name: "gather",
  inputs: ["data", "index"],
  outputs: ["y"],
  integers: ["data", "index"],
  shapes: ({ shape }) => ({ y: shape }),
  gradients: {},
  constants: ["data", "index"],
  variants: {
    plain: ({ shape, bytes }, { data, index }) => {
      const count = elements(shape);
      const problem = { count, sample: count / shape[0], bytes, words: elements(data), samples: elements(index) };
      return { dispatches: [dispatch(gatherKernel, problem, { data: "data", index: "index", y: "y" })] };
    },
  },
  cases: [
    {
      attrs: { shape: [3, 4], bytes: true },
      inputs: { data: [6], index: [6] },
      fill: { data: words(3, 5, 60), index: (i) => 5 - i },
    },
    // Samples of three bytes straddle words.
    {
      attrs: { shape: [2, 1, 3], bytes: true },
      inputs: { data: [4], index: [5] },
      fill: { data: words(7, 1, 33), index: (i) => (2 * i) % 5 },
    },
    // Small whole numbers as bits of f32, so that the words can be drawn as numbers: 1.5 times powers of two.
    {
      attrs: { shape: [3, 70], bytes: false },
      inputs: { data: [420], index: [6] },
      fill: { data: (i) => 0x3fc00000 + (i % 64) * 0x4000, index: (i) => (i * 5) % 6 },
    },
    {
      attrs: { shape: [2], bytes: false },
      inputs: { data: [9], index: [9] },
      fill: { data: (i) => 0x3fc00000 + i * 0x4000, index: (i) => 8 - i },
    },
  ],
});
