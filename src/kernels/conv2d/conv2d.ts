/** Convolution of images, and its gradients with respect to image and filter. Layout NHWC, filter [kh, kw, C / groups, O]. */
import { formatShape, ThawError } from "../../errors";
import { checkEpilogue, convolutionShape, type ConvolutionAttrs } from "../convolution";
import { epilogueOf, type Epilogue } from "../epilogue";
import { f16Variants, halvesOf, selectHalves, withHalves, type HalfAttrs } from "../half/half";
import { unlikelyProducts } from "../matmul/select";
import { timedForms, type TileForm } from "../matmul/tile-forms";
import { formsOf, operation, type AdapterTraits, type Case, type Lower, type Lowering, type Shape } from "../operation";
import { lowerVec4 } from "../matmul/vec4";
import { examples, halfExamples } from "./cases";
import { directions } from "./directions";
import { lowerPlain, lowerPlainFilterGradient, lowerPlainInputGradient } from "./plain";
import { registers } from "./registers";
import {
  convolutionOf,
  filterGradientProduct,
  forwardProduct,
  inputGradientProduct,
  type Convolution,
} from "./problem";
import { forwardF16, tiles, tilesVec4, tilesW16 } from "./tiles";
import { selectConvolution } from "./select";
import { quadsVec4 } from "./quads-vec4";
import { winograd } from "./winograd";

export interface Conv2dAttrs extends ConvolutionAttrs, HalfAttrs {}

/** `inputShape`: the shape of x, which y and the filter do not settle where strides skip pixels. */
export interface InputGradientAttrs extends ConvolutionAttrs, HalfAttrs {
  readonly inputShape: Shape;
}

/** `filterShape`: the shape of w. */
export interface FilterGradientAttrs extends ConvolutionAttrs {
  readonly filterShape: Shape;
}

const productVec4 = directions({ product: lowerVec4 });

// How the variants of the three directions get their problem.
const forward =
  (lower: (p: Convolution, epilogue: Epilogue, adapter: AdapterTraits) => Lowering): Lower<Conv2dAttrs> =>
  (attrs, shapes, adapter) =>
    lower(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), epilogueOf(attrs, shapes), adapter);
const inputGradient =
  (lower: (p: Convolution, residual: boolean, adapter: AdapterTraits) => Lowering): Lower<InputGradientAttrs> =>
  (attrs, { dy, w, residual }, adapter) =>
    lower(convolutionOf(attrs, attrs.inputShape, w, dy), residual !== undefined, adapter);
const filterGradient =
  (lower: (p: Convolution, adapter: AdapterTraits) => Lowering): Lower<FilterGradientAttrs> =>
  (attrs, { x, dy }, adapter) =>
    lower(convolutionOf(attrs, x, attrs.filterShape, dy), adapter);

export const conv2d = operation<Conv2dAttrs>({
  name: "conv2d",
  inputs: ["x", "w", "b?", "scale?", "residual?"],
  outputs: ["y"],
  shapes: (attrs, inputs) => {
    const y = convolutionShape("conv2d", attrs, inputs.x, inputs.w);
    checkEpilogue("conv2d", y, inputs);
    return { y };
  },
  gradients: {
    x: {
      op: "conv2dInputGradient",
      from: { dy: "dy", w: "w" },
      attrs: ({ activation: _, ...attrs }, { x }): InputGradientAttrs => ({ ...attrs, inputShape: x! }),
    },
    w: {
      op: "conv2dFilterGradient",
      from: { x: "x", dy: "dy" },
      attrs: ({ activation: _, ...attrs }, { w }): FilterGradientAttrs => ({ ...attrs, filterShape: w! }),
    },
    b: { op: "sumRows", from: { x: "dy" }, attrs: () => ({}) },
  },
  constants: ["scale", "residual"], // put there by fusion, which runs after gradients are taken
  epilogue: true,
  halves: halvesOf,
  f16Variants,
  variants: withHalves<Conv2dAttrs>(
    {
      plain: forward(lowerPlain),
      vec4: forward(productVec4.forward),
      ...formsOf<Conv2dAttrs, TileForm>("tiles", timedForms, (form) =>
        forward((p, epilogue, adapter) => tiles.forward(p, epilogue, adapter, form)),
      ),
      ...formsOf<Conv2dAttrs, TileForm>("tilesVec4", timedForms, (form) =>
        forward((p, epilogue, adapter) => tilesVec4.forward(p, epilogue, adapter, form)),
      ),
      quadsVec4: forward(quadsVec4.forward),
      registers: forward(registers.forward),
      winograd: forward(winograd.forward),
    },
    { tilesW16: forward(tilesW16.forward), tilesF16: forward(forwardF16) },
  ),
  unlikely: unlikelyProducts,
  select: (attrs, shapes, adapter) =>
    selectHalves(attrs, adapter) ??
    selectConvolution(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), forwardProduct, adapter),
  cases: [
    ...examples.map(({ attrs, x, w, large, traits }, i) => ({
      attrs,
      inputs: { x, w, ...(i % 2 === 1 && { b: [w[3]] }) },
      ...(large && { large }),
      traits,
    })),
    ...fusedCases(),
    ...halfExamples.map(({ attrs, x, w, y, half, traits }, i) => ({
      attrs: { ...attrs, half, ...(i % 2 === 0 && { activation: { kind: "relu", maxValue: 6 } as const }) },
      inputs: { x, w, b: [w[3]], ...(i % 3 === 0 && { residual: y }) },
      fused: true as const,
      traits,
    })),
  ],
});

function fusedCases(): Case<ConvolutionAttrs>[] {
  const activations: ConvolutionAttrs["activation"][] = [
    { kind: "relu", maxValue: 6 },
    { kind: "silu" },
    { kind: "hardSilu" },
  ];
  return examples
    .filter(({ large }) => large)
    .slice(0, 6)
    .map(({ attrs, x, w, y }, i) => ({
      attrs: { ...attrs, activation: activations[i % 3]! },
      inputs: { x, w, b: [w[3]], ...(i % 2 === 0 && { scale: [w[3]] }), ...(i % 3 !== 1 && { residual: y }) },
      fused: true,
    }));
}

/** Checks that dy is what the convolution of x and w would have. */
function checkOutputGradient(who: string, attrs: ConvolutionAttrs, x: Shape, w: Shape, dy: Shape | undefined): void {
  const y = convolutionShape(who, attrs, x, w);
  if (dy?.length !== 4 || y.some((n, i) => n !== dy[i])) {
    throw new ThawError(who, `dy has shape ${formatShape(dy)}`, `that of the output, ${formatShape(y)}`);
  }
}

export const conv2dInputGradient = operation<InputGradientAttrs>({
  name: "conv2dInputGradient",
  inputs: ["dy", "w", "residual?"],
  outputs: ["dx"],
  shapes: (attrs, { dy, w, residual }) => {
    checkOutputGradient("conv2dInputGradient", attrs, attrs.inputShape, w!, dy);
    checkEpilogue("conv2dInputGradient", attrs.inputShape, { residual });
    return { dx: attrs.inputShape };
  },
  gradients: {},
  constants: ["dy", "w", "residual"],
  halves: halvesOf,
  variants: withHalves<InputGradientAttrs>(
    {
      plain: inputGradient(lowerPlainInputGradient),
      vec4: inputGradient(productVec4.inputGradient),
      ...formsOf<InputGradientAttrs, TileForm>("tiles", timedForms, (form) =>
        inputGradient((p, residual, adapter) => tiles.inputGradient(p, residual, adapter, form)),
      ),
      ...formsOf<InputGradientAttrs, TileForm>("tilesVec4", timedForms, (form) =>
        inputGradient((p, residual, adapter) => tilesVec4.inputGradient(p, residual, adapter, form)),
      ),
      quadsVec4: inputGradient(quadsVec4.inputGradient),
      registers: inputGradient(registers.inputGradient),
      winograd: inputGradient(winograd.inputGradient),
    },
    { tilesW16: inputGradient(tilesW16.inputGradient) },
  ),
  unlikely: unlikelyProducts,
  select: (attrs, { dy, w }, adapter) =>
    selectHalves({ half: attrs.half && "weights" }, adapter) ??
    selectConvolution(convolutionOf(attrs, attrs.inputShape, w, dy), inputGradientProduct, adapter),
  cases: [
    ...examples.map(({ attrs, x, w, y, large, traits }, i) => ({
      attrs: { ...attrs, inputShape: x },
      inputs: { dy: y, w, ...(i % 3 === 1 && { residual: x }) },
      ...(large && { large }),
      traits,
    })),
    ...halfExamples
      .filter(({ half }) => half === "weights")
      .map(({ attrs, x, w, y, half, traits }, i) => ({
        attrs: { ...attrs, half, inputShape: x },
        inputs: { dy: y, w, ...(i % 3 === 1 && { residual: x }) },
        fused: true as const,
        traits,
      })),
  ],
});

export const conv2dFilterGradient = operation<FilterGradientAttrs>({
  name: "conv2dFilterGradient",
  inputs: ["x", "dy"],
  outputs: ["dw"],
  shapes: (attrs, { x, dy }) => {
    checkOutputGradient("conv2dFilterGradient", attrs, x!, attrs.filterShape, dy);
    return { dw: attrs.filterShape };
  },
  gradients: {},
  constants: ["x", "dy"],
  variants: {
    plain: filterGradient(lowerPlainFilterGradient),
    vec4: filterGradient(productVec4.filterGradient),
    ...formsOf<FilterGradientAttrs, TileForm>("tiles", timedForms, (form) =>
      filterGradient((p, adapter) => tiles.filterGradient(p, adapter, form)),
    ),
    ...formsOf<FilterGradientAttrs, TileForm>("tilesVec4", timedForms, (form) =>
      filterGradient((p, adapter) => tilesVec4.filterGradient(p, adapter, form)),
    ),
    quadsVec4: filterGradient(quadsVec4.filterGradient),
    registers: filterGradient(registers.filterGradient),
  },
  unlikely: unlikelyProducts,
  select: (attrs, { x, dy }, adapter) =>
    selectConvolution(convolutionOf(attrs, x, attrs.filterShape, dy), filterGradientProduct, adapter),
  cases: examples.map(({ attrs, x, w, y, large, traits }) => ({
    attrs: { ...attrs, filterShape: w },
    inputs: { x, dy: y },
    ...(large && { large }),
    traits,
  })),
});
