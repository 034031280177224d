/** Convolution of images, and its gradients with respect to image and filter. Layout NHWC, filter [kh, kw, C / groups, O]. */
import { formatShape, ThawError } from "../../errors";
import { checkEpilogue, convolutionShape, type ConvolutionAttrs } from "../convolution";
import { epilogueOf } from "../epilogue";
import { f16Variants, halvesOf, selectHalves, withHalves, type HalfAttrs } from "../half/half";
import { operation, type Case, type Shape } from "../operation";
import { examples, halfExamples } from "./cases";
import { lowerPlain, lowerPlainFilterGradient, lowerPlainInputGradient } from "./plain";
import { lowerRegisters, lowerRegistersFilterGradient, lowerRegistersInputGradient } from "./registers";
import { convolutionOf, filterGradientProduct, forwardProduct, inputGradientProduct } from "./problem";
import { forwardF16, tiles, tilesVec4, tilesW16 } from "./tiles";
import { productQuadsVec4, productVec4, selectConvolution } from "./product";

export interface Conv2dAttrs extends ConvolutionAttrs, HalfAttrs {}

/** `inputShape`: the shape of x, which y and the filter do not settle where strides skip pixels. */
export interface InputGradientAttrs extends ConvolutionAttrs, HalfAttrs {
  readonly inputShape: Shape;
}

/** `filterShape`: the shape of w. */
export interface FilterGradientAttrs extends ConvolutionAttrs {
  readonly filterShape: Shape;
}

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
      plain: (attrs, shapes) =>
        lowerPlain(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), epilogueOf(attrs, shapes)),
      vec4: (attrs, shapes, adapter) =>
        productVec4.forward(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), epilogueOf(attrs, shapes), adapter),
      tiles: (attrs, shapes, adapter) =>
        tiles.forward(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), epilogueOf(attrs, shapes), adapter),
      tilesVec4: (attrs, shapes, adapter) =>
        tilesVec4.forward(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), epilogueOf(attrs, shapes), adapter),
      quadsVec4: (attrs, shapes, adapter) =>
        productQuadsVec4.forward(
          convolutionOf(attrs, shapes.x, shapes.w, shapes.y),
          epilogueOf(attrs, shapes),
          adapter,
        ),
      registers: (attrs, shapes, adapter) =>
        lowerRegisters(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), epilogueOf(attrs, shapes), adapter),
    },
    {
      tilesW16: (attrs, shapes, adapter) =>
        tilesW16.forward(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), epilogueOf(attrs, shapes), adapter),
      tilesF16: (attrs, shapes, adapter) =>
        forwardF16(convolutionOf(attrs, shapes.x, shapes.w, shapes.y), epilogueOf(attrs, shapes), adapter),
    },
  ),
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
      plain: (attrs, { dy, w, residual }) =>
        lowerPlainInputGradient(convolutionOf(attrs, attrs.inputShape, w, dy), residual !== undefined),
      vec4: (attrs, { dy, w, residual }, adapter) =>
        productVec4.inputGradient(convolutionOf(attrs, attrs.inputShape, w, dy), residual !== undefined, adapter),
      tiles: (attrs, { dy, w, residual }, adapter) =>
        tiles.inputGradient(convolutionOf(attrs, attrs.inputShape, w, dy), residual !== undefined, adapter),
      tilesVec4: (attrs, { dy, w, residual }, adapter) =>
        tilesVec4.inputGradient(convolutionOf(attrs, attrs.inputShape, w, dy), residual !== undefined, adapter),
      quadsVec4: (attrs, { dy, w, residual }, adapter) =>
        productQuadsVec4.inputGradient(convolutionOf(attrs, attrs.inputShape, w, dy), residual !== undefined, adapter),
      registers: (attrs, { dy, w, residual }, adapter) =>
        lowerRegistersInputGradient(convolutionOf(attrs, attrs.inputShape, w, dy), residual !== undefined, adapter),
    },
    {
      tilesW16: (attrs, { dy, w, residual }, adapter) =>
        tilesW16.inputGradient(convolutionOf(attrs, attrs.inputShape, w, dy), residual !== undefined, adapter),
    },
  ),
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
    plain: (attrs, { x, dy }) => lowerPlainFilterGradient(convolutionOf(attrs, x, attrs.filterShape, dy)),
    vec4: (attrs, { x, dy }, adapter) =>
      productVec4.filterGradient(convolutionOf(attrs, x, attrs.filterShape, dy), adapter),
    tiles: (attrs, { x, dy }, adapter) => tiles.filterGradient(convolutionOf(attrs, x, attrs.filterShape, dy), adapter),
    tilesVec4: (attrs, { x, dy }, adapter) =>
      tilesVec4.filterGradient(convolutionOf(attrs, x, attrs.filterShape, dy), adapter),
    quadsVec4: (attrs, { x, dy }, adapter) =>
      productQuadsVec4.filterGradient(convolutionOf(attrs, x, attrs.filterShape, dy), adapter),
    registers: (attrs, { x, dy }, adapter) =>
      lowerRegistersFilterGradient(convolutionOf(attrs, x, attrs.filterShape, dy), adapter),
  },
  select: (attrs, { x, dy }, adapter) =>
    selectConvolution(convolutionOf(attrs, x, attrs.filterShape, dy), filterGradientProduct, adapter),
  cases: examples.map(({ attrs, x, w, y, large, traits }) => ({
    attrs: { ...attrs, filterShape: w },
    inputs: { x, dy: y },
    ...(large && { large }),
    traits,
  })),
});
