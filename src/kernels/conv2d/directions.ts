/**
 * The three directions of a convolution by one family of programs: what is a product of matrices by the family's product,
 * everything else by a launch for each gather.
 */
import { noEpilogue, type Epilogue } from "../epilogue";
import type { Dispatch } from "../kernel";
import type { Gemm, GemmNames } from "../matmul/gemm";
import type { TileForm } from "../matmul/tile-forms";
import { VariantUnfit, type AdapterTraits, type Lowering } from "../operation";
import { forwardGather, inputGradientGathers, type Gather } from "./gather";
import { filterGradientProduct, forwardProduct, inputGradientProduct, isProduct, type Convolution } from "./problem";

export interface Directions {
  readonly forward: (p: Convolution, epilogue: Epilogue, adapter: AdapterTraits, form?: TileForm) => Lowering;
  readonly inputGradient: (p: Convolution, residual: boolean, adapter: AdapterTraits, form?: TileForm) => Lowering;
  readonly filterGradient: (p: Convolution, adapter: AdapterTraits, form?: TileForm) => Lowering;
}

/** Names of x, w and y in a launch, with those of the epilogue. */
export type Bind = Readonly<Record<string, string | undefined>>;

/** Without `launch` or `filterGradient` the family computes products only in those directions. */
export interface Family {
  readonly product: (p: Gemm, names: GemmNames, adapter: AdapterTraits, form?: TileForm) => Lowering;
  /** Of what is no product. @throws VariantUnfit for problems that the programs cannot do. */
  readonly check?: (p: Convolution, adapter: AdapterTraits) => void;
  /** Forward and gradient with respect to the image. */
  readonly launch?: (
    gather: Gather,
    epilogue: Epilogue,
    bind: Bind,
    adapter: AdapterTraits,
    form?: TileForm,
  ) => Dispatch;
  readonly filterGradient?: (p: Convolution, adapter: AdapterTraits, form?: TileForm) => Lowering;
}

export function directions({ product, check, launch, filterGradient }: Family): Directions {
  const gathered = (
    p: Convolution,
    gathers: (p: Convolution) => readonly Gather[],
    ...[epilogue, bind, adapter, form]: [Epilogue, Bind, AdapterTraits, TileForm?]
  ): Lowering => {
    if (!launch) throw new VariantUnfit("no product of matrices");
    check?.(p, adapter);
    return { dispatches: gathers(p).map((gather) => launch(gather, epilogue, bind, adapter, form)) };
  };
  return {
    forward: (p, epilogue, adapter, form) => {
      const bind = { x: "x", w: "w", y: "y" };
      if (isProduct(p)) return product(forwardProduct(p, epilogue), bind, adapter, form);
      return gathered(p, (q) => [forwardGather(q)], epilogue, bind, adapter, form);
    },
    // One launch for each phase of the strides: pixels of dx that the same taps reach.
    inputGradient: (p, residual, adapter, form) => {
      const epilogue: Epilogue = { ...noEpilogue, residual };
      const bind = { x: "dy", w: "w", y: "dx" };
      if (isProduct(p)) return product(inputGradientProduct(p, epilogue), bind, adapter, form);
      return gathered(p, inputGradientGathers, epilogue, bind, adapter, form);
    },
    filterGradient: (p, adapter, form) => {
      if (isProduct(p))
        return product(filterGradientProduct(p, noEpilogue), { x: "x", w: "dy", y: "dw" }, adapter, form);
      if (!filterGradient) throw new VariantUnfit("no product of matrices");
      check?.(p, adapter);
      return filterGradient(p, adapter, form);
    },
  };
}
