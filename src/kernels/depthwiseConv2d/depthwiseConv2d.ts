/** Depthwise convolution: each channel has filters of its own. Its gradients are in inputGradient.ts and filterGradient.ts. */
import type { Activation } from "../activation/activation";
import { checkEpilogue, type ConvolutionAttrs } from "../convolution";
import {
  epilogueBindings,
  epilogueCost,
  epilogueOf,
  epilogueOverrides,
  epilogueParams,
  epilogueSizes,
  type Epilogue,
} from "../epilogue";
import { ceilDiv, dispatch, foldWorkgroups, type Kernel } from "../kernel";
import { elements, operation, type Case, type Lower, type Shape } from "../operation";
import { forwardCorrelation, generalKernel, strip2Kernel, stripKernel } from "./correlation";
import {
  depthwiseCost,
  depthwiseShape,
  examples,
  flagsOf,
  plainParams,
  requireFours,
  requireStrips,
  selectVariant,
  type Depthwise,
} from "./geometry";
import { wgsl } from "../program";

interface Forward extends Depthwise {
  readonly epilogue: Epilogue;
}

export const depthwisePlainKernel: Kernel<Forward> = {
  program: wgsl("depthwise", "depthwise_conv2d"),
  overrides: (p) => epilogueOverrides(p.epilogue),
  params: (p) => ({ count: elements(p.y), ...plainParams(p), ...epilogueParams(p.epilogue) }),
  workgroups: (p) => foldWorkgroups(ceilDiv(elements(p.y), 64)),
  sizes: (p) => ({
    x: elements(p.x),
    w: elements(p.w),
    y: elements(p.y),
    ...epilogueSizes(p.epilogue, p.y[3], elements(p.y)),
  }),
  cost: (p) => {
    const { flops, bytes } = depthwiseCost(p);
    const after = epilogueCost(p.epilogue, p.y[3], elements(p.y));
    return { flops: flops + after.flops, bytes: bytes + after.bytes };
  },
};

type Shapes = Record<string, Shape>;

const problemOf = (attrs: ConvolutionAttrs, shapes: Shapes): Depthwise => ({
  attrs,
  x: shapes["x"],
  w: shapes["w"],
  y: shapes["y"],
});

const bindings = (epilogue: Epilogue) => ({ x: "x", w: "w", y: "y", ...epilogueBindings(epilogue) });

const plain: Lower<ConvolutionAttrs> = (attrs, shapes) => {
  const epilogue = epilogueOf(attrs, shapes);
  const problem = { ...problemOf(attrs, shapes), epilogue };
  return { dispatches: [dispatch(depthwisePlainKernel, problem, bindings(epilogue))] };
};

/** Lowering to one of the programs for channels in fours. */
const fast =
  (require: (p: Depthwise) => void, kernelFor: (p: Depthwise) => typeof stripKernel): Lower<ConvolutionAttrs> =>
  (attrs, shapes, { software }) => {
    const problem = problemOf(attrs, shapes);
    require(problem);
    const epilogue = epilogueOf(attrs, shapes);
    const correlation = forwardCorrelation(problem, epilogue, software);
    return { dispatches: [dispatch(kernelFor(problem), correlation, bindings(epilogue))] };
  };

const plainCases = (): Case<ConvolutionAttrs>[] =>
  examples().map((example, i) => {
    const { attrs, x, w } = example;
    // Every third with a bias, which is part of the operation and not only of its epilogue.
    return { attrs, inputs: { x, w, b: i % 3 === 1 ? [w[2] * w[3]] : undefined }, ...flagsOf(example) };
  });

const epilogues: Activation[] = [
  { kind: "relu", maxValue: 6 },
  { kind: "relu", slope: 0.1, threshold: 0.2 },
  { kind: "sigmoid" },
  { kind: "tanh" },
  { kind: "silu" },
  { kind: "hardSigmoid" },
  { kind: "hardSilu" },
];

const fusedCases = (): Case<ConvolutionAttrs>[] =>
  epilogues.map((activation, i) => {
    const { attrs, x, w } = examples()[[1, 6, 9, 12, 2, 7, 8][i]];
    const outputs = w[2] * w[3];
    const y = depthwiseShape("depthwiseConv2d", attrs, x, w);
    return {
      attrs: { ...attrs, activation },
      inputs: {
        x,
        w,
        b: i % 2 === 0 ? [outputs] : undefined,
        scale: i % 3 === 0 ? [outputs] : undefined,
        residual: i % 4 < 2 ? y : undefined,
      },
      fused: true,
    };
  });

export const depthwiseConv2d = operation<ConvolutionAttrs>({
  name: "depthwiseConv2d",
  inputs: ["x", "w", "b?", "scale?", "residual?"],
  outputs: ["y"],
  shapes: (attrs, inputs) => {
    const y = depthwiseShape("depthwiseConv2d", attrs, inputs["x"], inputs["w"]);
    checkEpilogue("depthwiseConv2d", y, inputs);
    return { y };
  },
  gradients: {
    x: {
      op: "depthwiseInputGradient",
      from: { dy: "dy", w: "w" },
      attrs: (attrs, { x }) => ({ ...attrs, inputShape: x! }),
    },
    w: {
      op: "depthwiseFilterGradient",
      from: { x: "x", dy: "dy" },
      attrs: (attrs, { w }) => ({ ...attrs, filterShape: w! }),
    },
    b: { op: "sumRows", from: { x: "dy" }, attrs: () => ({}) },
  },
  constants: ["scale", "residual"],
  epilogue: true,
  variants: {
    plain,
    vec4: fast(requireFours, () => generalKernel),
    strips: fast(requireStrips, ({ attrs }) => (attrs.strides[0] === 1 ? stripKernel : strip2Kernel)),
  },
  select: (attrs, shapes) => selectVariant(problemOf(attrs, shapes)),
  cases: [...plainCases(), ...fusedCases()],
});
