/** A batch of values into its place in a resident array, for consecutive samples: what `gather` reads later. */
import { formatShape, ThawError } from "../../errors";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Shape } from "../operation";
import { arrayWords } from "./format";
import { wgsl } from "../program";

export interface StoreAttrs {
  readonly format: "float32" | "float16";
}

interface Store extends StoreAttrs {
  readonly batch: number;
  readonly sample: number;
  /** Of the whole array. */
  readonly words: number;
}

const sampleWords = ({ format, sample }: Store) => arrayWords(format, 1, sample);

export const storeKernel: Kernel<Store> = {
  program: wgsl("training", "store"),
  overrides: ({ format }) => ({ HALVES: format === "float16" }),
  params: (p) => ({ count: p.batch * sampleWords(p), sample: p.sample, words: sampleWords(p) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(p.batch * sampleWords(p), 64)),
  sizes: ({ batch, sample, words }) => ({ x: batch * sample, data: words }),
  cost: (p) => ({ flops: 0, bytes: 4 * p.batch * (p.sample + sampleWords(p)) }),
};

const problemOf = ({ format }: StoreAttrs, x: Shape, data: Shape): Store => ({
  format,
  batch: x[0],
  sample: elements(x) / x[0],
  words: elements(data),
});

/** Finite as f32, whichever words stay as they are. */
const untouched = () => 0x3f800000;

export const store = operation<StoreAttrs>({
  name: "store",
  inputs: ["x", "data"],
  outputs: [],
  updates: ["data"],
  integers: ["data"],
  shapes: ({ format }, { x, data }) => {
    const needed = x && arrayWords(format, x[0], elements(x) / x[0]);
    if (!data || !needed || elements(data) < needed)
      throw new ThawError("store", `an array of shape ${formatShape(data)}`, `room for ${formatShape(x)} as ${format}`);
    return {};
  },
  gradients: {},
  constants: ["x", "data"],
  variants: {
    plain: (attrs, { x, data }) => ({
      dispatches: [dispatch(storeKernel, problemOf(attrs, x, data), { x: "x", data: "data" })],
    }),
  },
  cases: [
    { attrs: { format: "float32" }, inputs: { x: [2, 3], data: [15] }, fill: { data: untouched } },
    { attrs: { format: "float32" }, inputs: { x: [3, 2, 35], data: [420] }, fill: { data: untouched } },
    { attrs: { format: "float16" }, inputs: { x: [3, 4], data: [12] }, fill: { data: untouched, x: (i) => 1 + i / 8 } },
    // An odd sample leaves half a word unused; the first numbers are beyond f16. Others are exact in it: rounding is free.
    {
      attrs: { format: "float16" },
      inputs: { x: [2, 2, 35], data: [180] },
      fill: { data: untouched, x: (i) => (i < 2 ? (2 * i - 1) * 1e6 : 0.5 + i / 1024) },
    },
  ],
});
