/**
 * Weights in f16. Where a frozen weight is read by a product or a convolution, the plan may keep a copy of it in f16 and
 * say so in the attribute `half`; programs for such weights are variants of their own, and all others refuse it.
 */
import { VariantUnfit, AdapterLacks, type AdapterTraits, type Lower } from "../operation";

export interface HalfAttrs {
  /**
   * w lies in memory in f16. "weights": all arithmetic is in f32; "arithmetic": x is rounded to f16 too and products are
   * summed in f16, a few at a time, where the adapter has shader-f16, and else as with "weights". Gradients are always computed as
   * with "weights", because they are too small for f16.
   */
  readonly half?: "weights" | "arithmetic";
}

/** Inputs of products and convolutions that hold f16. */
export const halvesOf = ({ half }: HalfAttrs): readonly string[] => (half ? ["w"] : []);

type Variants<A> = Readonly<Record<string, Lower<A>>>;

/** The variants of an operation that may get its weights in f16: `whole` for weights in f32, and two for those in f16. */
export function withHalves<A extends HalfAttrs>(
  whole: Variants<A>,
  halves: { readonly tilesW16: Lower<A>; readonly tilesF16?: Lower<A> },
): Variants<A> {
  const refusing = Object.entries(whole).map(([name, lower]): [string, Lower<A>] => [
    name,
    (attrs, shapes, adapter) => {
      if (attrs.half) throw new VariantUnfit("w lies in f16");
      return lower(attrs, shapes, adapter);
    },
  ]);
  const { tilesF16 } = halves;
  return {
    ...Object.fromEntries(refusing),
    tilesW16: (attrs, shapes, adapter) => {
      if (!attrs.half) throw new VariantUnfit("w lies in f32");
      return halves.tilesW16(attrs, shapes, adapter);
    },
    ...(tilesF16 && {
      tilesF16: (attrs, shapes, adapter) => {
        if (attrs.half !== "arithmetic") throw new VariantUnfit("f16 arithmetic was not asked for");
        if (!multipliesHalves(adapter)) throw new AdapterLacks("shader-f16");
        return tilesF16(attrs, shapes, adapter);
      },
    }),
  };
}

/** Variants of `withHalves` that compute in f16, for the tolerance of their tests. */
export const f16Variants: readonly string[] = ["tilesF16"];

export const multipliesHalves = (adapter: AdapterTraits): boolean => adapter.features.includes("shader-f16");

/** The variant for weights in f16; undefined where they are not. */
export function selectHalves({ half }: HalfAttrs, adapter: AdapterTraits): string | undefined {
  if (!half) return undefined;
  return half === "arithmetic" && multipliesHalves(adapter) ? "tilesF16" : "tilesW16";
}
